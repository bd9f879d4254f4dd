"""A grid as flat arrays: what compiled loops and recurrent networks need to draw configurations.

Notation: A axes, R levels of all axes, one axis after the other, C clauses of all conditions, n rows.
Marked rows (n, A) hold a level for every axis, -1 where it is inactive.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from forerun.search.base import Booleans, Floats, Levels
from forerun.search.tables.products import Tables
from forerun.space import Grid

Marked = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Layout:
    """Where the levels of each axis stand, and which axes hang on which levels of others."""

    grid: Grid

    @cached_property
    def starts(self) -> Levels:
        """(A + 1,) the first level of each axis, and R."""
        return np.cumsum([0, *self.grid.shape])

    @cached_property
    def owner(self) -> Levels:
        """(R,) the axis of each level."""
        return np.repeat(np.arange(len(self.grid.axes)), self.grid.shape)

    @cached_property
    def tests(self) -> list[list[tuple[int, Booleans]]]:
        """For each axis the clauses that make it active: a parent, and at which of its levels the clause holds."""
        return [self.grid.tests(self.grid.space.condition(axis.domain)) for axis in self.grid.axes]

    @cached_property
    def depths(self) -> list[int]:
        """For each axis how many others decide, one after the other, whether it is active."""
        found: dict[int, int] = {}

        def depth(axis: int) -> int:
            if axis not in found:
                found[axis] = max((1 + depth(parent) for parent, _ in self.tests[axis]), default=0)
            return found[axis]

        return [depth(axis) for axis in range(len(self.tests))]

    @cached_property
    def groups(self) -> list[list[int]]:
        """All axes, those with the same condition together, parents before what hangs on them."""
        found: dict[tuple[Any, ...], list[int]] = {}
        for axis in np.argsort(self.depths, kind="stable").tolist():
            condition = tuple((parent, holds.tobytes()) for parent, holds in self.tests[axis])
            found.setdefault(condition, []).append(axis)
        return sorted(found.values(), key=lambda group: self.depths[group[0]])

    @cached_property
    def order(self) -> Levels:
        """(A,) all axes, group by group."""
        return np.array([axis for group in self.groups for axis in group])

    @cached_property
    def clauses(self) -> tuple[Levels, Levels, Levels, Booleans]:
        """Where in `order` the G groups start (G + 1,), and their clauses (G + 1,), parents (C,), where they hold.

        The last one is (C, most levels).
        """
        flat = [self.tests[group[0]] for group in self.groups]
        every = [test for tests in flat for test in tests]
        holds = np.zeros((len(every), max(self.grid.shape, default=1)), dtype=bool)
        for row, (_, where) in zip(holds, every, strict=True):
            row[: len(where)] = where
        groups, first = (np.cumsum([0, *map(len, lists)]) for lists in (self.groups, flat))
        return groups, first, np.array([parent for parent, _ in every], dtype=np.int64), holds

    def stacked(self, tables: Tables) -> tuple[Floats, Floats]:
        """A sum of tables as (R, s) and (s,): what active levels add, and the sum without any active axis."""
        rows = [table[:-1] - table[-1] for table in tables.axes]
        base = tables.constant + sum((table[-1] for table in tables.axes), np.zeros(len(tables.constant)))
        return np.ascontiguousarray(np.concatenate(rows)), base
