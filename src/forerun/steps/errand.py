"""Trainings for a process on another machine, and all that it needs in order to do them.

An errand is data; whoever runs it logs its trials in the campaign's store, and answers nothing: results travel
through MLflow. Run again, there or elsewhere, after its process was killed, it goes on where it stood.
"""

import multiprocessing
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from forerun.errors import DataError, StoreError
from forerun.learners.pool import Job, TrainingPool
from forerun.space import Configuration, SearchSpace
from forerun.tasks import Task
from forerun.tracking import names
from forerun.tracking.once import ended, holds_task, log_once
from forerun.tracking.records import TaskRecord
from forerun.tracking.store import Store, open_store
from forerun.trials import trial_key

ANSWER_SECONDS = 5


@dataclass(frozen=True)
class Errand:
    """Trainings of one task."""

    name: str
    store: Store = field(repr=False)  # its URI may hold a password
    host: str
    """The machine that sends the errand."""
    experiment: str
    record: TaskRecord
    data: Task | Callable[[], Task]
    """The task, or what loads it on whatever machine; that the data is the same is checked."""
    space: SearchSpace
    stacks: tuple[tuple[Configuration, ...], ...]
    """What trains together."""
    seed: int
    timeout_s: float
    tags: Mapping[str, str]
    """Of every run: the commit, and the campaign of a fine-tuning."""

    def run(self) -> None:
        """Train what the store does not hold yet, one training at a time, and log each trial as it comes.

        Raises StoreError (another store than the sender's, or none) and DataError (other data).
        """
        store = reach(self.store.uri, self.host)
        if not holds_task(store, self.record):
            raise StoreError(
                f"{store.label} must be the same store on every machine; on {platform.node()} it does not hold task "
                f"{self.record.name!r}, which {self.host} has described in its own. Use an address that means one "
                "server everywhere"
            )
        stacks = self._missing(store)
        if not stacks:
            return
        # a worker that was started by another process may have no children of its own, unless it says so
        multiprocessing.current_process().daemon = False
        task = self._task()
        jobs = [Job(task, task.name, stack, (self.seed,) * len(stack), self.space) for stack in stacks]
        with TrainingPool(1, self.timeout_s) as pool:
            for trial in pool.run(jobs):
                log_once(store, self.experiment, trial, self.record, self.tags)

    def _missing(self, store: Store) -> list[tuple[Configuration, ...]]:
        done = ended(store, self.experiment, self.record.name, self.tags.get(names.CAMPAIGN, ""))
        stacks = (
            tuple(c for c in stack if trial_key(self.record.name, c, self.seed) not in done) for stack in self.stacks
        )
        return [stack for stack in stacks if stack]

    def _task(self) -> Task:
        task = self.data if isinstance(self.data, Task) else self.data()
        if task.digest != self.record.digest:
            raise DataError(
                f"task {self.record.name!r} must be made of the same data on every machine (digest "
                f"{self.record.digest[:12]}); on {platform.node()} it is other data (digest {task.digest[:12]}). "
                "Install the same versions, and keep the files on a disk that all share"
            )
        return task


Elsewhere = Callable[[Sequence[Errand]], Iterator[Errand]]
"""Has errands run on other machines, and yields each one that is done; raises what one of them raises."""


def reach(uri: str, host: str) -> Store:
    """Open, on this machine, the store that a process on `host` has open. Raises StoreError."""
    here, database = platform.node(), Store(uri).database
    if database is not None and here != host:
        # https://www.sqlite.org/wal.html: all processes that use a database must be on the same machine
        raise StoreError(
            f"trainings on several machines need a store with a server; {database} is a file on {host}, which "
            f"{here} must not write to, even on a shared disk. Start `mlflow server`, or name a PostgreSQL database, "
            "and set store.uri of params.yaml"
        )
    if database is not None and not database.is_file():
        raise StoreError(f"the store {database} must be there for every worker; a worker on {here} sees none")
    try:
        return open_store(uri, Path.cwd())
    except StoreError as error:
        raise StoreError(f"on {here}: {error}") from error


def ready(uri: str, host: str, health: str) -> None:
    """Raise StoreError, or OSError, on a machine that cannot take errands.

    health: a URL that answers as long as the server of the flows does.
    """
    reach(uri, host)
    try:
        with urlopen(health, timeout=ANSWER_SECONDS):  # noqa: S310 - http, Prefect's own
            return
    except (URLError, OSError) as error:
        raise ConnectionError(f"{platform.node()} gets no answer from {health}") from error
