"""How honest the head's doubt is, measured on families held out, and by what factor to mend it."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from forerun.metadata import MetaDataset
from forerun.metalearners.base import NORMAL, Floats
from forerun.metalearners.hierarchy import Grams, Hierarchy, shared_weights
from forerun.metalearners.posterior import hypotheses, mixture

FOLDS = 5


class Learned(NamedTuple):
    """A hierarchy and what it was learned from."""

    hierarchy: Hierarchy
    grams: Grams
    C: Floats
    """(T, q) task coordinates."""
    importance: Floats
    """(T,)"""


def temperature(learned: Learned, trust: float, Phi: Floats, meta: MetaDataset) -> float:
    """How much wider than claimed the errors on held-out families are, of trials Phi (n, p) of a meta-dataset.

    Only W is learned without them; the variances, of which every task is a small part, stay.
    """
    h, grams, C, weights = learned
    families = np.unique(np.array(meta.families))
    if len(families) < 2 or not len(meta):
        return 1.0
    fold = np.searchsorted(families, np.array(meta.families)) % min(FOLDS, len(families))
    ratios = []
    for held in range(fold.max() + 1):
        share = np.where(fold == held, 0.0, weights / weights.mean())
        W, doubt = shared_weights(grams, C, share, h.variances)
        part = replace(h, W=W, doubt=doubt)
        for t in np.flatnonzero(fold == held):
            ratios.append(_errors(part, C[t], trust, Phi[meta.task == t], meta.y[meta.task == t]))
    return widening(np.concatenate(ratios))


def _errors(h: Hierarchy, c: Floats, trust: float, Phi: Floats, y: Floats) -> Floats:
    """Errors (n,) on a task with coordinates c, in units of the std that is claimed without trials."""
    mean, variance = mixture(hypotheses(h, c), (trust, 1 - trust), Phi)
    return np.asarray(np.abs(y - mean) / np.sqrt(variance + h.variances.noise))


def widening(ratios: Floats) -> float:
    """The factor on the std that brings the central intervals nearest to their nominal shares, on average."""
    found = [np.quantile(ratios, percent / 100) / width for percent, width in NORMAL.items()]
    return float(np.clip(np.mean(found), 0.3, 3.0))
