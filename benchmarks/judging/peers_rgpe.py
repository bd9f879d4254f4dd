"""RGPE, the ranking-weighted Gaussian process ensemble (Feurer, Letham & Bakshy, AutoML@ICML 2018).

Notation: S sources, N candidates, k trials seen, f_s the process of source s, y the target's losses.

One GP (BoTorch's `SingleTaskGP`, see `peers_map`) for each of at most `SOURCES` source tasks, on at most
`POINTS` of its evaluations, drawn at random and standardised; and one of the target. As in BoTorch's tutorial
"Bayesian optimization with RGPE", a model's weight is the share of `SAMPLES` posterior samples at the target's
trials in which it misranks the fewest pairs,

    L(f) = sum_ij 1[(f(x_i) < f(x_j)) xor (y_i < y_j)]

where the target's own model is asked about x_i without trial i (against y_j), wins ties, and a source whose
median loss is above the target's 95 % quantile is left out (against dilution). Below three trials the sources
weigh alike. The ensemble is sum_s w_s f_s with variance sum_s w_s^2 var_s; its expected improvement is below
its own lowest mean at a trial, as the tutorial's noisy EI does; the first trial is where its mean is lowest.
"""

from typing import Any, Self

import numpy as np
import torch

from forerun.metadata import MetaDataset
from forerun.metalearners.threads import one_thread
from forerun.space import Floats
from judging.base import Candidates, Method, Seen
from judging.peers_inputs import Inputs, highest, known, source_losses, standardised, untried
from judging.peers_map import Process, kernel, spread

SOURCES = 50
POINTS = 50
SAMPLES = 256
FEW = 3
"""With fewer trials the sources weigh alike."""
QUANTILE = 0.95


class RankingWeighted(Method):
    """An ensemble of source models and the target's."""

    @one_thread()
    def fit(self, meta: MetaDataset, rng: np.random.Generator) -> Self:
        self.inputs_ = Inputs.of(meta.space, meta.X)
        sources = source_losses(meta)
        self.sources_: list[Process] = []
        for s in rng.permutation(len(sources))[:SOURCES]:
            rows, losses = sources[s]
            some = rng.permutation(len(rows))[:POINTS]
            self.sources_.append(Process.fit(self.inputs_(meta.X[rows[some]]), standardised(losses[some])))
        self.last_: tuple[Any, ...] = (None,)
        """Candidates that were asked about last, their inputs, and what the sources expect: a cache."""
        return self

    @one_thread()
    def choose(self, candidates: Candidates, seen: Seen, rng: np.random.Generator) -> int:
        if self.last_[0] is not candidates:
            X = self.inputs_(candidates.X)
            reduced = [source.reduced(X) for source in self.sources_]
            # a source of few trials takes nothing more away
            halves = np.stack([np.pad(half, ((0, POINTS - len(half)), (0, 0))) for _, half in reduced])
            self.last_ = (candidates, X, np.stack([mean for mean, _ in reduced]), halves, spread(halves))
        _, X, means, halves, stds = self.last_
        left, tried = untried(candidates, seen), list(seen.rows)
        weights = np.full(len(means), 1 / len(means))
        if len(tried) >= FEW:
            y = standardised(known(seen))
            own = Process.fit(X[tried], y)
            mean, std = own.predict(X)
            means, stds = np.vstack([means, mean]), np.vstack([stds, std])
            some = halves[:, :, tried]
            prior = np.stack([kernel(X[tried], X[tried], source.scales) for source in self.sources_])
            joint = means[:-1, tried], prior - some.mT @ some
            weights = ranking_weights(joint, own.left_out(y), y, rng)
        mean, std = weights @ means, np.sqrt(weights**2 @ stds**2)
        if not tried:
            return highest(-mean[left], left, rng)
        return highest(log_improvement(mean[left], std[left], float(mean[tried].min())), left, rng)


def ranking_weights(
    sources: tuple[Floats, Floats], left_out: tuple[Floats, Floats], y: Floats, rng: np.random.Generator
) -> Floats:
    """Weights (S + 1,), the target's last.

    Given are the sources' means (S, k) and covariances (S, k, k) at the trials, and the target's means and stds
    (k,) without each.
    """
    k = len(y)
    order = y[:, None] < y
    mean, covariance = sources
    losses = np.empty((len(mean) + 1, SAMPLES))
    values, vectors = np.linalg.eigh(covariance)
    half = np.sqrt(np.maximum(values, 0))[:, :, None] * vectors.mT
    for s in range(len(mean)):
        f = mean[s] + rng.normal(size=(SAMPLES, k)) @ half[s]
        losses[s] = ((f[:, :, None] < f[:, None, :]) ^ order).sum(axis=(1, 2))
    f = left_out[0] + rng.normal(size=(SAMPLES, k)) * left_out[1]
    wrong = (f[:, :, None] < y) ^ order
    # a trial is not compared with itself
    losses[-1] = wrong.sum(axis=(1, 2)) - np.diagonal(wrong, axis1=1, axis2=2).sum(axis=1)
    diluting = np.median(losses[:-1], axis=1) > np.quantile(losses[-1], QUANTILE)
    losses[:-1][diluting] = np.inf
    best = losses == losses.min(axis=0)
    # the target wins ties, else one of the best at random
    best[:-1, best[-1]] = False
    winner = np.where(best, rng.random(best.shape), -1.0).argmax(axis=0)
    return np.bincount(winner, minlength=len(losses)) / SAMPLES


def log_improvement(mean: Floats, std: Floats, best: float) -> Floats:
    """BoTorch's log expected improvement (n,) below the best loss."""
    from botorch.acquisition.analytic import _log_ei_helper

    return _log_ei_helper(torch.from_numpy((best - mean) / std)).numpy() + np.log(std)
