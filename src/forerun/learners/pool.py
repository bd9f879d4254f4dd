"""Worker processes that train in parallel, with hard time-outs.

A training that takes too long has its process killed: threads and signals cannot interrupt compiled code.
Each worker holds torch, BLAS and OpenMP at one thread and there are never more workers than cores, so cores
are never oversubscribed. Workers end when the process that made the pool ends, however it ends.
"""

import multiprocessing
import os
import pickle
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace
from functools import lru_cache
from multiprocessing.connection import wait as wait_for_connections
from types import TracebackType
from typing import Self

from pebble import ProcessExpired, ProcessPool

from forerun.errors import SettingsError
from forerun.learners.hardware import hardware_facts, usable_cores
from forerun.space import Configuration, SearchSpace
from forerun.tasks import Task
from forerun.trials import Status, Trial

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
JOIN_SECONDS = 5
"""For workers to end; none lives longer than this process."""
ORPHANED = 3
"""Exit code of a worker whose parent is gone."""


@dataclass(frozen=True)
class Job:
    """Trainings for one worker on one task. Networks of one `stack_key` in one job train as one stack."""

    task: Task | Callable[[], Task]
    """The task, or a function that loads it (of a module, or a `functools.partial` of one): workers keep it."""
    task_name: str
    """The task's name, for the trials of a worker that died."""
    configurations: tuple[Configuration, ...]
    seeds: tuple[int, ...]
    space: SearchSpace
    fidelity: float = 1.0

    def __post_init__(self) -> None:
        if not self.configurations or len(self.configurations) != len(self.seeds):
            raise SettingsError(
                f"a job needs configurations, and a seed for each; got {len(self.configurations)} and {len(self.seeds)}"
            )

    def one_by_one(self) -> list["Job"]:
        """Return the same trainings as jobs of one."""
        pairs = zip(self.configurations, self.seeds, strict=True)
        return [replace(self, configurations=(c,), seeds=(s,)) for c, s in pairs]

    def failed(self, reason: str) -> Trial:
        """Return the failed trial of a job of one."""
        return Trial(
            self.task_name,
            self.configurations[0],
            self.space.name,
            self.seeds[0],
            Status.FAILED,
            float("nan"),
            self.fidelity,
            reason,
            hardware=hardware_facts(),
        )


class TrainingPool:
    """Trains jobs in worker processes.

    workers: processes, at most one per usable core; None for all cores.
    timeout_s: seconds per training (a job of n trainings has n times as long), loading the task included.

        with TrainingPool(workers=2, timeout_s=20) as pool:
            for trial in pool.run(jobs):
                ...
    """

    def __init__(self, workers: int | None = None, timeout_s: float = 60.0) -> None:
        if workers is not None and workers < 1:
            raise SettingsError(f"workers must be at least 1; got {workers}")
        if not timeout_s > 0:
            raise SettingsError(f"timeout_s must be above 0 seconds; got {timeout_s}")
        self.workers = min(workers or usable_cores(), usable_cores())
        self.timeout_s = timeout_s

    def __enter__(self) -> Self:
        context = multiprocessing.get_context("forkserver")
        # workers are forked from a server that has imported torch and scikit-learn: a new one starts at once
        context.set_forkserver_preload(["forerun.learners.trial"])
        self._pool = ProcessPool(max_workers=self.workers, initializer=_start_worker, context=context)
        self._scheduled = set[Future[list[Trial]]]()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.stop()
        # threads that wait for a training hear of the end; pebble would leave them waiting. After `stop`, so
        # that none schedules another one in between
        for future in list(self._scheduled):
            future.cancel()
        # pebble may wait for ever for a worker that was ended while it started
        joining = threading.Thread(target=self._pool.join, daemon=True)
        joining.start()
        joining.join(JOIN_SECONDS)

    def run(self, jobs: Iterable[Job]) -> Iterator[Trial]:
        """Train jobs and yield trials as they come; jobs are drawn from the iterable as workers become free.

        Yields one trial for every configuration of every job, finished or failed. Where a job of several
        dies or times out, its trainings are tried again one by one: none fails for another's fault.
        Raises what loading a task raises, and CancelledError when the pool is left by another thread.
        """
        waiting, again = iter(jobs), deque[Job]()
        running: dict[Future[list[Trial]], Job] = {}
        while True:
            # one job more than workers, so that none waits for this loop
            while len(running) <= self.workers and (job := again.popleft() if again else next(waiting, None)):
                running[self._schedule(job)] = job
            if not running:
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                trials, retry = self._collect(running.pop(future), future)
                again.extend(retry)
                yield from trials

    def _schedule(self, job: Job) -> "Future[list[Trial]]":
        arguments = (_packed(job.task), job.configurations, job.seeds, job.space, job.fidelity)
        limit = self.timeout_s * len(job.configurations)
        future: Future[list[Trial]] = self._pool.schedule(_train, args=arguments, timeout=limit)
        self._scheduled.add(future)
        future.add_done_callback(self._scheduled.discard)
        return future

    def _collect(self, job: Job, future: "Future[list[Trial]]") -> tuple[list[Trial], list[Job]]:
        """The trials of a job that has ended, and what must be tried again."""
        try:
            return future.result(), []
        except TimeoutError:
            reason = f"timed out after {self.timeout_s:g} s"
        except ProcessExpired as error:
            reason = f"the worker process died with exit code {error.exitcode}; killed for its memory, perhaps"
        if len(job.configurations) > 1:
            return [], job.one_by_one()
        return [job.failed(reason)], []


# -- in the worker ----------------------------------------------------------------------------------


def _start_worker() -> None:
    for name in THREADS:
        os.environ[name] = "1"
    import torch
    from threadpoolctl import threadpool_limits

    import forerun.learners.trial  # noqa: F401 - so that the first training does not pay for it

    torch.set_num_threads(1)
    threadpool_limits(limits=1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for_connections([parent.sentinel])
        os._exit(ORPHANED)


def _train(
    task: bytes, configurations: tuple[Configuration, ...], seeds: tuple[int, ...], space: SearchSpace, fidelity: float
) -> list[Trial]:
    from forerun.learners.trial import run_trials

    return run_trials(_unpacked(task), configurations, space=space, seeds=seeds, fidelity=fidelity)


def _packed(task: Task | Callable[[], Task]) -> bytes:
    # between our own processes only; nothing pickled is ever stored
    return pickle.dumps(task)


@lru_cache(maxsize=4)
def _unpacked(packed: bytes) -> Task:
    task = pickle.loads(packed)  # noqa: S301 - from the process that started this one
    return task if isinstance(task, Task) else task()
