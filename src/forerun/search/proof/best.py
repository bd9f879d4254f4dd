"""The goal of finding the best m configurations of a problem, with the proof that no other is better."""

import time

import numpy as np

from forerun.search.base import Booleans, Floats, Problem, Ranked
from forerun.search.board import Board
from forerun.search.proof.branch import Goal
from forerun.search.proof.descent import descend, neighbours
from forerun.search.tables.pieces import Piece
from forerun.search.tables.products import Choice

TRIES = 16
"""Completions of each chunk that are looked at."""
SLICE = 64
"""Choices that are put on the board at a time, at least: after each slice, the bar may spare the others."""


class Best(Goal):
    """A board of the best m, and the bar that it sets."""

    def __init__(self, problem: Problem, m: int, slack: float, tolerance: float) -> None:
        self.board = Board(problem, m)
        # a node is cut off when rounding cannot have hidden anything that the tolerance does not cover
        self.slack, self.margin = slack, tolerance - slack
        self.tolerance = tolerance

    @property
    def bar(self) -> float:
        """What is bounded by this is not wanted any more."""
        full = len(self.board.scores) == self.board.m
        return float(self.board.scores[-1]) - self.margin if full else np.inf

    def below(self, piece: Piece, choice: Choice) -> Floats:
        """As `Goal.below`, q = 1."""
        children, completion = piece.below(choice, TRIES)
        self.take(piece, completion)
        return children[:, :, None]

    def wanted(self, bounds: Floats) -> Booleans:
        """As `Goal.wanted`."""
        return np.asarray(bounds[:, 0] < self.bar)

    def take(self, piece: Piece, choice: Choice) -> None:
        """As `Goal.take`: put what is good enough on the board."""
        self.offer(piece, choice, piece.value(choice))

    def offer(self, piece: Piece, choice: Choice, values: Floats) -> None:
        """Put complete choices (n, D) with known scores (n,) on the board, best first, while they are good enough.

        Only the board knows all that is forbidden, so the best m of them are not yet the best m that are allowed.
        """
        order = np.argsort(values, kind="stable")[: np.isfinite(values).sum()]
        step = max(SLICE, self.board.m)
        for start in range(0, len(order), step):
            good = order[start : start + step]
            good = good[values[good] < self.bar + 2 * self.tolerance]
            if not len(good):
                break
            agree(values[good], self.board.score(piece.product.rows(choice[good])), self.tolerance)

    def start(self, pieces: list[Piece], rng: np.random.Generator, deadline: float) -> None:
        """Raise the bar before anything is branched, most promising products first."""
        if self.board.problem.starts is not None:
            self.board.score(self.board.problem.starts)
        root = np.zeros((1, 0), dtype=np.int32)
        found = [piece.below(root) for piece in pieces]
        least = [float(below.children.min()) for below in found]
        for i in np.argsort(least, kind="stable"):
            if least[i] < self.bar and time.perf_counter() < deadline:
                choice = descend(pieces[i], found[i].completion, rng)
                self.take(pieces[i], choice)
                if len(self.board.scores) < self.board.m:  # the neighbours of good ones are not bad
                    self.take(pieces[i], neighbours(pieces[i], choice[:1]))

    def ranked(self, left: float) -> Ranked:
        """The board, when the lowest bound that was not looked into is `left`."""
        found = self.board.ranked(proven=left == np.inf)
        last = found.scores[-1] - self.tolerance if len(found.scores) == self.board.m else np.inf
        return Ranked(found.L, found.scores, found.scored, found.proven, min(left - self.slack, last))


def agree(values: Floats, said: Floats, tolerance: float) -> None:
    """Raise ValueError where the tables of a score say something else than the score itself (+inf: forbidden)."""
    known = np.isfinite(said)
    apart = np.abs(values[known] - said[known]).max(initial=0.0)
    if apart > max(tolerance, 1e-9 * np.abs(said[known]).max(initial=0.0)):
        raise ValueError(f"a score must be what its structure says, or nothing is proven; they differ by {apart:.3g}")
