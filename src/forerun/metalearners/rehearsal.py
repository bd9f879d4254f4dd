"""Playing target with the tasks of the history: how likely each hypothesis is, and how wide doubt must be.

Of every family of tasks left out in turn, a few trials are shown and the rest predicted. The prior shares of
the hypotheses are what expectation maximisation finds over these rehearsals, so that a history whose tasks
have nothing in common teaches that nothing is to be expected of it. Doubt is widened by what the central
intervals then lack.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol, Self

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp

from forerun.metadata import MetaDataset, ScaleModel, Standard
from forerun.metalearners.adapted import Adapted
from forerun.metalearners.base import NORMAL, Context, Floats
from forerun.metalearners.hypotheses import Points, components, moments
from forerun.metalearners.sources import Sources
from forerun.metalearners.views import Met, Views

Rows = npt.NDArray[np.int64]

FOLDS = 3
SHOWN = (5, 10)
"""Trials that are shown."""
ASKED = 40
"""Trials, at most, that are predicted."""
TASKS = 60
"""Tasks, at most, that play the target."""
STEPS = 20
"""Of expectation maximisation."""
PRIOR = 2.0
"""So many imagined rehearsals speak for the shares that were guessed."""
IMAGINED = 10
"""So many imagined tasks speak for intervals of the normal distribution."""
MARGIN = 0.3
"""No share sinks below this part of what was guessed: a target may be unlike all rehearsals."""


class Doubt(NamedTuple):
    """How wide intervals must be to hold what they claim."""

    factor: float
    """On every std in target units."""
    widths: tuple[float, ...]
    """Half widths of central intervals in raw units, for each of NORMAL, in stds."""


CERTAIN = Doubt(1.0, tuple(NORMAL.values()))
"""Where there was nothing to measure by."""


class Family(Protocol):
    """A meta-learner whose surrogates are Gaussian in the weights of basis functions."""

    def fit(self, meta: MetaDataset) -> Self:
        """As `MetaLearner.fit`."""
        ...

    def adapt(self, context: Context) -> Adapted:
        """As `MetaLearner.adapt`."""
        ...


@dataclass(frozen=True)
class Scene:
    """One task that plays the target."""

    families: Sequence[Adapted]
    """Fitted without its own family of tasks."""
    points: Points
    losses: Floats
    """Raw, NaN where failed."""
    y: Floats
    """What they are in target units, in truth."""
    standard: Standard
    """What was expected of their location and scale."""
    w: Floats
    """(T,) weights of the other families' tasks."""


def scenes(
    meta: MetaDataset, sources: Sources, views: Views, makers: Sequence[Callable[[], Family]]
) -> Iterator[Scene]:
    """Of tasks of the history, each predicted by families that were fitted without its own."""
    names, place = np.unique(np.array(meta.families), return_inverse=True)
    rng = np.random.default_rng(2)
    fold = (rng.permutation(len(names)) % min(FOLDS, len(names)))[place]
    played = set(rng.permutation(len(meta.tasks))[:TASKS].tolist())
    for number in range(min(FOLDS, len(names))) if len(names) > 2 else ():
        rest = meta.of_tasks(np.flatnonzero(fold != number))
        families, scales = [make().fit(rest) for make in makers], ScaleModel().fit(rest)
        for t in sorted(played & set(np.flatnonzero(fold == number).tolist())):
            rows = rng.permutation(np.flatnonzero(meta.task == t))[: max(SHOWN) + ASKED]
            X = meta.X[rows]
            empty = Context.empty(meta.features[t], X.shape[1])
            said = [family.adapt(empty) for family in families]
            w = np.where(place == place[t], 0.0, views.w)
            standard = scales.predict(meta.features[t])
            points = Points(X, sources.at(X), tuple(f.basis(X) for f in said))
            yield Scene(said, points, meta.loss[rows], meta.y[rows], standard, w / w.sum())


def rehearse(views: Views, played: list[Scene]) -> tuple[Views, tuple[Doubt, Doubt]]:
    """The views with shares that the scenes teach, and the doubt before any trial and after."""
    if not played:
        return views, (CERTAIN, CERTAIN)
    logs = np.array([_evidence(views, scene, k) for scene in played for k in SHOWN if len(scene.y) > k])
    guessed = views.shares
    shares = guessed
    for _ in range(STEPS if len(logs) else 0):
        joint = logs + np.log(shares)
        found = np.exp(joint - logsumexp(joint, axis=1, keepdims=True)).sum(axis=0) + PRIOR * guessed
        shares = np.maximum(found / found.sum(), MARGIN * guessed)
    taught = replace(views, shares=shares / shares.sum())
    return taught, (_doubt(taught, played, 0), _doubt(taught, played, SHOWN[0]))


def _meet(views: Views, scene: Scene, rows: Rows) -> Met:
    """Some trials of the scene."""
    return replace(views, w=scene.w).meet(scene.families, scene.points.of(rows), scene.losses[rows], scene.standard)


def _evidence(views: Views, scene: Scene, k: int) -> Floats:
    """Log likelihood (H,) of each hypothesis for the first k trials."""
    pieces = _meet(views, scene, np.arange(k)).pieces
    parts: dict[int, list[Floats]] = {}
    for p in pieces:
        parts.setdefault(id(p.hypothesis), []).append(p.evidence - np.log(p.hypothesis.share))
    return np.array([logsumexp(np.concatenate(part)) for part in parts.values()])


def _doubt(views: Views, played: list[Scene], k: int) -> Doubt:
    """Of predictions after k trials."""
    bent = [np.abs(told.y - told.mean) / told.std for told in _told(views, played, k)]
    # where every training failed there is nothing to measure by
    if not sum(map(len, bent)):
        return CERTAIN
    factor = fair_width(np.concatenate(bent))
    ratios = []
    for told in _told(views, played, k, promising=True):
        mean, std = told.standard.to_units(told.mean, factor * told.std)
        ratios.append(np.abs(told.losses - mean) / std)
    found = np.quantile(np.concatenate(ratios), np.array(list(NORMAL)) / 100)
    speak = len(ratios) / (len(ratios) + IMAGINED)
    return Doubt(factor, tuple((found**speak * np.array(list(NORMAL.values())) ** (1 - speak)).tolist()))


class Told(NamedTuple):
    """What is predicted of n trials of a scene that did not fail: failing is luck, which no interval is to hold."""

    losses: Floats
    y: Floats
    standard: Standard
    mean: Floats
    std: Floats


def _told(views: Views, played: list[Scene], k: int, *, promising: bool = False) -> Iterator[Told]:
    """Of the trials that are not shown, when k are: any ones, or the most promising ones, as in use."""
    for scene in (s for s in played if len(s.y) > k):
        order = np.arange(len(scene.y))
        if promising:
            order = np.argsort(_predicted(_meet(views, scene, order[:0]), scene.points)[0], kind="stable")
        met, rest = _meet(views, scene, order[:k]), order[k:]
        rest = rest[np.isfinite(scene.losses[rest])]
        yield Told(scene.losses[rest], scene.y[rest], met.standard, *_predicted(met, scene.points.of(rest)))


def _predicted(met: Met, points: Points) -> tuple[Floats, Floats]:
    return moments(components(met.pieces, met.trials, points))


def fair_width(ratios: Floats) -> float:
    """The factor on the std with which the worst of the central intervals is nearest to its nominal share."""
    widths = np.geomspace(0.3, 3.0, 60)
    wrong = [max(abs(float((ratios <= width * z).mean()) - p / 100) for p, z in NORMAL.items()) for width in widths]
    return float(widths[int(np.argmin(wrong))])
