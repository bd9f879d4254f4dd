"""Ask and tell: forerun chooses, a loop that one already has trains, and MLflow remembers.

    study = forerun.Study("churn-mlp", space="space.yaml", history="data/foreign")
    for _ in range(20):
        trial = study.ask()
        trial.tell(train(**trial.configuration))      # or trial.fail("out of memory")
    print(study.best.configuration, study.best.value)

The state is in MLflow alone: the experiment that has the study's name, one run a trial from the moment it is asked
for. Any number of processes may ask at once, on one machine or several; what one is trying counts as tried for the
others, and no configuration is tried twice. What a process that died had asked for is given up, and asked again.
"""

import math
import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from os import getpid
from pathlib import Path

from forerun.errors import SettingsError, StoreError
from forerun.learners.hardware import hardware_facts
from forerun.metadata.metafeatures import metafeatures
from forerun.space import SearchSpace, Value
from forerun.steps.project import Project
from forerun.tasks import Task
from forerun.tracking.log import process
from forerun.tracking.store import Store, open_store
from forerun.tracking.studies import Entry, StudyLog, current_uri
from forerun.tracking.subject import Subject
from forerun.trials import History
from forerun.tuning.external import Chooser, chooser_of

DIRECTIONS = ("minimize", "maximize")
ATTEMPTS = 30
"""How often to choose anew where others chose the same at the same time."""


@dataclass
class Asked:
    """A configuration that is to be tried, and a place to say how it went."""

    configuration: Mapping[str, Value]
    run_id: str
    """Its MLflow run: `with mlflow.start_run(run_id=trial.run_id)` logs what else there is to know."""
    _log: StudyLog = field(repr=False)
    _told: bool = field(default=False, repr=False)

    def tell(self, value: float) -> None:
        """Say the metric's value; one that is not finite is a failure. Raises SettingsError when told before."""
        try:
            number = float(value)
        except (TypeError, ValueError) as error:
            raise SettingsError(f"the value told to a study must be a number; got {value!r}") from error
        if not math.isfinite(number):
            self.fail(f"{self._log.subject.metric} is {number}")
            return
        self._once()
        self._log.tell(self.run_id, number)

    def fail(self, reason: str) -> None:
        """Say that it failed, and why in a line; the study keeps away from what fails."""
        self._once()
        self._log.fail(self.run_id, reason)

    def _once(self) -> None:
        if self._told:
            raise SettingsError(f"a trial must be told once; run {self.run_id} was told before. Ask for another")
        self._told = True


class Study:
    """The tuning of a program, whose state is its MLflow runs (see the module)."""

    def __init__(
        self,
        name: str,
        space: SearchSpace | Path | str | None = None,
        history: History | Path | str | None = None,
        *,
        direction: str | None = None,
        metric: str | None = None,
        task: Task | Mapping[str, float] | None = None,
        store: str | None = None,
        seed: int = 0,
        command: tuple[str, ...] = (),
    ) -> None:
        """Begin a study, or go on with the one of this name.

        space: what may be tried, also as a YAML file; None for that of the study as it was begun, or of the
        history. history: what to learn from, also as its folder; None to learn from this study alone.
        direction: 'minimize' (the default) or 'maximize'. metric: how the value is called in MLflow, by default
        'loss' or 'score'. task: the data set at hand, or its meta-features by name, where the history has some.
        store: an MLflow tracking URI; by default what MLflow was told, then the project's store, then one in
        ./mlruns. command: the program, where `forerun tune` runs it.
        Raises SettingsError where the study was begun with something else, SpaceError, HistoryError, StoreError.
        """
        if direction not in (None, *DIRECTIONS):
            raise SettingsError(f"direction of a study must be one of {', '.join(DIRECTIONS)}; got {direction!r}")
        self.name, self.seed, self._task = name, seed, task
        self._history = Path(history) if isinstance(history, str) else history
        self.store = open_tracking(store)
        known = StudyLog.find(self.store, name)
        maximize = direction == "maximize" if direction else known is not None and known.maximize
        metric = metric or (known.metric if known else "score" if maximize else "loss")
        subject = Subject(self._space(space, known), metric, maximize, command)
        self._log = StudyLog.open(self.store, name, subject)
        self._turn = threading.Lock()

    def _space(self, given: SearchSpace | Path | str | None, known: Subject | None) -> SearchSpace:
        if isinstance(given, SearchSpace):
            return given
        if given is not None:
            return SearchSpace.from_yaml(Path(given))
        if known is not None:
            return known.space
        if self._history is None:
            raise SettingsError(
                f"a new study must have a search space or a history that has one; study {self.name!r} got neither. "
                "Give space='space.yaml' or history='FOLDER'"
            )
        history = self._history if isinstance(self._history, History) else History.load(self._history)
        used = {str(name): history.spaces[str(name)] for name in history.trials["space"].unique()}
        if len(used) != 1:
            raise SettingsError(
                f"the history of a study without a space must have one search space; got {', '.join(sorted(used))}. "
                f"Name one: space=forerun.History.load(folder).spaces[{min(used)!r}]"
            )
        return next(iter(used.values()))

    @property
    def space(self) -> SearchSpace:
        """What may be tried."""
        return self._log.subject.space

    @property
    def log(self) -> StudyLog:
        """The study's runs, for those who end them by other means than `Asked`."""
        return self._log

    @cached_property
    def chooser(self) -> Chooser:
        """What chooses; fitted to the history when it is first needed, which takes seconds."""
        kind = self._task.kind if isinstance(self._task, Task) else None
        features = metafeatures(self._task) if isinstance(self._task, Task) else self._task
        self._log.expire()
        return chooser_of(
            self.space, self._history, metafeatures=features, hardware=hardware_facts(), kind=kind, seed=self.seed
        )

    def ask(self) -> Asked:
        """What to try next. Raises SettingsError when everything was tried, StoreError."""
        with self._turn:
            for attempt in range(ATTEMPTS):
                configuration = self._choose()
                run = self._log.ask(configuration, process(getpid()))
                if run is not None:
                    return Asked(configuration, run, self._log)
                # another process chose the same: whoever comes back first keeps it
                time.sleep(random.uniform(0, 0.1 * (attempt + 1)))  # noqa: S311 - no secret
        raise StoreError(
            f"study {self.name!r} must find a configuration that no other process tries; others were first "
            f"{ATTEMPTS} times. Ask again"
        )

    def _choose(self) -> dict[str, Value]:
        entries = self.entries()
        trials = [self._log.trial(e) for e in entries if e.status in ("finished", "failed")]
        found = self.chooser.choose(trials, [e.configuration for e in entries if e.status == "pending"])
        if found is None:
            raise SettingsError(
                f"study {self.name!r} must have something left to try; its {len(entries)} trials are all that "
                f"space {self.space.name!r} holds. Widen the space, under another study's name"
            )
        return found

    def entries(self) -> list[Entry]:
        """All trials as MLflow knows them now, in the order in which they were asked for."""
        return self._log.entries()

    @property
    def best(self) -> Entry | None:
        """The finished trial with the best value; None before there is one."""
        finished = [e for e in self.entries() if e.status == "finished"]
        return min(finished, key=lambda e: self._log.loss(e.value), default=None)


def open_tracking(uri: str | None) -> Store:
    """Open a store: the one named, or what MLflow was told, or the store of the project around, or ./mlruns."""
    uri = uri or current_uri()
    if uri is not None:
        return open_store(uri, Path.cwd())
    try:
        project = Project.find()
    except SettingsError:
        return open_store(None, Path.cwd())
    return open_store(project.settings.store.uri, project.root)
