"""Settings: `params.yaml`, one key per stage, as frozen dataclasses. An unknown key is an error."""

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, Union

from forerun.errors import SettingsError

T = TypeVar("T")


@dataclass(frozen=True)
class StoreSettings:
    """Where MLflow keeps its records."""

    uri: str | None = None
    """An MLflow tracking URI; none means the embedded SQLite store in `mlruns/`."""


@dataclass(frozen=True)
class ClusterSettings:
    """Where `forerun run` trains."""

    scheduler: str | None = None
    """The address of a Dask scheduler, as tcp://scheduler:8786; none trains on this machine."""


@dataclass(frozen=True)
class CollectSettings:
    """Real trainings on many tasks."""

    tasks: tuple[str, ...] = ("builtin",)
    """Names of built-in tasks; 'builtin' stands for all of them but the families of the target."""
    folder: str | None = None
    """A folder of Parquet data sets with a manifest.csv, used instead of the built-in tasks."""
    shared: int = 8
    """Configurations that every task trains."""
    random: int = 4
    """Configurations that each task draws for itself."""
    seed: int = 0
    max_rows: int = 2000
    """Larger data sets are sampled to this many rows."""
    timeout_s: float = 10.0
    """A training that takes longer is a failed trial."""
    workers: int | None = None
    """Trainings at the same time, one core each; none means one per core."""
    chunk: int = 40
    """Trainings of one Prefect task."""
    retries: int = 2
    """How often a chunk is started again when something other than a training fails."""


@dataclass(frozen=True)
class MineSettings:
    """Runs to trial table."""

    experiments: tuple[str, ...] = ("forerun/collect",)
    history: str | tuple[str, ...] | None = "data/history"
    """The folder of a history to join, or a list of such folders (the shipped one, what `forerun mine` made); none
    for no other than the store's runs."""

    @property
    def histories(self) -> tuple[str, ...]:
        """The folders of all histories to join."""
        return (self.history,) if isinstance(self.history, str) else self.history or ()


@dataclass(frozen=True)
class FeaturizeSettings:
    """Trial table to meta-dataset."""

    min_trials: int = 5
    """Tasks with fewer finished trials are left out."""


@dataclass(frozen=True)
class TrainSettings:
    """Meta-dataset to meta-learner."""

    candidates: tuple[str, ...] = ("mixture", "linear", "network", "relative")
    """The first is used unless another is clearly better on tasks left out."""
    folds: int = 4
    """Leave-tasks-out folds; whole families are left out together."""
    seeds: int = 1
    candidates_per_task: int = 120
    """Recorded configurations of a held-out task that its replay may choose from."""
    drift: float | None = 0.1
    """Drift (see `evaluation.drift`) above which old trials are forgotten; none never forgets."""


@dataclass(frozen=True)
class TargetSettings:
    """The data set to recommend for."""

    data: str = "fair_affair"
    """A built-in task's name, or the path of a CSV, Parquet or ARFF file."""
    column: str | None = None
    """The target column, for a file."""
    kind: str | None = None
    """'binary', 'multiclass' or 'regression'; none to tell it from the column."""
    metric: str | None = None
    max_rows: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class TuneSettings:
    """Search and fine-tuning on the target."""

    trials: int = 8
    batch: int = 2
    acquisition: str = "ei"
    resolution: int = 12
    """Levels of a numeric domain in the searched grid."""
    architectures: str | None = None
    """A family of network architectures ('dense' for tables, 'cells' for images) that is searched, by a super-network,
    in place of all learners; none searches all learners. It counts where there are trainings to be spent."""
    strategy: str | None = None
    """How the grid, or a super-network, is searched: one of `search.HEURISTICS`; none lets the score and the size of
    the space decide."""
    timeout_s: float = 60.0
    seconds: float | None = None
    """Wall-clock budget of the trainings; none for no limit."""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    """Values that must be used, as `learner: mlp`."""
    forbidden: tuple[Mapping[str, Any], ...] = ()
    """Combinations that must not be used, as `{learner: mlp, mlp.depth: ">= 3"}` (see `space.conditions`)."""
    optimizers: tuple[str, ...] = ("sgd", "adam", "adamw")
    """That networks may be trained by; "learned" is another (see `forerun.optimizers`)."""
    proof_s: float = 2.0
    """Seconds that a search may take to prove that nothing better was missed."""
    random_seeds: int = 5
    """Repetitions of the random search it is compared with."""
    seed: int = 0


@dataclass(frozen=True)
class RecordSettings:
    """How the shipped history is recorded (not a stage: `python -m flows.record`)."""

    shared: int = 250
    random: int = 250
    seed: int = 1
    max_rows: int = 2000
    timeout_s: float = 10.0
    chunk: int = 50


@dataclass(frozen=True)
class Settings:
    """All of `params.yaml`."""

    store: StoreSettings = StoreSettings()
    cluster: ClusterSettings = ClusterSettings()
    collect: CollectSettings = CollectSettings()
    mine: MineSettings = MineSettings()
    featurize: FeaturizeSettings = FeaturizeSettings()
    train: TrainSettings = TrainSettings()
    target: TargetSettings = TargetSettings()
    tune: TuneSettings = TuneSettings()
    record: RecordSettings = RecordSettings()


def load_settings(path: Path) -> Settings:
    """Read params.yaml. Raises SettingsError that names the key, what is allowed and what came."""
    import yaml

    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SettingsError(
            f"settings are read from {path}; there is no such file. Run in a forerun project"
        ) from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(f"{path} must be a readable YAML file: {error}") from error
    return read(Settings, raw or {}, str(path))


def read(cls: type[T], raw: Any, owner: str) -> T:
    """Make a settings dataclass of a mapping, strictly."""
    if not isinstance(raw, Mapping):
        raise SettingsError(f"{owner} must be a mapping of settings; got {raw!r}")
    fields = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    unknown = set(raw) - set(fields)
    if unknown:
        raise SettingsError(
            f"keys of {owner} must be among {', '.join(fields)}; got {', '.join(sorted(map(str, unknown)))}"
        )
    hints = typing.get_type_hints(cls)
    return cls(**{name: _value(hints[name], value, f"{owner}: {name}") for name, value in raw.items()})


def _value(hint: Any, value: Any, owner: str) -> Any:
    if dataclasses.is_dataclass(hint):
        return read(hint, {} if value is None else value, owner)  # type: ignore[arg-type]
    if typing.get_origin(hint) in (Union, types.UnionType):
        options = typing.get_args(hint)
        if value is None and type(None) in options:
            return None
        fitting = [o for o in options if (typing.get_origin(o) is tuple) == isinstance(value, list)]
        return _value(next(o for o in (*fitting, *options) if o is not type(None)), value, owner)
    if typing.get_origin(hint) is tuple:
        return _tuple(typing.get_args(hint)[0], value, owner)
    if typing.get_origin(hint) is Mapping:
        if not isinstance(value, Mapping):
            raise SettingsError(f"{owner} must be a mapping; got {value!r}")
        return dict(value)
    return _scalar(hint, value, owner)


def _tuple(hint: Any, value: Any, owner: str) -> Any:
    if hint is str:
        if not isinstance(value, list) or not value or not all(isinstance(v, str) for v in value):
            raise SettingsError(f"{owner} must be a list of names; got {value!r}")
        return tuple(value)
    if not isinstance(value, list):
        raise SettingsError(f"{owner} must be a list of mappings; got {value!r}")
    return tuple(_value(hint, v, owner) for v in value)


def _scalar(hint: type, value: Any, owner: str) -> Any:
    if hint is str:
        if not isinstance(value, str):
            raise SettingsError(f"{owner} must be a string; got {value!r}")
        return value
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not number or (hint is int and value != int(value)):
        raise SettingsError(f"{owner} must be {'a whole' if hint is int else 'a'} number; got {value!r}")
    if value < 0:
        raise SettingsError(f"{owner} must not be negative; got {value!r}")
    return hint(value)
