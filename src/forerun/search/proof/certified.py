"""The certified optimum: branch and bound for scores that say what they are made of."""

import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from forerun.search.base import Problem, Ranked, SearchStrategy
from forerun.search.proof.best import Best
from forerun.search.proof.branch import BranchAndBound
from forerun.search.tables.pieces import pieces
from forerun.search.tables.talents import structure_of


@dataclass
class Certified(SearchStrategy):
    """Exact, with proof, for scores with a structure (`tables.talents`); when the time is up, the best with its gap."""

    seconds: float = 10.0
    """Time for the proof."""
    tolerance: float = 1e-9
    """Configurations that are better by less than this count as equal."""
    pool: ClassVar[int] = 1

    def search(self, problem: Problem, m: int, rng: np.random.Generator) -> Ranked:
        """Return the m best rows. Raises ValueError for a score without a structure."""
        began = time.perf_counter()
        structure = structure_of(problem.score, problem.grid)
        parts = None if structure is None else pieces(problem, structure)
        if parts is None:
            raise ValueError("a certified search needs a score that says what it is made of; got one that does not")
        deadline = began + self.seconds
        goal = Best(problem, m, max((part.slack for part in parts), default=0.0), self.tolerance)
        goal.start(parts, rng, deadline)
        return goal.ranked(BranchAndBound(goal).run(parts, deadline))
