"""Scores of drawn rows, from tables where the score says what it is made of: nothing is encoded.

A score with a structure sees a row through a sum of one table row for each axis, and so do the limits of what may be
proposed: so millions of rows are scored in a second. What is among the best by its tables is then scored as
every strategy scores it, and put on the board with that. Other scores, and small spaces, are scored by the board alone.
"""

import numpy as np

from forerun.search.base import Floats, Problem
from forerun.search.board import Board
from forerun.search.policy.layout import Layout, Marked
from forerun.search.tables.limits import Limits
from forerun.search.tables.pairs import Pairs
from forerun.search.tables.pieces import caps
from forerun.search.tables.relaxation import Network
from forerun.search.tables.talents import structure_of

Summed = Network | Pairs
"""Structures whose score is a function of a sum of tables."""

SMALL = 10_000
"""In spaces of at most so many configurations tables are not worth their preparation."""
NEAR = 1e-9
"""What beats the board's last by less than this is taken for a row that stands there."""


class Scorer:
    """Scores marked rows of a problem, and keeps the best m of all."""

    def __init__(self, problem: Problem, m: int) -> None:
        self.board, self.layout, self.tabled = Board(problem, m), Layout(problem.grid), tabled(problem)
        # equal rows have equal keys; that different ones have has odds of 2^-64
        self.weights = np.random.default_rng(0).integers(-(2**63), 2**63, len(problem.grid.axes))
        self.known = np.zeros(0, dtype=np.int64)

    def score(self, rows: Marked) -> Floats:
        """The scores (n,) of marked rows (n, A); what is forbidden scores +inf."""
        if self.tabled is None:
            return self.board.score(np.maximum(rows, 0).astype(np.int64))
        values = self.tabled.score(rows)
        self._offer(rows, values)
        return values

    def _offer(self, rows: Marked, values: Floats) -> None:
        """Put on the board what belongs there and was not sent there before."""
        board = self.board
        board.scored += len(rows)
        bar = board.scores[-1] - NEAR if len(board.scores) == board.m else np.inf
        good = np.flatnonzero(values < bar)
        keys, first = np.unique(rows[good] @ self.weights, return_index=True)
        fresh = ~np.isin(keys, self.known)
        if fresh.any():
            chosen = good[first[fresh]]
            # a full board wants the best m at most
            chosen = chosen[np.argsort(values[chosen], kind="stable")[: max(board.m, 1)]]
            self.known = np.concatenate([self.known, rows[chosen] @ self.weights])
            board.score(np.maximum(rows[chosen], 0).astype(np.int64))
            board.scored -= len(chosen)


class Tabled:
    """A problem whose score, and whatever forbids, is a function of a sum of tables."""

    def __init__(self, problem: Problem, structure: Summed, capped: list[tuple[Summed, float]]) -> None:
        layout, limits = Layout(problem.grid), Limits(problem)
        self.starts, self.structure, self.capped = layout.starts, structure, capped
        self.tables = layout.stacked(structure.tables)
        self.capped_tables = [layout.stacked(other.tables) for other, _ in capped]
        self.counts, self.most = layout.stacked(limits.tables), limits.caps

    def score(self, rows: Marked) -> Floats:
        """As `Scorer.score`."""
        values = self.structure.forward(self._sums(rows, self.tables))
        for tables, (other, limit) in zip(self.capped_tables, self.capped, strict=True):
            values[other.forward(self._sums(rows, tables)) > limit] = np.inf
        if len(self.most):
            values[(self._sums(rows, self.counts) > self.most + 0.5).any(axis=1)] = np.inf
        return values

    def _sums(self, rows: Marked, tables: tuple[Floats, Floats]) -> Floats:
        from forerun.search.policy import kernels

        out = np.empty((len(rows), len(tables[1])))
        kernels.sums(rows, self.starts, *tables, out)
        return out


def tabled(problem: Problem) -> Tabled | None:
    """The problem as tables; None where it is small, or something in it does not say what it is made of."""
    structure = structure_of(problem.score, problem.grid)
    if problem.grid.size <= SMALL or not isinstance(structure, Summed):
        return None
    capped = [(other, limit) for other, limit in caps(problem) if isinstance(other, Summed)]
    return Tabled(problem, structure, capped) if len(capped) == len(problem.feasible) else None
