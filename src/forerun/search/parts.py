"""Parts of a grid that are scored exhaustively: split products, and all that it takes to score them."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from forerun.search.base import Floats, Levels, Problem
from forerun.search.limits import Limits, LimitsOnProduct
from forerun.search.pieces import Piece, on
from forerun.search.products import Choice, Product
from forerun.search.relaxation import Network
from forerun.search.splits import Split
from forerun.search.streams import Stream, stream, work

WORK = 2**30
"""Instructions of a lane that a thread does at a time (see `streams.work`): some 40 ms, so that it can be stopped."""
TABLE = 2**15
"""Numbers in the table of a suffix, which is read again and again."""
ROWS = 2**13
"""Rows of a block, or of a suffix, at most."""
FEW = 2**8
"""Rows of a suffix that are not too many in any case."""
TILE = 32
"""A suffix wastes nothing when it holds a multiple of so many rows."""


class Scored(NamedTuple):
    """What is left of a choice of the head, once all its candidates are scored."""

    head: Choice
    z: Floats
    """(s,) what the network sees of it."""
    rows: Levels
    """(n,) rows of the block that may hold something wanted."""
    bounds: Floats
    """(n,) nothing in them scores less."""
    size: int
    """Candidates that were scored."""


@dataclass(frozen=True)
class Part:
    """A split product with its tables."""

    split: Split
    piece: Piece
    stream: Stream
    limits: LimitsOnProduct
    """On the head, the block and the suffix."""
    tables: tuple[Floats, ...]
    """Of the head's factors."""
    z: Floats
    """(s,) what is added to all."""
    block: int
    suffix: int
    step: int
    """Choices of the head that are some 40 ms of work."""

    def score(self, heads: range, bar: float) -> list[Scored]:
        """Score all that is allowed below some choices of the head, by their indices."""
        return [self._scored(self.split.head_at(index), bar) for index in heads]

    def _scored(self, head: Choice, bar: float) -> Scored:
        z = self.z.copy()
        for table, chosen in zip(self.tables, head[0], strict=True):
            z += table[chosen]
        # the factors are bounded one by one, so that what forbids all of them is seen at once
        rows = np.flatnonzero(self.limits.children(head)[0] & self.piece.allowed(head).any())
        bounds = np.full(len(rows), -np.inf)
        if self.stream.error < np.inf:
            bounds = self.stream.minima(z, rows).astype(np.float64) - self.stream.error
        wanted = bounds < bar
        return Scored(head, z, rows[wanted], bounds[wanted], len(rows) * self.suffix)


def parts(problem: Problem, network: Network, whole: list[Product]) -> list[Part]:
    """The parts of a problem whose grid is the union of some products."""
    cost = work(network)
    splits = [_split(product, network, cost) for product in whole]
    limits = Limits(problem)
    found = []
    for split, piece in zip(splits, on(problem, network, [split.product for split in splits]), strict=True):
        tables = tuple(factor.table(network.tables) for factor in split.head)
        block, suffix = (len(factor) for factor in split.multiplied.factors[-2:])
        step = max(1, WORK // (block * suffix * cost))
        held = limits.on(split.multiplied)
        z = network.tables.constant
        found.append(Part(split, piece, stream(network, split), held, tables, z, block, suffix, step))
    return found


def _split(product: Product, network: Network, cost: int) -> Split:
    suffix = min(max(TABLE // (1 + len(network.tables.constant)), FEW), ROWS)
    block = min(max(WORK // (4 * suffix * cost), 1), ROWS)
    return Split.of(product, network.spreads(product), block, suffix, TILE)
