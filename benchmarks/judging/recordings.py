"""Recorded evaluations in the tidy form, read into a meta-dataset.

A benchmark NAME is a folder's

    NAME.parquet                a row an evaluation: dataset, hp_* (natural units; missing = inactive),
                                metric_*, and where there are any budget_*, ctx_* and config_id
    NAME.metafeatures.parquet   a row a data set: dataset, mf_*                            (optional)
    NAME.space.json             search space and metrics, see `spaces` and `metrics`       (optional)
    dataset_groups.csv          benchmark, dataset, group: stay on one side of a split     (optional)

What is made of it: one task a data set (and context, where it was evaluated in several), losses lower is
better, NaN where failed. Of each data set and configuration the row with the highest budget counts: where a
learner's curve ends early, its last point is what could be had of it there, and leaving it out would hide
that it is slow or limited in size; a curve that ends in a failure is a failure. Rows that are still there
twice are repeated measurements, of which the mean is kept.
"""

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forerun.errors import HistoryError
from forerun.metadata import MetaDataset, featurize
from forerun.metadata.featurize import usable
from forerun.space import Configuration
from forerun.trials import History, Status
from judging.metrics import Metric, choose_metric
from judging.spaces import infer, tidy_column
from judging.tell import tell

LEAST = 2
"""Data sets with fewer finished trials are left out: nothing is to be learned of one."""
CONTEXTS = 20
"""A ctx_* column with more distinct values is a measurement and parts no task."""


@dataclass(frozen=True)
class Benchmark:
    """Recorded evaluations of many data sets."""

    name: str
    meta: MetaDataset
    configurations: Sequence[Configuration]
    """One for each trial of meta, in natural units."""
    metric: str

    @property
    def replayable(self) -> list[int]:
        """The tasks that can be held out: their losses differ, so there is something to choose."""
        losses = pd.Series(self.meta.loss).groupby(self.meta.task)
        return [int(t) for t in np.flatnonzero(losses.max() > losses.min())]

    @property
    def digest(self) -> str:
        """What makes the recordings these recordings."""
        meta = self.meta
        groups = np.frombuffer(" ".join(meta.families).encode(), dtype=np.uint8)
        parts = (meta.X, meta.task, np.nan_to_num(meta.loss, nan=1e300), meta.features, groups)
        checks = [zlib.crc32(np.ascontiguousarray(part)) for part in parts]
        return f"{self.metric} {len(meta)} {checks}"


def names_in(folder: Path) -> list[str]:
    """The benchmarks of a folder."""
    found = sorted(p.stem for p in folder.glob("*.parquet") if not p.stem.endswith(".metafeatures"))
    if not found:
        raise HistoryError(f"a folder of benchmarks must hold NAME.parquet files; {folder} holds none")
    return found


def shipped(folder: Path) -> Benchmark:
    """The project's own recordings."""
    history = History.load(folder)
    return Benchmark("history", featurize(history), _configurations(history, 5), "loss")


def read(name: str, folder: Path, metric: str | None = None) -> Benchmark:
    """Read a benchmark. Raises HistoryError where it is not in the tidy form."""
    path = folder / f"{name}.parquet"
    if not path.is_file():
        raise HistoryError(f"benchmark must be one of {', '.join(names_in(folder))}; got {name!r}")
    frame = pd.read_parquet(path)
    described = _json(folder / f"{name}.space.json")
    hyper = [c for c in frame.columns if c.startswith("hp_")]
    if "dataset" not in frame.columns or not hyper:
        raise HistoryError(f"{path} must have columns dataset and hp_*; got {list(frame.columns)}")
    chosen = choose_metric(frame, described.get("metrics"), metric)
    tell(f"{name}: {chosen.column} is {'maximised' if chosen.maximise else 'minimised'} ({chosen.reason})")
    frame = _once(_tidy(frame, hyper, chosen), hyper)
    space, domains = infer(name, frame, described.get("space"))
    frame = frame.rename(columns=domains)
    tasks = _tasks(frame, name, folder, chosen)
    trials = frame[["task", "loss", *domains.values()]].assign(
        trial=np.arange(len(frame)).astype(str),
        space=name,
        seed=0,
        fidelity=1.0,
        status=np.where(frame["loss"].isna(), Status.FAILED, Status.FINISHED),
        reason="",
    )
    history = History(trials, tasks, {name: space})
    return Benchmark(name, featurize(history, min_trials=LEAST), _configurations(history, LEAST), chosen.column)


def _configurations(history: History, least: int) -> list[Configuration]:
    """Those of the trials that `featurize` uses, in its order; what recurs is one object."""
    trials = usable(history, least)
    values = trials.filter(regex="^hp_").astype(str)
    place = values.groupby(list(values.columns), dropna=False, sort=False).ngroup().to_numpy()
    found = history.configurations(trials.iloc[np.unique(place, return_index=True)[1]])
    return [found[i] for i in place]


def _tidy(frame: pd.DataFrame, hyper: list[str], metric: Metric) -> pd.DataFrame:
    """Columns task, dataset, loss, hp_* and budget_*, of simple types."""
    data_set = frame["dataset"].astype(str).str.replace(" @ ", " at ", regex=False)
    loss = pd.to_numeric(frame[metric.column], errors="coerce").astype(float) * (-1.0 if metric.maximise else 1.0)
    columns = {"dataset": data_set, "task": data_set + _contexts(frame), "loss": loss.where(np.isfinite(loss))}
    columns |= {name: tidy_column(frame[name]) for name in hyper}
    columns |= {name: frame[name] for name in frame.columns if name.startswith("budget_")}
    return pd.DataFrame(columns)


def _contexts(frame: pd.DataFrame) -> "pd.Series[str]":
    """What parts the rows of a data set into tasks: contexts that vary within it."""
    suffix = pd.Series("", index=frame.index)
    for name in (c for c in frame.columns if c.startswith("ctx_")):
        within = frame.groupby("dataset", observed=True)[name].nunique(dropna=False).max()
        if within > 1 and frame[name].nunique() <= CONTEXTS:
            suffix = suffix + " " + name[4:] + "=" + frame[name].astype(str)
    return suffix


def _once(frame: pd.DataFrame, hyper: list[str]) -> pd.DataFrame:
    """One row a task and configuration: that of the highest budget, or the mean of those."""
    budgets = [c for c in frame.columns if c.startswith("budget_")]
    configuration = frame.groupby(hyper, dropna=False, sort=False, observed=True).ngroup()
    keys = [frame["task"], configuration]
    if budgets:
        frame = frame.sort_values(budgets, ascending=False, kind="stable")
        first = frame.groupby(keys, sort=False)[budgets].transform("first")
        frame = frame[(frame[budgets].eq(first) | frame[budgets].isna()).all(axis=1)].sort_index()
        keys = [frame["task"], configuration[frame.index]]
    again = pd.concat(keys, axis=1).duplicated()
    if not again.any():
        return frame.reset_index(drop=True)
    mean = frame.groupby(keys, sort=False)["loss"].transform("mean")
    return frame.assign(loss=mean)[~again].reset_index(drop=True)


def _tasks(frame: pd.DataFrame, name: str, folder: Path, metric: Metric) -> pd.DataFrame:
    """The table of tasks: group, facts and meta-features."""
    tasks = frame.drop_duplicates("task").set_index("task")[["dataset"]]
    groups = _groups(folder / "dataset_groups.csv", name)
    family = [groups.get(d, d) for d in tasks["dataset"]]
    tasks = tasks.assign(family=family, kind="recorded", metric=metric.column, source=name, digest=tasks.index)
    path = folder / f"{name}.metafeatures.parquet"
    if path.is_file():
        facts = pd.read_parquet(path)
        facts.index = pd.Index(facts["dataset"].astype(str).str.replace(" @ ", " at ", regex=False))
        facts = facts[~facts.index.duplicated()].filter(regex="^mf_").apply(pd.to_numeric, errors="coerce")
        known = facts.astype(float).replace([np.inf, -np.inf], np.nan).reindex(tasks["dataset"])
        tasks = pd.concat([tasks, known.set_axis(tasks.index)], axis=1)
    return tasks.drop(columns="dataset")


def _groups(path: Path, name: str) -> dict[str, str]:
    """The group of each data set that has one."""
    if not path.is_file():
        return {}
    table = pd.read_csv(path, dtype=str)
    if "benchmark" in table.columns:
        table = table[table["benchmark"] == name]
    data_sets = table["dataset"].str.replace(" @ ", " at ", regex=False)
    return dict(zip(data_sets, table["group"], strict=True))


def _json(path: Path) -> dict[str, Any]:
    """What a file says of the benchmark; nothing where there is none, or it is no mapping."""
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        tell(f"{path.name} is not JSON ({error}): space and metric are inferred from the columns")
        return {}
    return found if isinstance(found, dict) else {}
