"""From a history to a meta-dataset."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from forerun.errors import HistoryError
from forerun.metadata.dataset import BETWEEN, MetaDataset
from forerun.metadata.hardware import environment, hardware_features
from forerun.metadata.scaler import FeatureScaler
from forerun.metadata.targets import standard_of
from forerun.space import Floats, SearchSpace
from forerun.trials import History, Status

TIMED_OUT = r"timed out after ([\d.]+) ?s"
"""How the reason of a trial says that its time limit stopped it."""


def featurize(history: History, *, min_trials: int = 5) -> MetaDataset:
    """Turn trials into the arrays that meta-learners learn from.

    Used are trials at full fidelity, of tasks with at least min_trials finished ones. A failed trial keeps
    NaN as its loss and gets the target `targets.WORST`, that of an infinitely bad one.
    Raises HistoryError when no task is left.
    """
    trials = usable(history, min_trials)
    rows, row_of_trial = _task_rows(trials)
    union = SearchSpace.union(history.spaces[name] for name in sorted(trials["space"].unique()))
    loss = trials["loss"].to_numpy(dtype=float)
    standards = {name: standard_of(loss[trials["task"] == name]) for name in rows["task"].unique()}
    location = np.array([standards[name].location for name in rows["task"]])
    scale = np.array([standards[name].scale for name in rows["task"]])
    y = np.empty(len(trials))
    for name, standard in standards.items():
        mine = (trials["task"] == name).to_numpy()
        y[mine] = standard.forward(loss[mine])
    seconds, censored = durations(trials)
    raw = _raw_features(history.tasks, rows)
    scaler = FeatureScaler.fit(raw)
    return MetaDataset(
        space=union,
        X=encode(history, trials, union),
        task=row_of_trial,
        loss=loss,
        seconds=seconds,
        y=y,
        tasks=list(rows.index),
        families=[str(history.tasks["family"][name]) for name in rows["task"]],
        features=scaler.apply(raw),
        feature_names=scaler.names,
        location=location,
        scale=scale,
        censored=censored,
        started=numbers(trials, "started"),
        scaler=scaler,
    )


def usable(history: History, min_trials: int) -> pd.DataFrame:
    """The trials at full fidelity of tasks with at least min_trials finished ones; losses of failed ones NaN."""
    trials = history.trials
    trials = trials[trials["fidelity"] == 1.0]
    trials = trials.assign(loss=losses(trials))
    counts = trials.groupby("task")["loss"].count()
    enough = counts[counts >= min_trials].index
    if enough.empty:
        most = f"at most {int(counts.max())}" if len(counts) else "no task"
        raise HistoryError(
            f"a history needs at least one task with {min_trials} or more finished trials; got {most}. "
            "Collect more trials first"
        )
    return trials[trials["task"].isin(enough)].reset_index(drop=True)


def losses(trials: pd.DataFrame) -> "pd.Series[float]":
    """Losses of trials, NaN for those that ended without one."""
    loss = trials["loss"].astype(float)
    return loss.where((trials["status"] == Status.FINISHED) & np.isfinite(loss))


def encode(history: History, trials: pd.DataFrame, union: SearchSpace) -> Floats:
    """Encode trials (n, d) in a union of spaces, each as a configuration of its own space."""
    X = np.empty((len(trials), len(union.columns)))
    for name in trials["space"].unique():
        mine = np.flatnonzero(trials["space"] == name)
        first, place = _distinct(trials.iloc[mine].filter(regex="^hp_"))
        configurations = history.configurations(trials.iloc[mine[first]])
        X[mine] = union.encode(configurations, own=history.spaces[name])[place]
    return X


def _distinct(frame: pd.DataFrame) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Where each distinct row stands first, and which of those each row (n,) is: what recurs is worked on once."""
    if not len(frame.columns):
        return np.zeros(min(len(frame), 1), dtype=np.int64), np.zeros(len(frame), dtype=np.int64)
    # sets come as lists, which cannot be grouped, and True would be grouped with 1
    plain = frame.apply(lambda column: column.map(repr) if column.dtype == object else column)
    place = plain.groupby(list(plain.columns), dropna=False, sort=False, observed=True).ngroup().to_numpy()
    return np.unique(place, return_index=True)[1].astype(np.int64), place.astype(np.int64)


def _task_rows(trials: pd.DataFrame) -> tuple[pd.DataFrame, npt.NDArray[np.int64]]:
    """One row for each pair of data set and environment, and the row (n,) of each trial.

    Columns: task, the data set's name, and hw_*, medians over the trials. The index holds the rows' names.
    """
    facts = trials.filter(regex="^hw_").rename(columns=lambda c: c[3:])
    first, of_trial = _distinct(facts)
    distinct = facts.iloc[first].astype(object)
    records: list[Any] = distinct.to_dict("records") if len(facts.columns) else [{} for _ in first]
    environments = np.array([environment(record) for record in records], dtype=object)[of_trial]
    features = pd.DataFrame([hardware_features(record) for record in records])
    hardware = features.iloc[of_trial].set_axis(trials.index).add_prefix("hw_")
    keys = pd.DataFrame({"task": trials["task"].astype(str), "environment": environments})
    rows = hardware.groupby([keys["task"], keys["environment"]]).median().reset_index()
    strange = [name for name in rows["task"] if BETWEEN in name]
    if strange:
        raise HistoryError(f"names of tasks must not hold {BETWEEN!r}; got {strange[0]!r}. Rename the task")
    several = rows["task"].duplicated(keep=False)
    rows.index = pd.Index(
        [
            f"{t}{BETWEEN}{e or 'unknown hardware'}" if many else t
            for t, e, many in zip(rows["task"], rows["environment"], several, strict=True)
        ]
    )
    place = {(t, e): i for i, (t, e) in enumerate(zip(rows["task"], rows["environment"], strict=True))}
    row_of_trial = np.array([place[pair] for pair in zip(keys["task"], keys["environment"], strict=True)])
    return rows.drop(columns="environment"), row_of_trial.astype(np.int64)


def durations(trials: pd.DataFrame) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Fit seconds (n,), the limit of those that were stopped by it, and which those are."""
    seconds = numbers(trials, "fit_seconds")
    reasons = trials.get("reason", pd.Series(np.nan, index=trials.index)).astype("string").fillna("")
    limits = reasons.str.extract(TIMED_OUT)[0].astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    censored = np.isfinite(limits)
    return np.where(censored, limits, seconds), censored


def numbers(trials: pd.DataFrame, column: str) -> Floats:
    """A column (n,) of numbers; NaN where there is none."""
    unknown = np.full(len(trials), np.nan)
    return trials[column].to_numpy(dtype=float) if column in trials else unknown


def _raw_features(tasks: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Raw mf_* and hw_* of each task row (T rows); NaN where unknown."""
    meta = tasks.filter(regex="^mf_").astype(float).loc[rows["task"]].set_axis(rows.index)
    return pd.concat([meta, rows.filter(regex="^hw_")], axis=1)
