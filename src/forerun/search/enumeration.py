"""Enumeration: score everything. Exact, in memory that does not grow with the space."""

from dataclasses import dataclass

import numpy as np

from forerun.search.base import Problem, Ranked, SearchStrategy
from forerun.search.board import Board


@dataclass
class Enumeration(SearchStrategy):
    """Scores every configuration of the grid, in the order of their indices."""

    chunk: int = 2**15
    """Configurations at a time."""

    def search(self, problem: Problem, m: int, rng: np.random.Generator) -> Ranked:
        """Return the m best rows, for certain; rng is not used."""
        board = Board(problem, m)
        size = problem.grid.size
        for start in range(0, size, self.chunk):
            board.score(problem.grid.levels_at(np.arange(start, min(start + self.chunk, size))))
        return board.ranked(proven=True)
