"""The contract of controllers, and the independent one: a categorical distribution for every axis of a grid.

Williams, "Simple statistical gradient-following algorithms for connectionist reinforcement learning", Machine
Learning 1992. With logits theta (R,), p their softmax axis by axis and advantages r of n drawn rows,

    gradient of the mean of r log p(row)      (1/n) (G - p N)       G (R,) the advantages of rows that drew a level,
                                                                    N their sums over the axis's levels

since rows in which the axis is inactive say nothing of it. The bonus adds the gradient of the entropy of every axis,
times the share of rows in which it is active: -p (log p + H).
"""

from abc import ABC, abstractmethod

import numpy as np

from forerun.search.base import Floats
from forerun.search.policy.layout import Layout, Marked


class Controller(ABC):
    """A distribution over the rows of a grid that learns from rewards."""

    @abstractmethod
    def draw(self, n: int) -> Marked:
        """Draw n marked rows (n, A)."""

    @abstractmethod
    def learn(self, rows: Marked, advantage: Floats) -> float:
        """Make rows with a high advantage (n,) likelier; returns how many bits a draw still holds, about."""


class Independent(Controller):
    """Every axis on its own."""

    def __init__(self, layout: Layout, rng: np.random.Generator, *, rate: float, entropy: float) -> None:
        from forerun.search.policy import kernels

        self.kernels, self.layout, self.entropy = kernels, layout, entropy
        self.state = rng.integers(1, 2**64, 2, dtype=np.uint64)
        self.theta = np.zeros(layout.starts[-1])
        self.ascent = Adam(self.theta, rate)

    def _by_axis(self, values: Floats) -> Floats:
        """Sums over the levels of each axis, one for each of its levels (R,)."""
        return np.add.reduceat(values, self.layout.starts[:-1])[self.layout.owner]

    def probabilities(self) -> Floats:
        """(R,) of all levels; those of an axis sum to 1."""
        # logits stay small, as each step does
        odds = np.exp(self.theta)
        return np.asarray(odds / self._by_axis(odds))

    def draw(self, n: int) -> Marked:
        """As `Controller.draw`."""
        starts, rows = self.layout.starts, np.empty((n, len(self.layout.order)), dtype=np.int32)
        accept, other = np.empty(starts[-1]), np.empty(starts[-1], dtype=np.int32)
        whole = np.empty(starts[-1], dtype=np.uint64)
        self.kernels.alias(self.probabilities(), starts, accept, other)
        self.kernels.thresholds(accept, whole)
        self.kernels.draw(self.state, whole, other, starts, self.layout.order, *self.layout.clauses, rows)
        return rows

    def learn(self, rows: Marked, advantage: Floats) -> float:
        """As `Controller.learn`."""
        p, counts, worth = self.probabilities(), np.zeros(len(self.theta)), np.zeros(len(self.theta))
        self.kernels.credit(rows, self.layout.starts, advantage, counts, worth)
        gained, shares = worth / len(rows), self._by_axis(counts) / len(rows)
        surprise = -np.log(np.maximum(p, 1e-300))
        bits = self._by_axis(p * surprise)
        gradient = gained - p * self._by_axis(gained)
        self.ascent.step(gradient + self.entropy * shares * p * (surprise - bits))
        return float(np.sum(p * surprise * shares) / np.log(2))


class Adam:
    """Adam (Kingma and Ba 2015), uphill, in place."""

    def __init__(self, theta: Floats, rate: float) -> None:
        self.theta, self.rate, self.steps = theta, rate, 0
        self.mean, self.square = np.zeros_like(theta), np.zeros_like(theta)

    def step(self, gradient: Floats) -> None:
        """One step along the gradient."""
        self.steps += 1
        self.mean += 0.1 * (gradient - self.mean)
        self.square += 0.001 * (gradient**2 - self.square)
        mean, square = self.mean / (1 - 0.9**self.steps), self.square / (1 - 0.999**self.steps)
        self.theta += self.rate * mean / (np.sqrt(square) + 1e-8)
