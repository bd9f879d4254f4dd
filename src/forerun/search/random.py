"""Random search: the yardstick of every other strategy."""

from dataclasses import dataclass

import numpy as np

from forerun.search.base import CHUNK, Problem, Ranked, SearchStrategy
from forerun.search.board import Board


@dataclass
class Random(SearchStrategy):
    """Scores rows drawn at random, each axis on its own."""

    draws: int = 100_000

    def search(self, problem: Problem, m: int, rng: np.random.Generator) -> Ranked:
        """Return the best of `draws` rows."""
        board = Board(problem, m)
        while board.scored < self.draws:
            board.score(problem.grid.sample(rng, min(CHUNK, self.draws - board.scored)))
        return board.ranked(proven=False)
