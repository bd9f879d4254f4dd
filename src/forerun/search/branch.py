"""Branch and bound over products of tables: the best m configurations, and the proof that nothing is better.

A node is a choice of the first factors of a product. What can be said of all its completions at once comes
from `Bounds`: children that cannot hold one of the best m are cut off, the others become nodes. Nodes of one
depth are worked on in chunks, the chunk with the lowest bound first, so that all of it is a few matrix
products; the completions at which bounds are attained are real configurations, and lower the bar that cuts
off the rest. When no chunk is left, no configuration that is missing on the board scores better than the
board's last, up to the tolerance, and that is the proof; when the time is up, the lowest bound that is left
says how much better an unseen one could be.

Land and Doig, Econometrica 1960.
"""

import heapq
import itertools
import time
from dataclasses import dataclass, field

import numpy as np

from forerun.search.base import Floats, Problem, Ranked
from forerun.search.board import Board
from forerun.search.pieces import Piece
from forerun.search.products import Choice

CHUNK = 1_000
"""Nodes at a time: enough to keep a matrix product busy, few enough to stay in the cache."""
TRIES = 16
"""Completions of each chunk that are looked at."""
RESTARTS = 8
"""Of a descent in every product, before the first branching."""
SWEEPS = 20
"""Rounds of a descent over all factors, at most; four or five are usual."""
OPEN = 100_000_000
"""Entries of open choices, at most: under half a gigabyte. Beyond, the search ends with the gap that is left."""


@dataclass(order=True, frozen=True)
class Chunk:
    """Nodes of one depth in one product, lowest bound first."""

    bound: float
    """The lowest of them."""
    turn: int
    """Decides between equal bounds, so that the order is always the same."""
    piece: Piece = field(compare=False)
    choice: Choice = field(compare=False)
    bounds: Floats = field(compare=False)


class BranchAndBound:
    """One search; `run` does it."""

    def __init__(self, problem: Problem, pieces: list[Piece], m: int, tolerance: float) -> None:
        self.board = Board(problem, m)
        self.pieces = pieces
        # a node is cut off when rounding cannot have hidden anything that the tolerance does not cover
        self.margin = tolerance - max((piece.slack for piece in pieces), default=0.0)
        self.tolerance = tolerance
        self.open: list[Chunk] = []
        self.turn = itertools.count()
        self.entries = 0

    @property
    def bar(self) -> float:
        """What scores no better than this is not wanted any more."""
        full = len(self.board.scores) == self.board.m
        return float(self.board.scores[-1]) - self.margin if full else np.inf

    def run(self, rng: np.random.Generator, deadline: float) -> Ranked:
        """Search until the proof is complete, or the clock (`time.perf_counter`) shows the deadline."""
        if self.board.problem.starts is not None:
            self.board.score(self.board.problem.starts)
        for piece in self.pieces:
            self._expand(piece, np.zeros((1, 0), dtype=np.int32))
        for chunk in sorted(self.open):
            if chunk.bound < self.bar and time.perf_counter() < deadline:
                self._descend(chunk, rng)
        while self.open and self.open[0].bound < self.bar:
            if time.perf_counter() > deadline or self.entries > OPEN:
                return self._ranked(self.open[0].bound)
            chunk = heapq.heappop(self.open)
            self.entries -= chunk.choice.size
            wanted = chunk.bounds < self.bar
            self._expand(chunk.piece, chunk.choice[wanted])
        return self._ranked(np.inf)

    def _ranked(self, left: float) -> Ranked:
        """The board, with the lowest bound among what was not looked at."""
        found = self.board.ranked(proven=left == np.inf)
        last = found.scores[-1] - self.tolerance if len(found.scores) == self.board.m else np.inf
        return Ranked(found.L, found.scores, found.scored, found.proven, min(left - self.tolerance, last))

    def _expand(self, piece: Piece, choice: Choice) -> None:
        """Bound the children of nodes (n, t) and keep those that may hold something better."""
        children, completion = piece.below(choice, TRIES)
        self._offer(piece, completion)
        parent, row = np.nonzero(children < self.bar)
        order = np.argsort(children[parent, row], kind="stable")
        parent, row = parent[order], row[order]
        bounds = children[parent, row]
        chosen = np.hstack([choice[parent], row[:, None].astype(np.int32)])
        for start in range(0, len(chosen), CHUNK):
            part = slice(start, start + CHUNK)
            if chosen.shape[1] == len(piece.product.factors):
                self._offer(piece, chosen[part][bounds[part] < self.bar])
                continue
            heapq.heappush(self.open, Chunk(float(bounds[start]), next(self.turn), piece, chosen[part], bounds[part]))
            self.entries += chosen[part].size

    def _offer(self, piece: Piece, choice: Choice) -> Floats:
        """Put what is good enough among complete choices (n, D) on the board; return their scores."""
        values = piece.value(choice)
        good = np.flatnonzero(values < self.bar + 2 * self.tolerance)
        if len(good) > self.board.m:
            last = np.partition(values[good], self.board.m - 1)[self.board.m - 1]
            good = good[values[good] <= last + self.tolerance]
        if len(good):
            said = self.board.score(piece.product.rows(choice[good]))
            self._agree(values[good], said)
        return values

    def _agree(self, values: Floats, said: Floats) -> None:
        """Raise ValueError where the tables of a score say something else than the score itself."""
        known = np.isfinite(said)
        apart = np.abs(values[known] - said[known]).max(initial=0.0)
        if apart > max(self.tolerance, 1e-9 * np.abs(said[known]).max(initial=0.0)):
            raise ValueError(
                f"a score must be what its structure says, or nothing is proven; they differ by {apart:.3g}"
            )

    def _descend(self, chunk: Chunk, rng: np.random.Generator) -> None:
        """Lower the bar before anything is branched: coordinate descent from random choices and the best bound."""
        piece = chunk.piece
        sizes = [len(factor) for factor in piece.product.factors]
        drawn = np.stack([rng.integers(0, size, RESTARTS) for size in sizes], axis=1).astype(np.int32)
        choice = np.vstack([piece.below(chunk.choice[:1]).completion, drawn])
        values = piece.value(choice)
        for _ in range(SWEEPS):
            before = values.copy()
            for factor in range(len(sizes)):
                moves = piece.moves(choice, factor)
                best = moves.argmin(axis=1)
                reached = np.take_along_axis(moves, best[:, None], axis=1)[:, 0]
                better = reached < values
                choice[better, factor] = best[better]
                values = np.minimum(values, reached)
            if (values == before).all():
                break
        self._offer(piece, choice)
        if len(self.board.scores) < self.board.m:  # the neighbours of good ones are not bad
            self._offer(piece, _neighbours(choice[:1], sizes))


def _neighbours(choice: Choice, sizes: list[int]) -> Choice:
    """All choices (n, D) that differ from one (1, D) in one row."""
    found = []
    for factor, size in enumerate(sizes):
        one = np.repeat(choice, size, axis=0)
        one[:, factor] = np.arange(size)
        found.append(one)
    return np.vstack(found)
