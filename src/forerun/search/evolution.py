"""Regularised evolution: tournaments choose the parents, the oldest die.

Real, Aggarwal, Huang and Le, "Regularized evolution for image classifier architecture search", AAAI 2019.
Vectorised: a whole brood is born at once, and replaces the oldest brood.
"""

from dataclasses import dataclass

import numpy as np

from forerun.search.base import Levels, Problem, Ranked, SearchStrategy
from forerun.search.board import Board


@dataclass
class Evolution(SearchStrategy):
    """Mutates one or two active axes of the winners of small tournaments."""

    population: int = 512
    brood: int = 128
    generations: int = 300
    tournament: int = 16

    def search(self, problem: Problem, m: int, rng: np.random.Generator) -> Ranked:
        """Return the m best rows among all that ever lived."""
        board = Board(problem, m)
        L = problem.grid.sample(rng, self.population)
        if problem.starts is not None:
            L = np.concatenate([problem.starts, L])[: self.population]
        scores = board.score(L)
        for generation in range(self.generations):
            rivals = rng.integers(0, len(L), (self.brood, self.tournament))
            parents = rivals[np.arange(self.brood), scores[rivals].argmin(axis=1)]
            children = self._mutate(problem, L[parents], rng)
            oldest = (np.arange(self.brood) + generation * self.brood) % len(L)
            L[oldest], scores[oldest] = children, board.score(children)
        return board.ranked(proven=False)

    def _mutate(self, problem: Problem, L: Levels, rng: np.random.Generator) -> Levels:
        """Change one active axis of each row to another level, and in half of them a second one."""
        L = self._change(problem, L.copy(), np.ones(len(L), dtype=bool), rng)
        return self._change(problem, L, rng.random(len(L)) < 0.5, rng)

    def _change(self, problem: Problem, L: Levels, which: np.ndarray, rng: np.random.Generator) -> Levels:
        shape = np.array(problem.grid.shape)
        free = problem.grid.active(L) & (shape > 1)
        which = which & free.any(axis=1)
        # a random free axis: the largest of random numbers, those of the others being below all
        axis = np.where(free, rng.random(L.shape), -1).argmax(axis=1)
        step = 1 + np.floor(rng.random(len(L)) * (shape[axis] - 1)).astype(np.int64)
        rows = np.flatnonzero(which)
        L[rows, axis[rows]] = (L[rows, axis[rows]] + step[rows]) % shape[axis[rows]]
        return L
