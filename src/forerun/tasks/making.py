"""From a data frame and the name of its target to a task."""

import hashlib
import re
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api import types

from forerun.errors import DataError
from forerun.tasks.columns import FEW_VALUES, is_mostly_numbers, tidy
from forerun.tasks.metrics import metric_for
from forerun.tasks.splits import SMALLEST_STRATUM, sample, split, strata_of
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


@dataclass(frozen=True)
class Target:
    """What to predict: codes or floats y (n,), and the labels of the codes."""

    kind: str
    y: npt.NDArray[Any]
    labels: tuple[object, ...] = ()


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
    check_columns(frame, target)
    if kind is not None and kind not in KINDS:
        raise DataError(f"kind of task {name!r} must be one of {', '.join(KINDS)}; got {kind!r}")
    known = frame[frame[target].notna()].reset_index(drop=True)
    if len(known) < MIN_ROWS:
        raise DataError(
            f"task {name!r} needs at least {MIN_ROWS} rows with a value in {target!r}; "
            f"got {len(known)} of {len(frame)} rows. Add rows, or name another target"
        )
    goal = read_target(known[target], kind)
    rows = rows_to_use(strata_of(goal.y, goal.kind), max_rows, seed)
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
    names = [str(column) for column in frame.columns]
    twice = sorted({column for column in names if names.count(column) > 1})
    if twice:
        raise DataError(f"columns must have different names; got more than one {', '.join(map(repr, twice))}. Rename")
    if target not in frame.columns:
        shown = ", ".join(map(repr, names[:12])) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
        raise DataError(f"target must be one of the columns {shown}; got {target!r}")


def rows_to_use(strata: npt.NDArray[np.intp], max_rows: int | None, seed: int) -> npt.NDArray[np.intp]:
    """All rows, or a stratified sample of max_rows of them."""
    if max_rows is not None and max_rows < MIN_ROWS:
        raise DataError(f"max_rows must be at least {MIN_ROWS}; got {max_rows}")
    return sample(strata, len(strata) if max_rows is None else max_rows, seed)


def read_target(column: "pd.Series[Any]", kind: str | None) -> Target:
    """The target as codes or floats; column has no missing values."""
    numbers = as_numbers(column)
    if kind is None:
        kind = "regression" if numbers is not None and is_measured(numbers) else "classification"
    if kind == "regression":
        return read_numbers(column, numbers)
    return read_classes(column, numbers, kind)


def as_numbers(column: "pd.Series[Any]") -> npt.NDArray[np.float64] | None:
    """Values as floats (n,) if all of them are numbers, else None; booleans and categories are not."""
    if types.is_bool_dtype(column) or isinstance(column.dtype, pd.CategoricalDtype) or types.is_complex_dtype(column):
        return None
    try:
        return np.asarray(pd.to_numeric(column), dtype=np.float64)
    except (ValueError, TypeError):
        return None


def is_measured(numbers: npt.NDArray[np.float64]) -> bool:
    """Whether numbers are amounts rather than codes of classes."""
    return bool((numbers != np.round(numbers)).any() or len(np.unique(numbers)) > FEW_VALUES)


def read_numbers(column: "pd.Series[Any]", numbers: npt.NDArray[np.float64] | None) -> Target:
    """A regression target: finite, and not always the same."""
    if numbers is None:
        raise stray_text(column)
    if not np.isfinite(numbers).all():
        raise DataError(f"target {column.name!r} must be finite; got infinities. Remove those rows")
    if numbers.min() == numbers.max():
        raise DataError(f"target {column.name!r} must vary; got {numbers[0]:g} in all {len(numbers)} rows")
    return Target("regression", numbers)


def read_classes(column: "pd.Series[Any]", numbers: npt.NDArray[np.float64] | None, kind: str) -> Target:
    """A classification target: classes in the order of their numbers, or of their text."""
    if numbers is None and types.is_object_dtype(column.dtype) | types.is_string_dtype(column.dtype):
        stray = int(pd.to_numeric(column, errors="coerce").isna().sum())
        if is_mostly_numbers(column, stray):
            raise stray_text(column)
    values: pd.Series[Any] = column.astype(object)
    labels = tuple(sorted(values.unique(), key=class_order))
    codes = np.asarray(values.map({label: code for code, label in enumerate(labels)}), dtype=np.int64)
    counts = np.bincount(codes)
    name = column.name
    if len(labels) < 2:
        raise DataError(f"target {name!r} must have at least two classes; got only {labels[0]!r} in {len(codes)} rows")
    if (counts >= SMALLEST_STRATUM).sum() < 2:
        raise DataError(
            f"target {name!r} must have two classes of at least {SMALLEST_STRATUM} rows; got {len(labels)} classes "
            f"of {counts.min()} to {counts.max()} rows. Merge classes, or say that it is a regression"
        )
    found = "binary" if len(labels) == 2 else "multiclass"
    if kind not in (found, "classification"):
        raise DataError(f"a {kind} target must have {KIND_CLASSES[kind]} classes; {name!r} has {len(labels)}")
    return Target(found, codes, tuple(item(label) for label in labels))


KIND_CLASSES = {"binary": "two", "multiclass": "three or more"}


def stray_text(column: "pd.Series[Any]") -> DataError:
    """The error for text in a target that is meant to be numeric."""
    text = column[pd.to_numeric(column.astype(object), errors="coerce").isna()]
    return DataError(
        f"a numeric target must hold numbers alone; {column.name!r} has text in {len(text)} of {len(column)} rows, "
        f"first {str(text.iloc[0])[:40]!r}. Correct those cells, or leave them empty to drop the rows"
    )


def class_order(label: Hashable) -> tuple[float, str]:
    """Sorting key of labels: numbers (also as text) by value, then text."""
    try:
        return float(str(label)), ""
    except ValueError:
        return float("inf"), str(label)


def item(label: Any) -> object:
    """A label as a plain Python value."""
    return label.item() if isinstance(label, np.generic) else label


def label_text(label: object) -> str:
    """A label as text; whole floats without '.0', as they are codes."""
    return str(int(label)) if isinstance(label, float) and label.is_integer() else str(label)


def spread(y: npt.NDArray[Any]) -> float:
    """Standard deviation of a training target, or 1 where a training part does not vary."""
    return float(np.std(y)) or 1.0


def digest(X: pd.DataFrame, y: npt.NDArray[Any], labels: tuple[object, ...]) -> str:
    """SHA-256 (64 hex digits) of names, types, values and labels; the same in every process."""
    hashed = hashlib.sha256(repr([*zip(X.columns, map(str, X.dtypes), strict=True), labels]).encode())
    hashed.update(pd.util.hash_pandas_object(X, index=False).to_numpy().tobytes())
    hashed.update(np.ascontiguousarray(y).tobytes())
    return hashed.hexdigest()
