"""The leader board: the m best distinct rows among all that were scored, ties in the order of their levels."""

import numpy as np

from forerun.search.base import Floats, Levels, Problem, Ranked, row_bytes


class Board:
    """Scores rows of a problem and remembers the best."""

    def __init__(self, problem: Problem, m: int) -> None:
        self.problem = problem
        self.m = m
        self.scored = 0
        self.L = np.zeros((0, len(problem.grid.axes)), dtype=np.int64)
        self.scores = np.zeros(0)

    def score(self, L: Levels) -> Floats:
        """Score the rows (n, A), in any form; they need not be distinct."""
        values = self.problem.values(L)
        self.scored += len(L)
        bar = self.scores[-1] if len(self.scores) == self.m else np.inf
        good = np.flatnonzero((values <= bar) & np.isfinite(values))
        if len(good):
            self._merge(self.problem.grid.canonical(L[good]), values[good])
        return values

    def _merge(self, L: Levels, scores: Floats) -> None:
        L, scores = np.concatenate([self.L, L]), np.concatenate([self.scores, scores])
        first = _distinct(L)
        L, scores = L[first], scores[first]
        if len(L) > self.m:  # with all that tie with the last, so that ties do not depend on the order of arrival
            good = scores <= np.partition(scores, self.m - 1)[self.m - 1]
            L, scores = L[good], scores[good]
        order = np.lexsort((*L.T[::-1], scores))[: self.m]
        self.L, self.scores = L[order], scores[order]

    def ranked(self, *, proven: bool) -> Ranked:
        """What stands on the board; proven when every allowed row was scored or is known to be no better."""
        full = len(self.scores) == self.m
        bound = (self.scores[-1] if full else np.inf) if proven else -np.inf
        return Ranked(self.L, self.scores, self.scored, proven, float(bound))


def _distinct(L: Levels) -> Levels:
    """Positions of the first of each group of equal rows."""
    return np.sort(np.unique(row_bytes(L), return_index=True)[1]).astype(np.int64)
