"""Parts of a grid that are scored exhaustively: split products, and all that it takes to score them."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from forerun.search.base import Floats, Levels, Problem
from forerun.search.sweep.splits import Split
from forerun.search.sweep.streams import Stream, stream, work
from forerun.search.tables.limits import Limits, LimitsOnProduct
from forerun.search.tables.pieces import Piece, caps, on
from forerun.search.tables.products import Choice, Product
from forerun.search.tables.relaxation import Network

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
    caps: tuple[tuple[Stream, float], ...]
    """Scores that are capped, with what they cannot exceed."""
    block: int
    suffix: int
    step: int
    """Choices of the head that are some 40 ms of work."""

    def score(self, heads: range, bar: float) -> list[Scored]:
        """Score all that is allowed below some choices of the head, by their indices."""
        return [self._scored(self.split.head_at(index), bar) for index in heads]

    def _scored(self, head: Choice, bar: float) -> Scored:
        # the factors are bounded one by one, so that what forbids all of them is seen at once
        rows = np.flatnonzero(self.limits.children(head)[0] & self.piece.allowed(head).any())
        bounds = np.full(len(rows), -np.inf)
        if self.stream.error < np.inf:
            bounds = self.stream.minima(self.stream.z(head), rows).astype(np.float64) - self.stream.error
        wanted = bounds < bar
        return Scored(head, rows[wanted], bounds[wanted], len(rows) * self.suffix)

    def scores(self, head: Choice, rows: Levels) -> Floats:
        """Scores (n, m) of rows (n,) of the block with every row of the suffix; +inf where a cap forbids."""
        values = self.stream.scores(self.stream.z(head), rows)
        for capped, limit in self.caps:
            values[capped.scores(capped.z(head), rows) > limit] = np.inf
        return values


def parts(problem: Problem, network: Network, whole: list[Product]) -> list[Part]:
    """The parts of a problem whose grid is the union of some products."""
    cost = work(network)
    splits = [_split(product, network, cost) for product in whole]
    limits, capped = Limits(problem), [(s, limit) for s, limit in caps(problem) if isinstance(s, Network)]
    found = []
    for split, piece in zip(splits, on(problem, network, [split.product for split in splits]), strict=True):
        block, suffix = (len(factor) for factor in split.multiplied.factors[-2:])
        step = max(1, WORK // (block * suffix * cost))
        held = limits.on(split.multiplied)
        # what rounding may have put over its limit stays: the board asks again
        below = tuple((made := stream(other, split), limit + other.slack + made.slack) for other, limit in capped)
        found.append(Part(split, piece, stream(network, split), held, below, block, suffix, step))
    return found


def _split(product: Product, network: Network, cost: int) -> Split:
    suffix = min(max(TABLE // (1 + len(network.tables.constant)), FEW), ROWS)
    block = min(max(WORK // (4 * suffix * cost), 1), ROWS)
    return Split.of(product, network.spreads(product), block, suffix, TILE)
