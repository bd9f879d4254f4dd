"""Gaussian processes as a surrogate: exact conditioning on a target's trials, under hypotheses that they decide on.

Notation: n configurations, k trials of the target, M embeddings e_m (p,), said v (the mean that was learned),
z inputs of a configuration (i,).

    transfer   f ~ GP(v, a mean_m matern(e_m / l, e_m' / l) + t v v' + s)
    scratch    f ~ GP(0, a matern(z / l, z' / l) + t v v' + s)      what was learned may hold in reverse, or not at all
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import inf, log
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import torch

from forerun.metadata import ScaleModel, Standard
from forerun.metalearners.base import Context, Floats, Prediction
from forerun.metalearners.posterior import Pull, pull
from forerun.metalearners.units import settle

LATER = 5
"""Trials after which doubt is judged, beside that without any."""


class Points(NamedTuple):
    """Configurations on one task, as processes see them; (..., n) where there are several tasks."""

    e: torch.Tensor
    """(M, ..., n, p)"""
    said: torch.Tensor
    """(..., n)"""
    z: torch.Tensor
    """(..., n, i)"""

    def at(self, places: npt.NDArray[np.int64]) -> "Points":
        """Some of those of one task."""
        return Points(self.e[:, places], self.said[places], self.z[places])


@dataclass(frozen=True)
class Process:
    """A prior over functions, by its variances."""

    kernel: torch.Tensor
    """a"""
    trust: torch.Tensor
    """t"""
    level: torch.Tensor
    """s"""
    length: torch.Tensor
    """l"""
    believed: bool
    """Whether what was learned is believed, or nothing but the inputs."""

    def mean(self, points: Points) -> torch.Tensor:
        """(..., n)"""
        return points.said if self.believed else torch.zeros_like(points.said)

    def covariance(self, one: Points, two: Points) -> torch.Tensor:
        """(..., n, k)"""
        if self.believed:
            like = matern(one.e / self.length, two.e / self.length).mean(dim=0)
        else:
            like = matern(one.z / self.length, two.z / self.length)
        return self.kernel * like + self.trust * one.said[..., :, None] * two.said[..., None, :] + self.level

    def variance(self, points: Points) -> torch.Tensor:
        """(..., n), the diagonal of `covariance`."""
        return self.kernel + self.trust * points.said**2 + self.level


def matern(one: torch.Tensor, two: torch.Tensor) -> torch.Tensor:
    """Matern 5/2 kernel (..., n, k) of embeddings (..., n, p) and (..., k, p), at unit length."""
    squares = (one**2).sum(-1)[..., :, None] + (two**2).sum(-1)[..., None, :] - 2 * (one @ two.mT)
    found: torch.Tensor = _Matern.apply(squares)  # type: ignore[no-untyped-call]
    return found


class _Matern(torch.autograd.Function):
    """Of squared distances: finite slopes at zero, where those of the root are not."""

    @staticmethod
    def forward(ctx: Any, squares: torch.Tensor) -> torch.Tensor:
        far = torch.sqrt((5 * squares).clamp_min(0.0))
        decay = torch.exp(-far)
        up = (1 + far) * decay
        ctx.save_for_backward(up)
        return up + far**2 / 3 * decay

    @staticmethod
    def backward(ctx: Any, *slopes: torch.Tensor) -> torch.Tensor:
        (up,) = ctx.saved_tensors
        found: torch.Tensor = slopes[0] * up * (-5 / 6)
        return found


@dataclass(frozen=True)
class ProcessSurrogate:
    """A mixture of processes, conditioned on trials."""

    points: Callable[[Floats], Points]
    processes: tuple[Process, ...]
    shares: tuple[float, ...]
    """Probabilities of the processes."""
    noise: float
    temperatures: tuple[float, float]
    """Factors on every std: without trials, and after LATER or more."""
    standard: Standard
    offset: float
    """What is added to all: the level that a task's features tell, of times."""
    seen: Points | None = None
    y: Floats = field(default_factory=lambda: np.zeros(0))
    """(k,) what was seen, in target units without the offset."""
    failed: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=bool))
    """(k,)"""
    pulls: tuple[Pull, ...] = ()
    """By the trials seen, one a process."""

    @property
    def temperature(self) -> float:
        """The factor on every std, between those that were measured."""
        first, later = self.temperatures
        return first + (later - first) * min(len(self.y) / LATER, 1.0)

    def predict(self, X: Floats) -> Prediction:
        """As `Surrogate.predict`."""
        points = self.points(X)
        means, variances = zip(*(self._moments(i, points) for i in range(len(self.processes))), strict=True)
        mean = np.asarray(sum(share * m for share, m in zip(self.shares, means, strict=True)))
        parts = zip(self.shares, means, variances, strict=True)
        variance = np.asarray(sum(share * (v + (m - mean) ** 2) for share, m, v in parts))
        return Prediction(mean + self.offset, self.temperature * np.sqrt(variance + self.noise))

    def _moments(self, which: int, points: Points) -> tuple[Floats, Floats]:
        process = self.processes[which]
        mean, variance = process.mean(points).numpy(), process.variance(points).numpy()
        if self.seen is None:
            return mean, variance
        found, C = self.pulls[which], process.covariance(points, self.seen).numpy()
        known = np.einsum("nk,nk->n", C @ found.precision, C)
        return mean + C @ found.mean, np.maximum(variance - known, 0.0) + (C @ found.lean) ** 2

    def to_units(self, prediction: Prediction) -> Prediction:
        """As `Surrogate.to_units`."""
        return Prediction(*self.standard.to_units(prediction.mean, prediction.std))

    def conditioned(self, context: Context, scales: ScaleModel, luck: float) -> Self:
        """Condition a surrogate that has seen nothing; a failed trial's noise is larger by 1 / luck."""
        expected = self.predict(context.X)
        standard = scales.update(self.standard, context.y, expected.mean, expected.std)
        known = np.isfinite(context.y)
        # a failed training has a loss (the worst) but says nothing about its time
        kept = np.full(len(known), True) if standard.bent else known
        if not kept.any():
            return self
        points = self.points(context.X[kept])
        noise = np.diag(self.noise / np.where(known, 1.0, luck)[kept])
        y, floating = standard.forward(context.y)[kept] - self.offset, (known & standard.bent)[kept]
        means, covariances = self._prior(points)
        pulls = tuple(pull(K + noise, m, y, floating) for m, K in zip(means, covariances, strict=True))
        logs = np.array([log(s) + p.evidence if s > 0 else -inf for s, p in zip(self.shares, pulls, strict=True)])
        shares = np.exp(logs - logs.max()) / np.exp(logs - logs.max()).sum()
        settled = settle(self.standard, context.y, expected, self._covariance(self.points(context.X)))
        return replace(
            self, seen=points, y=y, failed=~known[kept], pulls=pulls, shares=tuple(shares.tolist()), standard=settled
        )

    def _prior(self, points: Points) -> tuple[list[Floats], list[Floats]]:
        means = [process.mean(points).numpy() for process in self.processes]
        return means, [process.covariance(points, points).numpy() for process in self.processes]

    def _covariance(self, points: Points) -> Floats:
        """Covariance (n, n) of the results of trainings, before any trial."""
        means, covariances = self._prior(points)
        mean = sum(share * m for share, m in zip(self.shares, means, strict=True))
        second = self.noise * np.eye(len(means[0]))
        for share, m, K in zip(self.shares, means, covariances, strict=True):
            second += share * (K + np.outer(m - mean, m - mean))
        return np.asarray(self.temperature**2 * second)
