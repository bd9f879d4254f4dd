"""What the workers of the pool's tests do: functions of a module, as workers must find them."""

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from forerun.tasks import Task
from tests.learners.conftest import easy_task


def sleeping() -> Task:
    """Take longer than any time-out."""
    time.sleep(60)
    return easy_task("binary")


def dying() -> Task:
    """End the process, as the kernel does when memory runs out."""
    os._exit(9)


def unreadable() -> Task:
    """Raise, as a data set that is not there does."""
    raise FileNotFoundError("no such data set")


def _counted(path: Path) -> Task:
    with path.open("a") as file:
        file.write(f"{os.getpid()}\n")
    return easy_task("binary")


def counted(path: Path) -> Callable[[], Task]:
    """Write a line each time the task is loaded."""
    return partial(_counted, path)


def _first_time_dying(path: Path) -> Task:
    if not path.exists():
        path.touch()
        os._exit(9)
    return easy_task("binary")


def first_time_dying(path: Path) -> Callable[[], Task]:
    """End the process once."""
    return partial(_first_time_dying, path)
