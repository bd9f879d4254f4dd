"""What the history makes of a target before its trials: the hypotheses of a mixture, with their prior shares."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import numpy as np

from forerun.metadata import MetaDataset, Standard
from forerun.metadata.targets import locate
from forerun.metalearners.adapted import Adapted
from forerun.metalearners.base import Floats
from forerun.metalearners.hypotheses import Hypothesis, Piece, Points, Trials, components, condition, moments
from forerun.metalearners.sources import Sources, matern

BANDWIDTH = 0.6
"""h: how far the target may stray from the task that it is like, in standard deviations of tasks."""
SHRINK = 0.2
"""Share of the Matern kernel in the covariance of tasks."""
FLOOR = 0.05
"""Standard deviation, at least, of what tasks say of a configuration, in target units."""
LENGTHS = (0.3, 1.0, 3.0)
"""Length scales of scratch, in those of the sources."""

NOISE = 1e-3
"""Variance of a training's result, in target units."""
LUCK = 0.25
"""Variance of a failed trial's target: failing is a matter of luck too."""
LEGIBLE = 1.5
"""Predicted targets are cut here where they tell the scale of raw losses."""


@dataclass(frozen=True)
class Empirical:
    """Covariance of the tasks' functions, shrunk towards a Matern kernel."""

    w: Floats
    """(T,) weights of the tasks."""
    length: float
    scale: float

    def between(self, A: Points, B: Points) -> Floats:
        """As `Kernel.between`."""
        DA, DB = (p.tasks - self.w @ p.tasks for p in (A, B))
        smooth = matern(A.X, B.X, self.length) * self._spread(A)[:, None] * self._spread(B)
        return np.asarray(self.scale**2 * ((1 - SHRINK) * (DA * self.w[:, None]).T @ DB + SHRINK * smooth))

    def variance(self, A: Points) -> Floats:
        """As `Kernel.variance`."""
        return np.asarray(self.scale**2 * (self._spread(A) ** 2 - (1 - SHRINK) * FLOOR**2))

    def _spread(self, A: Points) -> Floats:
        return np.asarray(np.sqrt(self.w @ (A.tasks - self.w @ A.tasks) ** 2 + FLOOR**2))


@dataclass(frozen=True)
class Weighted:
    """Covariance of a family's basis functions times weights that are known up to a covariance."""

    family: int
    weights: Floats
    """(p, p)"""

    def between(self, A: Points, B: Points) -> Floats:
        """As `Kernel.between`."""
        return np.asarray(A.families[self.family] @ self.weights @ B.families[self.family].T)

    def variance(self, A: Points) -> Floats:
        """As `Kernel.variance`."""
        Phi = A.families[self.family]
        return np.asarray(np.einsum("np,np->n", Phi @ self.weights, Phi))


@dataclass(frozen=True)
class Smooth:
    """A Matern kernel."""

    length: float
    scale: float

    def between(self, A: Points, B: Points) -> Floats:
        """As `Kernel.between`."""
        return self.scale**2 * matern(A.X, B.X, self.length)

    def variance(self, A: Points) -> Floats:
        """As `Kernel.variance`."""
        return np.full(A.X.shape[0], self.scale**2)


@dataclass(frozen=True)
class Met:
    """The hypotheses after they met a target."""

    pieces: Sequence[Piece]
    trials: Trials
    standard: Standard
    """Where the target's losses lie."""


@dataclass(frozen=True)
class Views:
    """The hypotheses, before they meet a target."""

    w: Floats
    """(T,) weights of the tasks, every family counting once."""
    length: float
    """Of the Matern kernels."""
    level: float
    spread: float
    """Of all targets of the history."""
    names: tuple[str, ...]
    """Of the families."""
    shares: Floats
    """(2 + F + lengths,) prior probabilities, in the order of `hypotheses`."""

    @classmethod
    def of(cls, meta: MetaDataset, sources: Sources, names: list[str]) -> Self:
        """Of a history."""
        _, place, counts = np.unique(np.array(meta.families), return_inverse=True, return_counts=True)
        w = 1 / counts[place]
        prior = np.array([1.0, *(0.5 for _ in names), 0.05, *(0.15 / len(LENGTHS) for _ in LENGTHS)])
        return cls(
            w / w.sum(),
            float(sources.length),
            float(meta.y.mean()),
            # of equal losses nothing is known, and target units are made such that theirs is about one
            float(meta.y.std()) or 1.0,
            tuple(names),
            prior / prior.sum(),
        )

    def meet(self, families: Sequence[Adapted], points: Points, losses: Floats, standard: Standard) -> "Met":
        """Condition on the target's trials: k points with raw losses (k,), NaN where failed; k = 0 is ordinary.

        The families have met the target's features, and none of its trials.
        """
        hypotheses, k = self.hypotheses(families), len(losses)
        nothing = Trials(points.of(np.zeros(0, dtype=np.int64)), np.zeros(0), np.zeros(0), np.zeros(0))
        before = condition(hypotheses, nothing)
        if not k:
            return Met(before, nothing, standard)
        mean, std = moments(components(before, nothing, points))
        # near WORST the bend makes of an error of one a hundred: there predictions would tell nothing of the scale
        standard = locate(losses, np.minimum(mean, LEGIBLE), np.minimum(std, 1.0), standard)
        known = np.isfinite(losses)
        trials = Trials(points, standard.forward(losses), known.astype(float), np.where(known, NOISE, LUCK))
        return Met(condition(hypotheses, trials), trials, standard)

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """As `MetaLearner.state`."""
        settings = {"length": self.length, "level": self.level, "spread": self.spread, "names": self.names}
        return settings, {"views_w": self.w, "views_shares": self.shares}

    @classmethod
    def of_state(cls, settings: dict[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """The inverse of `state`."""
        length, level, spread = (float(settings[name]) for name in ("length", "level", "spread"))
        return cls(arrays["views_w"], length, level, spread, tuple(settings["names"]), arrays["views_shares"])

    def hypotheses(self, families: Sequence[Adapted]) -> list[Hypothesis]:
        """All, in the order of their shares."""
        w, one = self.w, np.zeros(1)
        keep = np.sqrt(1 - BANDWIDTH**2)

        def tasks(p: Points) -> Floats:
            middle = w @ p.tasks
            return np.asarray(middle + keep * (p.tasks - middle))

        def opposite(p: Points) -> Floats:
            return np.asarray(2 * self.level - w @ p.tasks)[None]

        def flat(p: Points) -> Floats:
            return np.full((1, len(p.X)), self.level)

        with np.errstate(divide="ignore"):
            found = [Hypothesis("tasks", tasks, np.log(w), Empirical(w, self.length, BANDWIDTH), float(self.shares[0]))]
        for i, (name, family) in enumerate(zip(self.names, families, strict=True)):
            belief = family.beliefs[0]
            means = partial(_family_means, i, belief.mean)
            share = float(self.shares[1 + i])
            found.append(Hypothesis(name, means, one, Weighted(i, belief.covariance), share, family.noise))
        where = 1 + len(self.names)
        found.append(Hypothesis("opposite", opposite, one, Empirical(w, self.length, 1.0), float(self.shares[where])))
        found += [
            Hypothesis("scratch", flat, one, Smooth(length * self.length, self.spread), float(share))
            for length, share in zip(LENGTHS, self.shares[where + 1 :], strict=True)
        ]
        return found


def _family_means(i: int, weights: Floats, p: Points) -> Floats:
    return np.asarray((p.families[i] @ weights)[None])
