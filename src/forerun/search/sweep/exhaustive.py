"""Exhaustive search: every configuration of a grid of billions is scored, a billion in seconds.

The grid falls into products of tables (`tables.products`), each of them is cut into a head, a block and a suffix
(`splits`), and threads score the block against the suffix for one choice of the head after the other, in float32
(`streams`, `kernels`). All that is kept of a row of the block is its least score. Where that is below the bar, or
above it by no more than float32 can be wrong about, the row is scored again in float64, what is allowed goes on
the board, and the bar falls: so the answer is exact, and memory does not grow with the space. The bar starts where
coordinate descent ends (`proof.best`), so that few rows are looked at twice.
"""

import os
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, ClassVar

import numpy as np
from threadpoolctl import ThreadpoolController
from tqdm import tqdm

from forerun.search.base import Problem, Ranked, SearchStrategy
from forerun.search.proof.best import Best
from forerun.search.sweep.parts import Part, Scored, parts
from forerun.search.tables.products import products
from forerun.search.tables.relaxation import Network
from forerun.search.tables.talents import structure_of

AGAIN = 2**15
"""Candidates that are scored in float64 at a time."""
AHEAD = 2
"""Tasks for each thread that wait or are done. Results are taken in order, so the answer is always the same."""

Task = tuple[Part, range]


@dataclass
class Exhaustive(SearchStrategy):
    """Scores everything, and is exact, for scores that are a network over a sum of tables (`space.Additive`)."""

    seconds: float | None = None
    """When the time is up, it ends with the best so far; None: no limit."""
    interruptible: bool = True
    """So it does at a keyboard interrupt; False: the interrupt is for whoever searches."""
    workers: int | None = None
    """Threads; None: one for every core."""
    progress: bool = False
    """Show a bar with the rate, in a terminal."""
    tolerance: float = 1e-9
    """Configurations that are better by less than this count as equal."""
    pool: ClassVar[int] = 1

    def search(self, problem: Problem, m: int, rng: np.random.Generator) -> Ranked:
        """Return the m best rows. Raises ValueError for a score that is not such a network."""
        deadline = np.inf if self.seconds is None else time.perf_counter() + self.seconds
        network, whole = structure_of(problem.score, problem.grid), products(problem.grid)
        if not isinstance(network, Network) or whole is None:
            raise ValueError("an exhaustive search needs a score that is a network over tables; got one that is not")
        found = parts(problem, network, whole)
        slack = max((max(part.piece.slack, part.stream.slack) for part in found), default=0.0)
        sweep = Sweep(Best(problem, m, slack, self.tolerance), deadline, self.interruptible)
        sweep.best.start([part.piece for part in found], rng, deadline)
        hidden = None if self.progress else True
        # workers are threads already, and BLAS with threads of its own would only be in their way
        one = _controller().limit(limits=1, user_api="blas")
        with tqdm(total=problem.grid.size, disable=hidden, unit="", unit_scale=True) as bar, one:
            sweep.run(tasks(found), self.workers or os.cpu_count() or 1, bar)
        return sweep.ranked()


def tasks(found: Iterable[Part]) -> Iterator[Task]:
    """All choices of all heads, in lots that take some 40 ms."""
    for part in found:
        for start in range(0, part.split.heads, part.step):
            yield part, range(start, min(start + part.step, part.split.heads))


class Sweep:
    """One search, from the first candidate to the last."""

    def __init__(self, best: Best, deadline: float, interruptible: bool) -> None:
        self.best = best
        self.deadline = deadline
        self.interruptible = interruptible
        self.scored = 0
        self.complete = False

    def run(self, todo: Iterator[Task], workers: int, bar: "tqdm[Any]") -> None:
        """Score until nothing is left to do, the clock shows the deadline, or the keyboard interrupts."""
        waiting: deque[tuple[Task, Future[list[Scored]]]] = deque()
        with ThreadPoolExecutor(workers) as pool:
            try:
                while time.perf_counter() < self.deadline:
                    while len(waiting) < AHEAD * workers and (task := next(todo, None)):
                        waiting.append((task, pool.submit(task[0].score, task[1], self.best.bar)))
                    if not waiting:
                        self.complete = True
                        break
                    (part, heads), result = waiting.popleft()
                    for scored in result.result():
                        self.scored += scored.size
                        self._again(part, scored)
                    bar.update(len(heads) * part.block * part.suffix)
            except KeyboardInterrupt:
                if not self.interruptible:
                    raise
            finally:
                pool.shutdown(cancel_futures=True)

    def ranked(self) -> Ranked:
        """What stands on the board; proven when all was scored."""
        return replace(self.best.ranked(np.inf if self.complete else -np.inf), scored=self.scored)

    def _again(self, part: Part, scored: Scored) -> None:
        """Score rows in float64, lowest bound first, as long as they may hold something wanted."""
        order = np.argsort(scored.bounds, kind="stable")
        step = max(1, AGAIN // part.suffix)
        for start in range(0, len(order), step):
            chosen = order[start : start + step]
            rows = scored.rows[chosen[scored.bounds[chosen] < self.best.bar]]
            if not len(rows) or time.perf_counter() > self.deadline:
                break
            values = part.scores(scored.head, rows)
            i, j = np.nonzero(values < self.best.bar)
            choice = part.split.choices(scored.head, rows[i], j)
            allowed = part.piece.allow(choice)
            self.best.offer(part.piece, choice[allowed], values[i, j][allowed])


@cache
def _controller() -> ThreadpoolController:
    # finding the libraries takes longer than a small search, so once
    return ThreadpoolController()
