"""A product cut in three, so that all of it can be scored from two tables that stay in the cache.

    head      as many factors as it takes; enumerated one choice after the other, by index arithmetic
    block     the rows of a few factors multiplied; with a choice of the head, one row of sums each
    suffix    the rows of a few factors multiplied; every row of the block meets all of them

The order of factors is free. Those on which little hangs go to the suffix: then the least scores of the rows of
the block are as far apart as they can be, and few of them are worth a second look.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np
import numpy.typing as npt

from forerun.search.base import Levels
from forerun.search.tables.products import Choice, Factor, Product, merged


@dataclass(frozen=True)
class Split:
    """Factors of a product, in three groups."""

    head: tuple[Factor, ...]
    block: tuple[Factor, ...]
    suffix: tuple[Factor, ...]

    @classmethod
    def of(cls, product: Product, spreads: Sequence[float], rows: int, suffix: int, tile: int) -> "Split":
        """A block and a suffix of at most so many rows; the suffix fills tiles where it can."""
        light = sorted(range(len(spreads)), key=lambda f: spreads[f])
        last = _fitting(product, light, suffix, tile)
        free = [f for f in light if f not in last]
        middle = _fitting(product, free, rows, 1) if free else ()
        first = [f for f in free if f not in middle]
        groups = [tuple(product.factors[f] for f in sorted(group)) for group in (first, middle, last)]
        return cls(*groups)

    @cached_property
    def product(self) -> Product:
        """The same product, its factors in this order."""
        return Product(self.head + self.block + self.suffix)

    @cached_property
    def rows(self) -> Factor:
        """The block as one factor."""
        return merged(self.block)

    @cached_property
    def columns(self) -> Factor:
        """The suffix as one factor."""
        return merged(self.suffix)

    @property
    def multiplied(self) -> Product:
        """The factors of the head, the block, the suffix."""
        return Product((*self.head, self.rows, self.columns))

    @cached_property
    def heads(self) -> int:
        """How many choices of the head there are, exactly."""
        return prod(len(factor) for factor in self.head)

    def head_at(self, index: int) -> Choice:
        """The choice (1, factors of the head) with an index, the last factor running fastest."""
        chosen = np.zeros((1, len(self.head)), dtype=np.int32)
        for f in range(len(self.head) - 1, -1, -1):
            index, chosen[0, f] = divmod(index, len(self.head[f]))
        return chosen

    def choices(self, head: Choice, rows: Levels, columns: Levels) -> Choice:
        """Complete choices (n, D) of `product`: a choice (1, h) with rows (n,) of the block and of the suffix."""
        parts = [np.repeat(head, len(rows), axis=0), _unravel(self.block, rows), _unravel(self.suffix, columns)]
        return np.hstack(parts)


def _unravel(factors: Sequence[Factor], rows: npt.NDArray[np.int64]) -> Choice:
    """Rows (n,) of multiplied factors as rows of each (n, factors)."""
    if not factors:
        return np.zeros((len(rows), 0), dtype=np.int32)
    return np.stack(np.unravel_index(rows, [len(f) for f in factors]), axis=1).astype(np.int32)


def _fitting(product: Product, factors: Sequence[int], most: int, tile: int) -> tuple[int, ...]:
    """Some factors with a product of at most `most`: near to it, and wasting little of the last tile."""
    reached: dict[int, tuple[int, ...]] = {1: ()}
    for f in factors:
        for size, chosen in list(reached.items()):
            if size * len(product.factors[f]) <= most:
                reached.setdefault(size * len(product.factors[f]), (*chosen, f))
    enough = max(reached) / 2
    if max(reached) == 1:  # every factor is too large: the smallest must do
        return (min(factors, key=lambda f: len(product.factors[f])),)
    filled = {size: size / (-(-size // tile) * tile) for size in reached if size >= enough}
    return reached[max(filled, key=lambda size: (round(filled[size], 2), size))]
