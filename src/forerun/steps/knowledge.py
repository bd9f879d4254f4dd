"""What a project has learned, and how it is put to work on one task."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from forerun.errors import HistoryError, SettingsError
from forerun.learners import ARCHITECTURES
from forerun.learners.architectures import Family
from forerun.learners.hardware import hardware_facts
from forerun.learners.joint import default_space
from forerun.metadata import MetaDataset
from forerun.metadata.metafeatures import metafeatures
from forerun.metadata.nearest import nearest_tasks
from forerun.metalearners import Forecaster
from forerun.report import Neighbour
from forerun.search import HEURISTICS, STRATEGIES, SearchStrategy
from forerun.space import Condition, Configuration, SearchSpace, Value
from forerun.steps.forbidden import check_something_is_left, read_forbidden
from forerun.steps.forgetting import load_drift, recalled
from forerun.steps.project import Project
from forerun.steps.settings import TuneSettings
from forerun.supernets import Given, Shared
from forerun.supernets.teaching import RESOLUTION
from forerun.tasks import Task
from forerun.trials import History, Status
from forerun.tuning import ACQUISITIONS, Tuner, portfolio
from forerun.tuning.tuner import LEARNED

if TYPE_CHECKING:
    from forerun.search.recurrent import RecurrentOptimizer

PORTFOLIO = 5
NEIGHBOURS = 5


@dataclass(frozen=True)
class Knowledge:
    """A fitted forecaster, and the history behind it."""

    forecaster: Forecaster
    meta: MetaDataset
    """What it learned from; forgotten trials are not in it."""
    history: History
    """All of it."""
    remembered: npt.NDArray[np.bool_]
    """(n,) which trials of the history were not forgotten."""
    digest: str
    """Hash of the fitted forecaster."""

    @classmethod
    def load(cls, project: Project, forecaster: Forecaster | None = None) -> Self:
        """Read what the pipeline made, `forecaster` in place of the one in data/models.

        Raises HistoryError when the pipeline has not run.
        """
        for path in (project.models, project.meta, project.trials):
            if not path.is_dir():
                raise HistoryError(
                    f"a recommendation needs a trained meta-learner; {path} is missing. Run: forerun run"
                )
        files = sorted(f for f in project.models.rglob("*") if f.is_file())
        history = History.load(project.trials)
        meta, remembered = recalled(MetaDataset.load(project.meta / "meta.parquet"), history, load_drift(project.drift))
        return cls(
            forecaster or Forecaster.load(project.models),
            meta,
            history,
            remembered,
            hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()[:16],
        )


@dataclass(frozen=True)
class Target:
    """One task, as the project's knowledge sees it."""

    knowledge: Knowledge
    task: Task
    settings: TuneSettings
    shared: Shared | None = None
    """What a super-network says of the task: then only architectures of its family are tried, those it finds good."""
    optimizer: "RecurrentOptimizer | None" = None
    """Proposes trainings, in place of an acquisition."""

    @cached_property
    def space(self) -> SearchSpace:
        """What may be tried on the task. Raises SpaceError for an optimizer that there is not."""
        if self.shared is not None:
            return self.shared.space
        return default_space(self.task.kind, optimizers=self.settings.optimizers)

    @cached_property
    def tuner(self) -> Tuner:
        """What to train next on the task. Raises SettingsError where nothing is left to try."""
        space, forbidden = self.space, self.forbidden
        forecaster = self.knowledge.forecaster
        tuner = Tuner(
            forecaster,
            forecaster.scaler_.transform(metafeatures(self.task), hardware_facts()),
            space,
            acquisition=self.settings.acquisition,
            resolution=self.settings.resolution if self.shared is None else RESOLUTION,
            fixed=self.fixed,
            forbidden=forbidden,
            portfolio=self.best_on_average(PORTFOLIO) if self.shared is None else self.shared.shortlist,
            strategy=strategy_of(self.settings) if self.shared is None else Given(),
            proof_s=self.settings.proof_s,
            optimizer=self.optimizer,
            seed=self.settings.seed,
        )
        check_something_is_left(tuner.grid, forbidden, self.fixed)
        return tuner

    @property
    def seconds(self) -> float | None:
        """Wall clock that is left for trainings; None for no limit. Raises SettingsError where there is none left."""
        allowed, spent = self.settings.seconds, 0.0 if self.shared is None else self.shared.seconds
        if allowed is not None and spent >= allowed:
            raise SettingsError(
                f"tune.seconds must be above what the super-network of {self.task.name!r} took, {spent:.0f} s; "
                f"got {allowed:g}"
            )
        return None if allowed is None else allowed - spent

    @cached_property
    def fixed(self) -> Mapping[str, Value]:
        """The values that must be used, in the types of their domains. Raises SpaceError, SettingsError."""
        space = self.space
        fixed = space.restore(self.settings.fixed)
        space.grid(self.settings.resolution, fixed)  # which checks them
        check_compatible(space, fixed)
        return fixed

    @cached_property
    def forbidden(self) -> Sequence[Condition]:
        """The combinations that must not be used. Raises SpaceError, SettingsError."""
        return read_forbidden(self.settings.forbidden, self.space)

    def best_on_average(self, k: int) -> list[dict[str, Value]]:
        """What was good on other tasks, best first; nothing where nothing that was tried there may be used.

        Forgotten trials say nothing; nothing is good where all that recurs is forgotten.
        """
        history, remembered, task = self.knowledge.history, self.knowledge.remembered, self.task
        try:
            return portfolio(
                history,
                self.space,
                k,
                kind=task.kind,
                without=[task.family],
                fixed=self.fixed,
                forbidden=self.forbidden,
                remembered=remembered,
            )
        except HistoryError:
            if not self.fixed and not self.forbidden and remembered.all() and self.shared is None:
                raise
            return []

    def neighbours(self) -> list[Neighbour]:
        """The past data sets most like this one, and what worked best there; of what is not forgotten."""
        history, meta = self.knowledge.history, self.knowledge.meta
        finished = history.trials[self.knowledge.remembered & (history.trials["status"] == Status.FINISHED)]
        known = meta.of_tasks(np.unique(meta.task[~meta.failed])).without([self.task.family])
        found: list[Neighbour] = []
        if not known.tasks:
            return found
        for name, distance in nearest_tasks(known, self.tuner.features, NEIGHBOURS):
            facts = history.tasks.loc[[name]].to_dict(orient="records")[0]
            own = finished[finished["task"] == name]
            best = own.loc[[own["loss"].astype(float).idxmin()]]
            found.append(
                Neighbour(
                    name=name,
                    family=str(facts["family"]),
                    distance=distance,
                    facts={
                        "kind": str(facts["kind"]),
                        "rows": round(10 ** float(facts["mf_log10_rows"])),
                        "columns": round(10 ** float(facts["mf_log10_columns"])),
                    },
                    best=history.configurations(best)[0],
                    loss=float(best["loss"].iloc[0]),
                )
            )
        return found


def check_tuning(settings: TuneSettings) -> None:
    """Raise for names that there are not, before anything long is done on the way to the tuning."""
    strategy_of(settings)
    if settings.acquisition not in {*ACQUISITIONS, LEARNED}:
        raise SettingsError(
            f"tune.acquisition must be one of {', '.join(ACQUISITIONS)}, {LEARNED}; got {settings.acquisition!r}"
        )
    if settings.architectures is not None:
        family_of(settings.architectures)
        if settings.acquisition == LEARNED:
            raise SettingsError(
                f"tune.acquisition {LEARNED} proposes what the history knows, and of architectures it knows none; "
                f"got tune.architectures {settings.architectures!r} too. Set one of the two"
            )
    default_space("binary", optimizers=settings.optimizers)


def family_of(name: str) -> Family:
    """A family of architectures by its name. Raises SettingsError for one that there is not."""
    if name not in ARCHITECTURES:
        raise SettingsError(f"tune.architectures must be null or one of {', '.join(ARCHITECTURES)}; got {name!r}")
    return ARCHITECTURES[name]


def strategy_of(settings: TuneSettings) -> SearchStrategy | None:
    """How the space is searched; none to let the score decide. Raises SettingsError for an unknown one."""
    name = settings.strategy
    if name is None:
        return None
    if name not in HEURISTICS:
        raise SettingsError(f"tune.strategy must be null or one of {', '.join(HEURISTICS)}; got {name!r}")
    return STRATEGIES[name]()


def check_compatible(space: SearchSpace, fixed: Configuration) -> None:
    """A fixed value must not switch another one off: that one could never be used."""
    for name in fixed:
        for clause in space.condition(name).clauses:
            parent = clause.parent
            if parent in fixed and not clause.holds(fixed[parent]):
                raise SettingsError(
                    f"the fixed {name!r} of space {space.name!r} is used only when {parent} is {clause.test}; "
                    f"got {parent}={fixed[parent]}. Fix one of the two"
                )
