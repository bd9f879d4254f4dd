"""A strategy on a problem for so much processor time, and what was best on the way.

A strategy that ends before its time begins again, with fresh random numbers. Time is that of the processor, on one
thread, so that other work on the machine does not count. The board is watched from outside: what enters it is written
down with the time and the number of candidates that were scored by then.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from forerun.search import CoordinateAscent, Evolution, Problem, Random, Reinforce, ReinforceRecurrent, SearchStrategy
from forerun.search.base import Floats, Levels
from forerun.search.board import Board

STRATEGIES: dict[str, SearchStrategy] = {
    "random": Random(),
    "ascent": CoordinateAscent(),
    "evolution": Evolution(),
    "reinforce": Reinforce(),
    "reinforce_recurrent": ReinforceRecurrent(),
}
NEAR = 1e-6
"""What is so close to the target has reached it."""


class Reached(Exception):  # noqa: N818 (it is good news)
    """The target was found."""


@dataclass
class Watch:
    """What was best, and when."""

    target: float = -np.inf
    best: float = np.inf
    before: int = 0
    """Candidates of runs that ended."""
    points: list[tuple[float, int, float]] = field(default_factory=list)
    """Seconds, candidates, best score."""
    began: float = field(default_factory=time.process_time)

    @property
    def seconds(self) -> float:
        """Processor time so far."""
        return time.process_time() - self.began

    def see(self, board: Board) -> None:
        """Look at a board that has changed. Raises Reached when the target is on it."""
        score = float(board.scores[0])
        if score < self.best:
            self.best = score
            self.points.append((self.seconds, self.before + board.scored, score))
        if self.best <= self.target + NEAR:
            raise Reached


@contextmanager
def watched(watch: Watch) -> Iterator[None]:
    """Show every change of a board to a watch."""
    merge = Board._merge

    def shown(board: Board, L: Levels, scores: Floats) -> None:
        merge(board, L, scores)
        watch.see(board)

    Board._merge = shown  # type: ignore[method-assign]
    try:
        yield
    finally:
        Board._merge = merge  # type: ignore[method-assign]


def compete(
    strategy: SearchStrategy, problem: Problem, seconds: float, seed: int, target: float = -np.inf
) -> dict[str, Any]:
    """Search for so many seconds of the processor, or until the target is found; what became of it, as JSON."""
    rng, watch = np.random.default_rng(seed), Watch(target)
    reached = False
    with watched(watch):
        try:
            while watch.seconds < seconds:
                watch.before += strategy.search(problem, 1, rng).scored
        except Reached:
            reached = True
    spent = watch.seconds
    scored = watch.points[-1][1] if reached else watch.before
    return {"reached": reached, "seconds": spent, "scored": scored, "best": watch.best, "points": watch.points}
