"""What may not be proposed, as sums of tables: so a whole branch that only holds forbidden rows is cut off.

Both kinds count, axis by axis, and forbid a count that is too high:

    a combination     one for every clause of a condition that holds; all of them must not
    a neighbourhood   one for every axis that agrees with a given row; at most A - distance may

Counting is exact, so nothing here needs tolerance.
"""

import numpy as np
import numpy.typing as npt

from forerun.search.base import Booleans, Floats, Problem, mark
from forerun.search.tables.products import Choice, Product, Tables
from forerun.space import Condition, Grid


class Limits:
    """Everything that a problem forbids of rows, whatever their scores."""

    def __init__(self, problem: Problem) -> None:
        grid = problem.grid
        columns: list[list[Floats]] = []
        caps: list[int] = []
        for condition in problem.forbidden:
            columns.append(_clauses(grid, condition))
            caps.append(len(condition.clauses) - 1)
        for rows, distance in problem.taken:
            for row in mark(grid, rows):
                columns.append(_agreement(grid, row))
                caps.append(len(grid.axes) - distance)
        by_axis = [np.stack(c, axis=1) for c in zip(*columns, strict=True)]
        empty = [np.zeros((n + 1, 0)) for n in grid.shape]
        self.caps = np.array(caps, dtype=np.float64)
        self.tables = Tables(tuple(by_axis or empty), np.zeros(len(caps)))

    def on(self, product: Product) -> "LimitsOnProduct":
        """The limits on one product of the grid."""
        return LimitsOnProduct(self, product)


class LimitsOnProduct:
    """Which choices can still end well."""

    def __init__(self, limits: Limits, product: Product) -> None:
        self.rows = [factor.table(limits.tables) for factor in product.factors]
        least = np.array([table.min(axis=0) for table in self.rows])
        # what is left of each cap once the factors after the next one take their least
        later = np.vstack([np.cumsum(least[::-1], axis=0)[::-1][1:], np.zeros_like(least[:1])])
        self.room = limits.caps - later

    def children(self, choice: Choice) -> Booleans:
        """Which children (n, r) of partial choices (n, t) have a completion that no limit alone forbids."""
        t = choice.shape[1]
        return _within(self._counts(choice), self.rows[t], self.room[t])

    def moves(self, choice: Choice, factor: int) -> Booleans:
        """Which complete choices are allowed, with each row (n, r) of one factor in place of the chosen one."""
        others = self._counts(choice) - self.rows[factor][choice[:, factor]]
        return _within(others, self.rows[factor], self.room[-1])

    def allow(self, choice: Choice) -> Booleans:
        """Which complete choices (n,) are allowed."""
        return np.asarray((self._counts(choice) <= self.room[-1]).all(axis=1))

    def _counts(self, choice: Choice) -> Floats:
        counts = np.zeros((len(choice), self.room.shape[1]))
        if not counts.size:
            return counts
        for factor, chosen in enumerate(choice.T):
            counts += self.rows[factor][chosen]
        return counts


def _within(counts: Floats, rows: Floats, room: Floats) -> Booleans:
    """Where counts (n, limits) and rows (r, limits) together are within the room (limits,), (n, r)."""
    within = np.ones((len(counts), len(rows)), dtype=bool)
    # limit by limit: a matrix for all at once would be far larger than what it says
    for limit, most in enumerate(room):
        within &= np.add.outer(counts[:, limit], rows[:, limit]) <= most
    return within


def _clauses(grid: Grid, condition: Condition) -> list[Floats]:
    """For each axis how many clauses hold at its levels, (levels + 1,); none where it is inactive."""
    counts = [np.zeros(n + 1) for n in grid.shape]
    for axis, holds in grid.tests(condition):
        counts[axis][:-1] += holds
    return counts


def _agreement(grid: Grid, row: npt.NDArray[np.int64]) -> list[Floats]:
    """For each axis which of its levels is that of a marked row (-1 is inactive), (levels + 1,)."""
    counts = [np.zeros(n + 1) for n in grid.shape]
    for axis, level in enumerate(row):
        counts[axis][level] = 1
    return counts
