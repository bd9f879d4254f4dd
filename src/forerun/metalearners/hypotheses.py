"""Gaussian processes for what a target may be, and their exact update by its trials.

Notation: k trials of the target, N configurations asked about, Q mean functions of a hypothesis.

    y_i = s f(x_i) + a + noise      f ~ GP(m_q, r^2 K), a flat, s and r on small grids

A hypothesis has one covariance and Q mean functions that are as likely as `log_weight` says; unit s and
amplitude r are hypotheses too, so that a task whose losses stray further than usual widens the doubt of it
all (a scale mixture: Shah, Wilson and Ghahramani 2014 reach a Student-t process by integrating r out).
The offset a enters as a constant of large variance; failed trials are bad in absolute terms and have none.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp

from forerun.metalearners.base import Floats

UNITS = (0.5, 1.0, 2.0)
"""s: what `metadata.locate` makes of a handful of losses is good to a factor of two."""
AMPLITUDES = (0.5, 1.0, 2.0)
"""r"""
FREE = 1.0
"""Variance of the offset a, large beside what `metadata.locate` is wrong by."""
NEGLIGIBLE = 1e-4
"""Posterior shares below this are left out of predictions."""


@dataclass(frozen=True)
class Points:
    """N configurations, and what is said of them."""

    X: Floats
    """(N, d) encoded."""
    tasks: Floats
    """(T, N) by the tasks of the history."""
    families: tuple[Floats, ...]
    """(N, p) basis functions of each family of meta-learners."""

    def of(self, rows: npt.NDArray[np.int64]) -> "Points":
        """Some of them."""
        return Points(self.X[rows], self.tasks[:, rows], tuple(Phi[rows] for Phi in self.families))


class Kernel(Protocol):
    """A covariance function of configurations."""

    def between(self, A: Points, B: Points) -> Floats:
        """Covariances (a, b)."""
        ...

    def variance(self, A: Points) -> Floats:
        """Variances (a,)."""
        ...


@dataclass(frozen=True)
class Hypothesis:
    """What the target may be."""

    name: str
    means: Callable[[Points], Floats]
    """Of N configurations, (Q, N)."""
    log_weight: Floats
    """(Q,) of the means, summing to one as probabilities."""
    kernel: Kernel
    share: float
    """Prior probability."""
    noise: float = 0.0
    """Variance of what it does not explain of a training's result."""


@dataclass(frozen=True)
class Trials:
    """The target's trials in target units."""

    points: Points
    """k"""
    y: Floats
    """(k,)"""
    floating: Floats
    """(k,) 1 where offset and unit are unknown, 0 for failed trials and absolute units."""
    noise: Floats
    """(k,) variances."""


@dataclass(frozen=True)
class Piece:
    """One hypothesis, unit and amplitude, conditioned on the trials."""

    name: str
    unit: float
    amplitude: float
    hypothesis: Hypothesis
    precision: Floats
    """(k, k)"""
    pull: Floats
    """(Q, k) precision times residual, of every mean function."""
    evidence: Floats
    """(Q,) log of prior times likelihood."""


def condition(hypotheses: Sequence[Hypothesis], trials: Trials) -> list[Piece]:
    """All pieces, the evidence of each up to a constant that all share."""
    k = len(trials.y)
    free = FREE * np.outer(trials.floating, trials.floating)
    units = UNITS if trials.floating.sum() > 1 else (1.0,)
    pieces = []
    for h in hypotheses:
        means, K = h.means(trials.points), h.kernel.between(trials.points, trials.points) + h.noise * np.eye(k)
        for amplitude in AMPLITUDES:
            precision = np.asarray(np.linalg.inv(amplitude**2 * K + free + np.diag(trials.noise)), dtype=float)
            half = 0.5 * np.linalg.slogdet(precision)[1]
            for unit in units:
                # a failed trial is WORST in any unit
                scaled = np.where(trials.floating > 0, trials.y / unit, trials.y)
                residual = scaled - means
                pull = residual @ precision
                fit = half - 0.5 * np.einsum("qk,qk->q", residual, pull) - trials.floating.sum() * np.log(unit)
                prior = np.log(h.share / (len(AMPLITUDES) * len(units))) + h.log_weight
                pieces.append(Piece(h.name, unit, amplitude, h, precision, pull, np.asarray(fit + prior)))
    return pieces if k else [p for p in pieces if p.amplitude == 1.0]


@dataclass(frozen=True)
class Component:
    """Gaussians of N configurations under one piece."""

    weight: Floats
    """(Q',) posterior probabilities."""
    mean: Floats
    """(Q', N)"""
    std: Floats
    """(N,)"""


def components(pieces: Sequence[Piece], trials: Trials, points: Points) -> list[Component]:
    """What the pieces that matter say of N configurations."""
    total = logsumexp(np.concatenate([p.evidence for p in pieces]))
    found: list[Component] = []
    said: dict[int, Floats] = {}
    cross: dict[int, tuple[Floats, Floats]] = {}
    for p in pieces:
        weight = np.exp(p.evidence - total)
        kept = weight > NEGLIGIBLE
        if not kept.any():
            continue
        key = id(p.hypothesis)
        if key not in said:
            kernel = p.hypothesis.kernel
            said[key] = p.hypothesis.means(points)
            cross[key] = kernel.between(trials.points, points), kernel.variance(points)
        C, variance = cross[key]
        C = p.amplitude**2 * C + FREE * trials.floating[:, None]
        loose = FREE if trials.floating.any() else 0.0
        left = p.amplitude**2 * (variance + p.hypothesis.noise) + loose - np.einsum("kn,kn->n", C, p.precision @ C)
        mean = p.unit * (said[key][kept] + p.pull[kept] @ C)
        found.append(Component(weight[kept], mean, p.unit * np.sqrt(np.maximum(left, 1e-8))))
    return found


def moments(found: Sequence[Component]) -> tuple[Floats, Floats]:
    """Mean and standard deviation (N,) of the mixture."""
    mean = sum(c.weight @ c.mean for c in found)
    second = sum(c.weight @ c.mean**2 + c.weight.sum() * c.std**2 for c in found)
    total = sum(float(c.weight.sum()) for c in found)
    mean = np.asarray(mean) / total
    return mean, np.sqrt(np.maximum(np.asarray(second) / total - mean**2, 1e-12))


def shares(pieces: Sequence[Piece]) -> dict[str, float]:
    """Posterior probability of each hypothesis by name."""
    total = logsumexp(np.concatenate([p.evidence for p in pieces]))
    found: dict[str, float] = {}
    for p in pieces:
        found[p.name] = found.get(p.name, 0.0) + float(np.exp(logsumexp(p.evidence) - total))
    return found
