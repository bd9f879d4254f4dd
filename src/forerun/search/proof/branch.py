"""Branch and bound over products of tables.

A node is a choice of the first factors of a product. What can be said of all its completions at once comes
from `Bounds`: children that cannot hold anything wanted are cut off, the others become nodes. Nodes of one
depth are worked on in chunks, the chunk with the lowest bound first, so that all of it is a few matrix
products; the completions at which bounds are attained are real configurations, and make the goal harder to
please. When no chunk is left, everything that is not found is proven not to be wanted; when the time is up,
the lowest bound that is left says how much better an unseen configuration could be.

Land and Doig, Econometrica 1960. What is wanted is a goal's affair: the best m (`best`), a front (`pareto`).
"""

import heapq
import itertools
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from forerun.search.base import Booleans, Floats
from forerun.search.tables.pieces import Piece
from forerun.search.tables.products import Choice

CHUNK = 1_000
"""Nodes at a time: enough to keep a matrix product busy, few enough to stay in the cache."""
OPEN = 100_000_000
"""Entries of open choices, at most: under half a gigabyte. Beyond, the search ends with the gap that is left."""


class Goal(ABC):
    """What a search is for. Bounds are (n, q): the first one orders the search, the goal knows the others."""

    @abstractmethod
    def below(self, piece: Piece, choice: Choice) -> Floats:
        """Bound the children of partial choices (n, t): (n, r, q), +inf for what is not allowed.

        May look at completions that it meets on the way.
        """

    @abstractmethod
    def wanted(self, bounds: Floats) -> Booleans:
        """Which nodes (n,) with these bounds (n, q) may hold something that is still wanted."""

    @abstractmethod
    def take(self, piece: Piece, choice: Choice) -> None:
        """Look at complete choices (n, D)."""


@dataclass(order=True, frozen=True)
class Chunk:
    """Nodes of one depth in one product, lowest bound first."""

    least: float
    """The lowest first bound."""
    turn: int
    """Decides between equal bounds, so that the order is always the same."""
    piece: Piece = field(compare=False)
    choice: Choice = field(compare=False)
    bounds: Floats = field(compare=False)


class BranchAndBound:
    """One search; `run` does it."""

    def __init__(self, goal: Goal) -> None:
        self.goal = goal
        self.open: list[Chunk] = []
        self.turn = itertools.count()
        self.entries = 0

    def run(self, pieces: Iterable[Piece], deadline: float) -> float:
        """Search until nothing wanted is left, or until the clock (`time.perf_counter`) shows the deadline.

        Returns the lowest first bound that was not looked into: +inf when nothing is left, and all is proven.
        """
        for piece in pieces:
            self._expand(piece, np.zeros((1, 0), dtype=np.int32))
        while self.open:
            if time.perf_counter() > deadline or self.entries > OPEN:
                return self._left()
            chunk = heapq.heappop(self.open)
            self.entries -= chunk.choice.size
            wanted = self.goal.wanted(chunk.bounds)
            if wanted.any():
                self._expand(chunk.piece, chunk.choice[wanted])
        return np.inf

    def _left(self) -> float:
        """The lowest bound among open nodes that are still wanted."""
        return min(
            (float(c.bounds[self.goal.wanted(c.bounds), 0].min(initial=np.inf)) for c in self.open), default=np.inf
        )

    def _expand(self, piece: Piece, choice: Choice) -> None:
        """Bound the children of nodes (n, t) and keep those that may hold something wanted."""
        bounds = self.goal.below(piece, choice)
        n, r, q = bounds.shape
        kept = np.flatnonzero(self.goal.wanted(bounds.reshape(n * r, q)))
        bounds = bounds.reshape(n * r, q)[kept]
        order = np.argsort(bounds[:, 0], kind="stable")
        kept, bounds = kept[order], bounds[order]
        chosen = np.hstack([choice[kept // r], (kept % r)[:, None].astype(np.int32)])
        complete = chosen.shape[1] == len(piece.product.factors)
        for start in range(0, len(chosen), CHUNK):
            part, held = chosen[start : start + CHUNK], bounds[start : start + CHUNK]
            if complete:
                self.goal.take(piece, part[self.goal.wanted(held)])
            else:
                heapq.heappush(self.open, Chunk(float(held[0, 0]), next(self.turn), piece, part, held))
                self.entries += part.size
