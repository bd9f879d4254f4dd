"""Step 1: real trainings on many tasks, every one an MLflow run.

A campaign is a plan (which configurations on which tasks) less what the store already holds. So it can
be killed at any moment and started again: nothing is trained twice, nothing is lost.
"""

import json
import platform
import threading
import time
from collections.abc import Callable, Iterable
from functools import cached_property, partial
from pathlib import Path
from types import TracebackType
from typing import Self

from forerun.errors import SettingsError, StoreError
from forerun.learners.joint import default_space
from forerun.learners.pool import Job, TrainingPool
from forerun.learners.trial import stacks
from forerun.metadata.metafeatures import metafeatures
from forerun.space import Configuration
from forerun.steps.errand import Errand
from forerun.steps.plan import Chunk, Plan, Tasks
from forerun.steps.progress import bar
from forerun.steps.project import Project
from forerun.steps.settings import CollectSettings
from forerun.steps.target import check_target
from forerun.tasks import Task, builtin_task, folder_tasks
from forerun.tasks.builtin import RECIPES
from forerun.tracking import names
from forerun.tracking.log import clear_interrupted, commit, log_trial, recorded
from forerun.tracking.once import keep_first
from forerun.tracking.records import TaskRecord, log_space, log_task
from forerun.tracking.store import Store, open_store

CLOCKS_SECONDS = 3600
"""Between the clocks of two machines, at most."""


class Campaign:
    """The trainings of a plan, those that the store holds left out. A context manager: it owns worker processes."""

    def __init__(self, store: Store, root: Path, tasks: Tasks, settings: CollectSettings) -> None:
        self.store, self.root, self.sources, self.settings = store, root, tasks, settings
        self._lock = threading.Lock()
        self._pool = TrainingPool(settings.workers, settings.timeout_s)

    @property
    def workers(self) -> int:
        """Trainings at the same time."""
        return self._pool.workers

    def __enter__(self) -> Self:
        clear_interrupted(self.store, names.COLLECT)
        self._since = int((time.time() - CLOCKS_SECONDS) * 1000)
        self._done = recorded(self.store, names.COLLECT)
        self._describe()
        planned = self._plan.keys
        done = sum(key in self._done for key in planned)
        self._bar = bar(total=len(planned), initial=done, unit="training", desc="collect", smoothing=0.02)
        self._pool.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.__exit__(kind, error, trace)
        self._bar.close()

    @cached_property
    def tasks(self) -> dict[str, Task]:
        """The tasks, loaded."""
        return {name: load() for name, load in bar(self.sources.items(), desc="load tasks", leave=False)}

    @cached_property
    def _records(self) -> dict[str, TaskRecord]:
        return {name: TaskRecord.of(task) for name, task in self.tasks.items()}

    def _describe(self) -> None:
        """Put spaces, tasks and meta-features into the store, so that mining needs nothing else."""
        for space in {default_space(task.kind).name: default_space(task.kind) for task in self.tasks.values()}.values():
            log_space(self.store, space)
        for name, task in bar(self.tasks.items(), desc="meta-features", leave=False):
            log_task(self.store, self._records[name], metafeatures(task))

    @cached_property
    def _plan(self) -> Plan:
        return Plan(self.tasks, self.settings)

    @property
    def plan(self) -> list[Chunk]:
        """Everything that is to be trained."""
        return self._plan.chunks

    def missing(self, chunk: Chunk) -> list[Configuration]:
        """The configurations of a chunk that the store does not hold yet."""
        with self._lock:
            return [c for c in chunk.configurations if self._plan.key(chunk.task, c) not in self._done]

    @property
    def pending(self) -> list[Chunk]:
        """The chunks with something left to train."""
        return [chunk for chunk in self.plan if self.missing(chunk)]

    def train(self, chunk: Chunk) -> int:
        """Train what is missing of a chunk and log each trial as it comes; returns how many.

        Raises StoreError when the store cannot be written; what was logged until then stays, and calling
        again goes on from there.
        """
        task, todo = self.tasks[chunk.task], self.missing(chunk)
        space, seed = default_space(task.kind), self.settings.seed
        jobs = [
            Job(task, task.name, tuple(todo[i] for i in group), (seed,) * len(group), space) for group in stacks(todo)
        ]
        for trial in self._pool.run(jobs):
            log_trial(self.store, names.COLLECT, trial, self._records[task.name], commit(self.root))
            with self._lock:
                self._done.add(trial.key)
                self._bar.update()
        return len(todo)

    def errand(self, chunk: Chunk) -> Errand:
        """What is missing of a chunk, for a process on another machine."""
        todo, space = self.missing(chunk), default_space(self.tasks[chunk.task].kind)
        return Errand(
            name=chunk.name,
            store=self.store,
            host=platform.node(),
            experiment=names.COLLECT,
            record=self._records[chunk.task],
            data=self.sources[chunk.task],
            space=space,
            stacks=tuple(tuple(todo[i] for i in group) for group in stacks(todo)),
            seed=self.settings.seed,
            timeout_s=self.settings.timeout_s,
            tags=commit(self.root),
        )

    def follow(self, errands: Iterable[Errand]) -> None:
        """Count errands as they are done elsewhere, then see to it that the store holds every trial, once.

        Raises StoreError when trials are missing.
        """
        for errand in errands:
            self._bar.update(sum(map(len, errand.stacks)))
        keep_first(self.store, names.COLLECT, f"attributes.start_time > {self._since}", remains=True)
        self._done = recorded(self.store, names.COLLECT)
        if lost := sum(len(self.missing(chunk)) for chunk in self.plan):
            raise StoreError(
                f"{self.store.label} must hold all trials that workers have logged; {lost} are not in it. Start again"
            )

    def summary(self) -> dict[str, object]:
        """What the campaign stands for, the same each time it is completed."""
        return self._plan.summary()


def check(project: Project) -> Tasks:
    """Return the tasks that params.yaml asks for; raises for what it cannot mean, before anything long is begun."""
    check_target(project)
    return choose_tasks(project, project.settings.collect)


def campaign(project: Project) -> Campaign:
    """Plan the collection that params.yaml asks for, leaving out the target's family."""
    settings, tasks = project.settings.collect, check(project)
    return Campaign(open_store(project.settings.store.uri, project.root), project.root, tasks, settings)


def choose_tasks(project: Project, settings: CollectSettings) -> dict[str, Callable[[], Task]]:
    """Return the tasks that the settings name. Raises SettingsError for an unknown one."""
    if settings.folder is not None:
        return folder_tasks(project.path(settings.folder), settings.max_rows, settings.seed)
    known = {name: partial(builtin_task, name, max_rows=settings.max_rows, seed=settings.seed) for name in RECIPES}
    target = project.settings.target.data
    held_out = RECIPES[target].family if target in RECIPES else None
    wanted = list(known) if "builtin" in settings.tasks else list(settings.tasks)
    for name in wanted:
        if name not in known:
            raise SettingsError(f"collect.tasks must be 'builtin' or among {', '.join(known)}; got {name!r}")
    return {name: known[name] for name in wanted if RECIPES[name].family != held_out}


def finish(project: Project, done: Campaign) -> None:
    """Write down that the plan is fulfilled."""
    project.collected.parent.mkdir(parents=True, exist_ok=True)
    project.collected.write_text(json.dumps(done.summary(), indent=1) + "\n")


def run(project: Project) -> None:
    """Collect without Prefect, chunk by chunk."""
    with campaign(project) as todo:
        for chunk in todo.pending:
            todo.train(chunk)
        finish(project, todo)
