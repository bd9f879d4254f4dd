"""Real trainings on the target as MLflow runs: in worker processes, with time-outs, and never twice."""

import hashlib
import json
import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from forerun.errors import StoreError
from forerun.learners.pool import Job, TrainingPool
from forerun.metadata.metafeatures import metafeatures
from forerun.space import Configuration, SearchSpace
from forerun.steps.errand import Elsewhere, Errand
from forerun.steps.progress import bar
from forerun.steps.settings import TuneSettings
from forerun.tasks import Task
from forerun.tracking import names
from forerun.tracking.log import clear_interrupted, commit, log_trial
from forerun.tracking.mine import mine
from forerun.tracking.once import keep_first
from forerun.tracking.records import TaskRecord, all_runs, log_space, log_task
from forerun.tracking.store import Store
from forerun.trials import History, Trial, trial_key


@dataclass
class Trainer:
    """Trains configurations of one task and remembers, in MLflow, what it has trained. A context manager.

    Trainings belong to a campaign: the same task, data and settings. A campaign that was interrupted goes on.
    """

    store: Store
    experiment: str
    task: Task
    space: SearchSpace
    """Of all that may be trained."""
    settings: TuneSettings
    root: Path
    describe: str = "trainings"
    basis: str = ""
    """What else the choice of trainings rests on: the digest of the meta-learner."""
    elsewhere: Elsewhere | None = None
    """Trains on other machines; None trains on this one."""

    def __enter__(self) -> Self:
        clear_interrupted(self.store, self.experiment)
        self._record = TaskRecord.of(self.task)
        log_space(self.store, self.space)
        log_task(self.store, self._record, metafeatures(self.task))
        self._known = {t.key: t for t in self.done()}
        self._pool = TrainingPool(timeout_s=self.settings.timeout_s).__enter__()
        self.bar = bar(desc=self.describe, unit="training", leave=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.close()
        self._pool.__exit__(kind, error, trace)

    @property
    def campaign(self) -> str:
        """What makes two trainings part of one campaign; how many are wanted does not."""
        settings = {k: v for k, v in asdict(self.settings).items() if k not in ("trials", "seconds", "random_seeds")}
        text = json.dumps(
            [self.task.name, self.task.digest, self.task.metric.name, self.basis, settings],
            sort_keys=True,
            default=list,
        )
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def done(self) -> list[Trial]:
        """The campaign's trials that the store holds, in the order in which they were begun."""
        place = self.store.find(self.experiment)
        if place is None:
            return []
        mine_only = f"tags.`{names.CAMPAIGN}` = '{self.campaign}'"
        keys = {run.data.tags[names.TRIAL] for run in all_runs(self.store, place, mine_only)}
        if not keys:
            return []
        history = mine(self.store, [self.experiment])
        rows = history.trials[history.trials["trial"].isin(keys)].sort_values("started")
        return History(rows.reset_index(drop=True), history.tasks, history.spaces).to_trials()

    def __call__(self, configurations: Sequence[Configuration]) -> Iterator[Trial]:
        """Train what was not trained before; every trial is logged before it is handed on."""
        missing = []
        for configuration in configurations:
            known = self._known.get(trial_key(self.task.name, configuration, self.settings.seed))
            if known is None:
                missing.append(configuration)
            else:
                self.bar.update()
                yield known
        for trial in self._train(missing) if self.elsewhere is None else self._follow(self.elsewhere, missing):
            self._known[trial.key] = trial
            self.bar.update()
            yield trial

    def _train(self, configurations: Sequence[Configuration]) -> Iterator[Trial]:
        # one job each: on the target a slow training must not hold up the others
        jobs = [Job(self.task, self.task.name, (c,), (self.settings.seed,), self.space) for c in configurations]
        for trial in self._pool.run(jobs):
            log_trial(self.store, self.experiment, trial, self._record, self._tags)
            yield trial

    def _follow(self, elsewhere: Elsewhere, configurations: Sequence[Configuration]) -> Iterator[Trial]:
        """Have configurations trained elsewhere; the trials are what the store then holds."""
        wanted = {trial_key(self.task.name, c, self.settings.seed): c for c in configurations}
        if not wanted:
            return
        for _ in elsewhere([self._errand(c) for c in wanted.values()]):
            pass
        keep_first(self.store, self.experiment, f"tags.`{names.CAMPAIGN}` = '{self.campaign}'", remains=True)
        done = {trial.key: trial for trial in self.done()}
        if lost := set(wanted) - set(done):
            raise StoreError(
                f"{self.store.label} must hold all trials that workers have logged; {len(lost)} are not in it. "
                "Start again"
            )
        yield from (done[trial_key(self.task.name, c, self.settings.seed)] for c in configurations)

    def _errand(self, configuration: Configuration) -> Errand:
        return Errand(
            name=f"{configuration['learner']} on {self.task.name}",
            store=self.store,
            host=platform.node(),
            experiment=self.experiment,
            record=self._record,
            data=self.task,
            space=self.space,
            stacks=((configuration,),),
            seed=self.settings.seed,
            timeout_s=self.settings.timeout_s,
            tags=self._tags,
        )

    @property
    def _tags(self) -> dict[str, str]:
        return {**commit(self.root), names.CAMPAIGN: self.campaign}

    def run_id(self, trial: Trial) -> str:
        """The MLflow run of a trial."""
        place = self.store.experiment(self.experiment)
        runs = all_runs(self.store, place, f"tags.`{names.TRIAL}` = '{trial.key}'")
        return str(runs[0].info.run_id)
