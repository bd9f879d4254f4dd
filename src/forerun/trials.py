"""Trials, and the history: many trials of many tasks as columns.

A history is a folder of three files that belong together:

    trials.parquet   one row a trial (columns below), with a format version
    tasks.parquet    one row a task: task, family, kind, metric, source, digest, mf_* (meta-features)
    spaces.json      every search space that the trials were drawn from, by name

A domain that has no value in a trial is *inactive* when the trial's space has that domain (a condition
switched it off) and *absent* when it has not (the program that ran never had it); `spaces.json` is what
tells the two apart.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from forerun.errors import FormatError, HistoryError
from forerun.space import Configuration, SearchSpace, Value

FORMAT_VERSION = 1
"""Of the history folder; raised when a reader of the old one could misread the new one."""


class Status(StrEnum):
    """How a training ended."""

    FINISHED = "finished"
    FAILED = "failed"


@dataclass(frozen=True)
class Trial:
    """One training: what was tried, where, at what cost, how it ended."""

    task: str
    configuration: Configuration
    space: str
    """Name of the search space that the configuration was drawn from."""
    seed: int
    status: Status
    loss: float
    """Validation loss of the task's metric; NaN when the trial failed."""
    fidelity: float = 1.0
    reason: str = ""
    """Why it failed, in one line: 'timed out after 10 s', 'diverged at epoch 3: loss is nan', ..."""
    traceback: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """'train_accuracy', 'validation_f1_macro', ... in the metric's own direction."""
    curve: Sequence[tuple[int, float]] = ()
    """(epoch, validation loss)."""
    fit_seconds: float = float("nan")
    predict_seconds: float = float("nan")
    """For the validation part."""
    peak_memory_mb: float = float("nan")
    model_kb: float = float("nan")
    started: float = float("nan")
    """Seconds since 1970, UTC."""
    hardware: Mapping[str, str | float] = field(default_factory=dict)
    """'cpu_model', 'cores', 'memory_gb', 'gpu', 'python', ... without the `hw_` prefix."""

    @property
    def key(self) -> str:
        """What makes this trial this trial; the same work has the same key on every machine."""
        return trial_key(self.task, self.configuration, self.seed, self.fidelity)


def trial_key(task: str, configuration: Mapping[str, Value], seed: int, fidelity: float = 1.0) -> str:
    """Hash (16 hex digits) of what is to be trained; order of the configuration's entries does not matter."""
    text = json.dumps([task, dict(configuration), seed, float(fidelity)], sort_keys=True, default=list)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


FACTS = ("fit_seconds", "predict_seconds", "peak_memory_mb", "model_kb", "started")


def _row(trial: Trial) -> dict[str, Any]:
    row: dict[str, Any] = {
        "trial": trial.key,
        "task": trial.task,
        "space": trial.space,
        "seed": trial.seed,
        "fidelity": trial.fidelity,
        "status": str(trial.status),
        "loss": trial.loss,
        "reason": trial.reason,
        **{name: getattr(trial, name) for name in FACTS},
        "curve_epoch": [int(e) for e, _ in trial.curve],
        "curve_loss": [float(v) for _, v in trial.curve],
    }
    row |= {f"hp_{name}": value for name, value in trial.configuration.items()}
    row |= {f"metric_{name}": value for name, value in trial.metrics.items()}
    row |= {f"hw_{name}": value for name, value in trial.hardware.items()}
    return row


@dataclass(frozen=True)
class History:
    """Many trials of many tasks. Immutable; `join` makes a new one."""

    trials: pd.DataFrame
    tasks: pd.DataFrame
    """Indexed by task name."""
    spaces: Mapping[str, SearchSpace]

    def __post_init__(self) -> None:
        unknown = set(self.trials["task"].unique()) - set(self.tasks.index)
        if unknown:
            raise HistoryError(f"tasks of trials must be in the task table; missing {sorted(unknown)[:5]}")
        missing = set(self.trials["space"].unique()) - set(self.spaces)
        if missing:
            raise HistoryError(f"spaces of trials must be known; missing {sorted(missing)[:5]}")

    @classmethod
    def of(cls, trials: Iterable[Trial], tasks: pd.DataFrame, spaces: Mapping[str, SearchSpace]) -> Self:
        """Build from Trial objects."""
        frame = pd.DataFrame([_row(t) for t in trials])
        if frame.empty:
            frame = pd.DataFrame(columns=["trial", "task", "space", "seed", "fidelity", "status", "loss"])
        return cls(frame, tasks, spaces)

    def __len__(self) -> int:
        return len(self.trials)

    @property
    def finished(self) -> pd.DataFrame:
        """The trials that ended with a loss."""
        return self.trials[self.trials["status"] == Status.FINISHED]

    def configurations(self, trials: pd.DataFrame | None = None) -> list[dict[str, Any]]:
        """The configurations of some rows of `trials` (all of them by default), active domains only."""
        frame = self.trials if trials is None else trials
        names = [c for c in frame.columns if c.startswith("hp_")]
        found: list[dict[str, Any]] = [{} for _ in range(len(frame))]
        for name in names:
            values = frame[name].to_numpy(dtype=object)
            for row, value in zip(found, values, strict=True):
                if isinstance(value, (list, tuple, np.ndarray)):
                    row[name[3:]] = tuple(value)
                elif value is not None and not pd.isna(value):
                    row[name[3:]] = value
        return [self.spaces[space].restore(row) for space, row in zip(frame["space"], found, strict=True)]

    def to_trials(self) -> list[Trial]:
        """The trials as objects, the inverse of `of` (but for tracebacks, which a history does not keep)."""
        metrics = [c for c in self.trials.columns if c.startswith("metric_")]
        hardware = [c for c in self.trials.columns if c.startswith("hw_")]
        rows = self.trials.to_dict(orient="records")
        return [
            Trial(
                task=row["task"],
                configuration=configuration,
                space=row["space"],
                seed=int(row["seed"]),
                status=Status(row["status"]),
                loss=float(row["loss"]),
                fidelity=float(row["fidelity"]),
                reason=row["reason"],
                metrics={c[7:]: row[c] for c in metrics if not pd.isna(row[c])},
                curve=tuple(zip(map(int, row["curve_epoch"]), map(float, row["curve_loss"]), strict=True)),
                hardware={c[3:]: row[c] for c in hardware if not pd.isna(row[c])},
                fit_seconds=float(row["fit_seconds"]),
                predict_seconds=float(row["predict_seconds"]),
                peak_memory_mb=float(row["peak_memory_mb"]),
                model_kb=float(row["model_kb"]),
                started=float(row["started"]),
            )
            for row, configuration in zip(rows, self.configurations(), strict=True)
        ]

    def join(self, other: "History") -> "History":
        """Both histories in one; a trial that both hold counts once, and the first one's word holds.

        A task of the other history that has this one's name but not its data is told apart by its digest.
        """
        other = other._renamed(self._homonyms(other))
        trials = pd.concat([self.trials, other.trials], ignore_index=True)
        trials = trials.drop_duplicates("trial", keep="first", ignore_index=True)
        tasks = pd.concat([self.tasks, other.tasks])
        tasks = tasks[~tasks.index.duplicated(keep="first")]
        for name in set(self.spaces) & set(other.spaces):
            if self.spaces[name] != other.spaces[name]:
                raise HistoryError(f"search space {name!r} means different things in the two histories")
        return History(trials, tasks, {**other.spaces, **self.spaces})

    def _homonyms(self, other: "History") -> dict[str, str]:
        """New names for the other's tasks that have one of our names but other data."""
        ours, theirs = self.tasks["digest"].astype(str).to_dict(), other.tasks["digest"].astype(str).to_dict()
        return {str(n): f"{n}~{d[:6]}" for n, d in theirs.items() if n in ours and ours[n] != d}

    def _renamed(self, names: Mapping[str, str]) -> "History":
        trials = self.trials.assign(task=self.trials["task"].replace(dict(names)))
        moved = trials["task"] != self.trials["task"]
        # their keys were made with the old name, which now is another task's
        trials["trial"] = trials["trial"].where(~moved, trials["trial"] + "~")
        return History(trials, self.tasks.rename(index=dict(names)), self.spaces)

    def of_tasks(self, names: Iterable[str]) -> "History":
        """The part of the history that speaks of these tasks."""
        wanted = set(names)
        trials = self.trials[self.trials["task"].isin(wanted)].reset_index(drop=True)
        return History(trials, self.tasks[self.tasks.index.isin(wanted)], self.spaces)

    def save(self, folder: Path) -> None:
        """Write the three files; each is complete before it takes its name."""
        folder.mkdir(parents=True, exist_ok=True)
        _write_parquet(self.trials, folder / "trials.parquet")
        _write_parquet(self.tasks.reset_index(names="task"), folder / "tasks.parquet")
        text = json.dumps(
            {"format": FORMAT_VERSION, "spaces": {k: s.to_dict() for k, s in sorted(self.spaces.items())}},
            indent=1,
        )
        _replace(folder / "spaces.json", text.encode())

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a folder written by `save`. Raises HistoryError when it is not there, FormatError when newer."""
        for name in ("trials.parquet", "tasks.parquet", "spaces.json"):
            if not (folder / name).is_file():
                raise HistoryError(
                    f"a history holds trials.parquet, tasks.parquet and spaces.json; {folder / name} is missing"
                )
        spaces = _read_spaces(folder / "spaces.json")
        tasks = _read_parquet(folder / "tasks.parquet").set_index("task")
        return cls(_read_parquet(folder / "trials.parquet"), tasks, spaces)


def _read_spaces(path: Path) -> dict[str, SearchSpace]:
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise FormatError(f"{path} is not JSON: {error}") from error
    _check_version(saved.get("format") if isinstance(saved, dict) else None, path)
    if not isinstance(saved.get("spaces"), dict):
        raise FormatError(f"{path} must hold search spaces by name; got {saved.get('spaces')!r}. Make it again")
    return {name: SearchSpace.from_dict(raw) for name, raw in saved["spaces"].items()}


def _write_parquet(frame: pd.DataFrame, path: Path) -> None:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    table = table.replace_schema_metadata(
        {**(table.schema.metadata or {}), b"forerun.format": str(FORMAT_VERSION).encode()}
    )
    partial = path.with_suffix(".partial")
    pq.write_table(table, partial, compression="zstd", compression_level=12)
    partial.replace(path)


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise FormatError(f"{path} is not a Parquet file: {error}") from error
    version = (table.schema.metadata or {}).get(b"forerun.format")
    _check_version(int(version) if version and version.isdigit() else None, path)
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _check_version(version: object, path: Path) -> None:
    if not isinstance(version, int):
        raise FormatError(f"{path} carries no format version; it was not written by forerun")
    if version > FORMAT_VERSION:
        raise FormatError(
            f"{path} has format {version}; this forerun reads up to {FORMAT_VERSION}. Upgrade forerun to read it"
        )


def _replace(path: Path, content: bytes) -> None:
    partial = path.with_suffix(".partial")
    partial.write_bytes(content)
    partial.replace(path)
