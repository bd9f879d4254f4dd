"""Relative performance: which of two configurations is better on the same validation set, and by how much.

A scorer g(x, task) is trained on pairs (a, b) of trials of one task; what it says is g(a) - g(b), which
is antisymmetric and does not care how hard the task is. The loss of a pair joins both questions:

    which      log(1 + exp(-s d)), d = g(worse) - g(better)     (Bradley and Terry 1952; Burges et al. 2005)
    how much   the square of d - (y_worse - y_better)

The scorer is an ensemble of shallow networks (`shallow`); its score is centred over a reference set of
configurations. Few trials of a target anchor it through the head (`head`), whose update of losses sees
nothing but differences between trials as well. How hard a task is, is asked only for times, in seconds:
then the head knows the level from the task's features.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from scipy.special import ndtr

from forerun.metadata import MetaDataset
from forerun.metalearners.base import Context, Floats
from forerun.metalearners.body import Body
from forerun.metalearners.network import Network, NetworkSurrogate, batch_size, member_weights
from forerun.metalearners.shallow import Settings

SHARPNESS = 2.0
"""s: a difference of one target unit decides a pair with odds of e^2."""


class Comparison(NamedTuple):
    """What is expected of n pairs of configurations (a, b)."""

    probability: Floats
    """(n,) that the training of a ends with the lower loss."""
    difference: Floats
    """(n,) expected loss of a less that of b, in target units."""


@dataclass
class Relative(Network):
    """Ensemble trained on pairs of trials, with a Bayesian head."""

    def _train(self, meta: MetaDataset) -> tuple[Body, Floats]:
        return Body.fit(meta, Pairs(meta, self.settings), self.settings, units=self.units, centred=True)

    def adapt(self, context: Context) -> "RelativeSurrogate":
        """As `MetaLearner.adapt`."""
        return RelativeSurrogate(**vars(super().adapt(context)))

    def compare(self, a: Floats, b: Floats, features: Floats) -> Comparison:
        """Compare encoded configurations a and b, (n, d) each, on a task with features (m,) without trials."""
        return self.adapt(Context.empty(features, a.shape[1])).compare(a, b)


@dataclass(frozen=True)
class RelativeSurrogate(NetworkSurrogate):
    """Compares configurations on one task."""

    def compare(self, a: Floats, b: Floats) -> Comparison:
        """Compare encoded configurations a and b, (n, d) each."""
        apart = self.basis(a) - self.basis(b)
        probability, difference = np.zeros(len(a)), np.zeros(len(a))
        for share, belief in zip(self.shares, self.beliefs, strict=True):
            mean, variance = belief.predict(apart)
            # the noise of two trainings
            std = self.temperature * np.sqrt(variance + 2 * self.noise)
            probability += share * ndtr(-mean / std)
            difference += share * mean
        return Comparison(probability, difference)


class Pairs:
    """The loss of a pair (see the module), each member without its own bag."""

    def __init__(self, meta: MetaDataset, settings: Settings) -> None:
        self.y = torch.from_numpy(meta.y.astype(np.float32))
        self.weight = member_weights(meta, settings)
        # trials stand task by task (`canonical`): a partner is any trial of the same stretch
        counts = np.bincount(meta.task)
        starts = np.cumsum(counts) - counts
        self.start, self.count = (torch.from_numpy(a[meta.task]) for a in (starts, counts))

    def batches(self, generator: torch.Generator) -> Iterator[torch.Tensor]:
        """As `Objective.batches`: every trial once, then a partner for each."""
        for rows in torch.split(torch.randperm(len(self.y), generator=generator), -(-batch_size(len(self.y)) // 2)):
            drawn = torch.rand(len(rows), generator=generator) * self.count[rows]
            yield torch.cat([rows, self.start[rows] + drawn.long().clamp_max(self.count[rows] - 1)])

    def loss(self, outputs: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """As `Objective.loss`."""
        half = len(rows) // 2
        said = outputs[:half] - outputs[half:]
        true = (self.y[rows[:half]] - self.y[rows[half:]])[:, None]
        which = torch.nn.functional.softplus(-SHARPNESS * said * torch.sign(true)) * (true != 0)
        # half, for a pair is two trials: what a trial counts beside a penalty is then what it counts in `Squares`
        return (self.weight[rows[:half]] * (which + (said - true) ** 2)).sum(dim=1).mean() / 2
