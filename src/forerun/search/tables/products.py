"""A grid as a short list of products: what a sum of tables over its axes looks like.

A function that sees a configuration only through

    z(x) = z0 + sum over the axes of one row of that axis's table

(the row of its level, or the last one where the axis is inactive) sees, once the parents of all conditions
are chosen, a plain product of tables. Parents that leave the same axes free are rows of one more table, so
the whole space is one product for each set of axes that can be free together: a few dozen, not billions.

Notation: A axes, D factors of a product, n configurations, s numbers in a row of a table.
A *choice* (n, t) holds rows of the first t factors; with t = D it is a configuration.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from math import prod

import numpy as np
import numpy.typing as npt

from forerun.search.base import Floats, Levels
from forerun.space import Component, Grid

Choice = npt.NDArray[np.int32]

MOST = 5_000
"""Grids of more products than this are left to the strategies that ask for scores."""


@dataclass(frozen=True)
class Tables:
    """For every axis of a grid a table (levels + 1, s), the last row for inactive, and what is added to all."""

    axes: tuple[Floats, ...]
    constant: Floats
    """(s,)"""

    @classmethod
    def of_affine(cls, grid: Grid, weights: Floats, offset: Floats) -> "Tables":
        """The affine map X @ weights (d, s) + offset (s,) of encoded configurations, seen through the axes."""
        axes = tuple(table @ weights[columns] for columns, table in grid.tables)
        return cls(axes, grid.constant @ weights + offset)


@dataclass(frozen=True)
class Factor:
    """One table of a product: each row sets some axes of the grid."""

    axes: tuple[int, ...]
    levels: Levels
    """(rows, axes) their levels, -1 where inactive."""

    def __len__(self) -> int:
        """How many rows there are to choose from."""
        return len(self.levels)

    def table(self, tables: Tables) -> Floats:
        """What each row adds to z, (rows, s)."""
        found = np.zeros((len(self), len(tables.constant)))
        if not found.size:
            return found
        for axis, levels in zip(self.axes, self.levels.T, strict=True):
            found += tables.axes[axis][levels]
        return found

    def times(self, other: "Factor") -> "Factor":
        """All pairs of rows, those of `other` running fastest."""
        i, j = np.divmod(np.arange(len(self) * len(other)), max(len(other), 1))
        return Factor(self.axes + other.axes, np.hstack([self.levels[i], other.levels[j]]))


@dataclass(frozen=True)
class Product:
    """Configurations that choose one row of every factor; together the factors set every axis of the grid."""

    factors: tuple[Factor, ...]

    @cached_property
    def size(self) -> int:
        """How many configurations it holds, exactly."""
        return prod(len(f) for f in self.factors)

    def rows(self, choice: Choice) -> Levels:
        """The canonical rows (n, A) of complete choices (n, D)."""
        L = np.zeros((len(choice), sum(len(f.axes) for f in self.factors)), dtype=np.int64)
        for f, factor in enumerate(self.factors):
            L[:, factor.axes] = np.maximum(factor.levels[choice[:, f]], 0)
        return L

    def arranged(self, spreads: Sequence[float], leaf: int) -> "Product":
        """Put first what decides much, and multiply the last factors while they have at most `leaf` rows.

        A factor is worth its spread for each doubling of the number of nodes: two of four rows cost as much as
        one of sixteen. (Against the spread alone that is ten to twenty times fewer nodes, for trained networks.)
        Factors of a single row decide nothing and come last.
        """
        worth = [
            spread / np.log(1 + len(f)) if len(f) > 1 else -1.0 for spread, f in zip(spreads, self.factors, strict=True)
        ]
        order = sorted(range(len(self.factors)), key=lambda f: -worth[f])
        factors = [self.factors[f] for f in order]
        while len(factors) > 1 and len(factors[-2]) * len(factors[-1]) <= max(leaf, len(factors[-2])):
            last = factors.pop()
            factors[-1] = factors[-1].times(last)
        return Product(tuple(factors))


def products(grid: Grid) -> list[Product] | None:
    """The products whose disjoint union is the grid; None where there are more than MOST of them."""
    parts = [_parts(component, grid.shape) for component in grid.components]
    if prod(len(part) for part in parts) > MOST:
        return None
    return [Product(tuple(itertools.chain(*combination))) for combination in itertools.product(*parts)]


def _parts(component: Component, shape: Sequence[int]) -> list[list[Factor]]:
    """For each set of axes of a component that can be free together: the factor of the others, and theirs."""
    by_free: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
    for block in component.blocks:
        by_free.setdefault(block.free, []).append(block.parents)
    found = []
    for free, parents in by_free.items():
        settled = tuple(axis for axis in component.axes if axis not in free)
        place = {axis: i for i, axis in enumerate(component.parents)}
        levels = [[row[place[axis]] if axis in place else -1 for axis in settled] for row in parents]
        factors = [Factor(settled, np.array(levels, dtype=np.int64).reshape(len(parents), -1))] if settled else []
        found.append(factors + [Factor((axis,), np.arange(shape[axis])[:, None]) for axis in free])
    return found


def merged(factors: Sequence[Factor]) -> Factor:
    """All combinations of rows of some factors; with none of them, one row that sets nothing."""
    nothing = Factor((), np.zeros((1, 0), dtype=np.int64))
    return reduce(Factor.times, factors, nothing)
