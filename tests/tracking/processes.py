"""Processes that use one store at the same time, forked from one that has imported what they need.

Each has its own process number and its own connections, and starts in milliseconds in place of seconds.
"""

import multiprocessing
from multiprocessing.context import ForkServerProcess
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Event
from pathlib import Path

from forerun.tracking.log import clear_interrupted, log_trial, recorded
from forerun.tracking.records import TaskRecord
from forerun.tracking.store import open_store
from tests.tracking.conftest import EXPERIMENT, make_boxes, make_space, make_trial

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload([__name__])
READY_SECONDS = 120


def _log(root: Path, n: int, ready: Event) -> None:
    space, record = make_space(), TaskRecord.of(make_boxes())
    store = open_store(None, root)
    clear_interrupted(store, EXPERIMENT)
    done = recorded(store, EXPERIMENT)
    ready.set()
    for i in range(n):
        trial = make_trial(space, i)
        if trial.key not in done:
            log_trial(store, EXPERIMENT, trial, record)


def _open(root: Path, answers: "SimpleQueue[str]") -> None:
    answers.put(open_store(None, root).experiment(EXPERIMENT))


def logging(root: Path, n: int) -> ForkServerProcess:
    """A process that logs the first n trials that are not there yet, and has begun."""
    ready = CONTEXT.Event()
    process = CONTEXT.Process(target=_log, args=(root, n, ready), daemon=True)
    process.start()
    assert ready.wait(READY_SECONDS)
    return process


def opened(root: Path, count: int) -> list[str]:
    """What so many processes that open a store at the same moment take for the number of an experiment."""
    answers: SimpleQueue[str] = CONTEXT.SimpleQueue()
    processes = [CONTEXT.Process(target=_open, args=(root, answers), daemon=True) for _ in range(count)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(READY_SECONDS)
    assert [process.exitcode for process in processes] == [0] * count
    return [answers.get() for _ in processes]
