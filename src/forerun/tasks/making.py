"""From a data frame and the name of its target to a task."""

import hashlib
import re
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt
import pandas as pd

from forerun.errors import DataError
from forerun.tasks.columns import tidy
from forerun.tasks.metrics import metric_for
from forerun.tasks.splits import sample, split, strata_of
from forerun.tasks.target import Target, label_text, read_target
from forerun.tasks.task import KINDS, Part, Task

MIN_ROWS = 10
"""Fewer rows with a target than this cannot be trained on, validated and tested."""


class TaskOptions(TypedDict, total=False):
    """The options of `make_task` that its callers pass on; see there."""

    family: str | None
    kind: str | None
    metric: str | None
    seed: int
    max_rows: int | None
    source: str
    fractions: tuple[float, float, float]


def make_task(
    frame: pd.DataFrame,
    target: str,
    *,
    name: str,
    family: str | None = None,
    kind: str | None = None,
    metric: str | None = None,
    seed: int = 0,
    max_rows: int | None = None,
    source: str = "",
    fractions: tuple[float, float, float] = (0.6, 0.2, 0.2),
) -> Task:
    """Make a task of a data frame; the same arguments give the same task.

    Rows without a target are dropped. Unless kind says otherwise, the target is a regression if it is numeric
    and either not whole numbers or more than 20 different ones; else a classification. family defaults to
    name, metric to balanced accuracy or nrmse. With max_rows, a stratified sample of the rows is used.
    Columns are tidied (`columns.tidy`); those left out are named at the end of `Task.source`.
    Raises DataError, saying what to do, for data that no task can be made of.
    """
    check_name(name)
    frame = frame.set_axis(list(map(str, frame.columns)), axis=1).reset_index(drop=True)
    check_columns(frame, target)
    if kind is not None and kind not in KINDS:
        raise DataError(f"kind of task {name!r} must be one of {', '.join(KINDS)}; got {kind!r}")
    known = frame[frame[target].notna()]  # its index still counts the rows of the data, for messages
    if len(known) < MIN_ROWS:
        raise DataError(
            f"task {name!r} needs at least {MIN_ROWS} rows with a value in {target!r}; "
            f"got {len(known)} of {len(frame)} rows. Add rows, or name another target"
        )
    goal = read_target(known[target], kind)
    rows = rows_to_use(goal, max_rows, seed)
    tidied = tidy(known.drop(columns=target).iloc[rows])
    if tidied.frame.columns.empty:
        raise DataError(f"task {name!r} needs at least one column that varies besides {target!r}; got none")
    X, y = tidied.frame.reset_index(drop=True), goal.y[rows]
    train, validation, test = (
        Part(X.iloc[part].reset_index(drop=True), y[part]) for part in split(strata_of(y, goal.kind), fractions, seed)
    )
    left_out = "; ".join(f"column {column!r} left out: {reason}" for column, reason in tidied.left_out.items())
    return Task(
        name=name,
        family=name if family is None else family,
        kind=goal.kind,
        target=target,
        metric=metric_for(goal.kind, metric, scale=spread(train.y) if goal.kind == "regression" else 1.0),
        train=train,
        validation=validation,
        test=test,
        classes=tuple(map(label_text, goal.labels)),
        source="; ".join(filter(None, [source, left_out])),
        digest=digest(X, y, goal.labels),
        labels=goal.labels,
    )


def check_name(name: str) -> None:
    """Task names become file names and tags, so they are plain."""
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
        raise DataError(f"name of a task must consist of letters, digits, '_', '-' and '.'; got {name!r}")


def check_columns(frame: pd.DataFrame, target: str) -> None:
    """Every column must have a name of its own, and the target must be one of them."""
    names = list(frame.columns)
    twice = sorted({column for column in names if names.count(column) > 1})
    if twice:
        raise DataError(f"columns must have different names; got more than one {', '.join(map(repr, twice))}. Rename")
    if target not in frame.columns:
        shown = ", ".join(map(repr, names[:12])) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
        raise DataError(f"target must be one of the columns {shown}; got {target!r}")


def rows_to_use(goal: Target, max_rows: int | None, seed: int) -> npt.NDArray[np.intp]:
    """All rows, or a stratified sample of max_rows of them."""
    if max_rows is None:
        return np.arange(len(goal.y))
    if max_rows < MIN_ROWS:
        raise DataError(f"max_rows must be at least {MIN_ROWS}; got {max_rows}")
    return sample(strata_of(goal.y, goal.kind, max_rows), max_rows, seed)


def spread(y: npt.NDArray[Any]) -> float:
    """Standard deviation of a training target, or 1 where a training part does not vary."""
    return float(np.std(y)) or 1.0


def digest(X: pd.DataFrame, y: npt.NDArray[Any], labels: tuple[object, ...]) -> str:
    """SHA-256 (64 hex digits) of names, types, values and labels; the same in every process."""
    hashed = hashlib.sha256(repr([*zip(X.columns, map(str, X.dtypes), strict=True), labels]).encode())
    hashed.update(pd.util.hash_pandas_object(X, index=False).to_numpy().tobytes())
    hashed.update(np.ascontiguousarray(y).tobytes())
    return hashed.hexdigest()
