"""Reading the column to predict: which kind of task it makes, and its values as codes or floats."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api import types

from forerun.errors import DataError
from forerun.tasks.columns import FEW_VALUES, is_mostly_numbers
from forerun.tasks.splits import SMALLEST_STRATUM

KIND_CLASSES = {"binary": "two", "multiclass": "three or more"}


@dataclass(frozen=True)
class Target:
    """What to predict: codes or floats y (n,), and the labels of the codes."""

    kind: str
    y: npt.NDArray[Any]
    labels: tuple[object, ...] = ()


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
        number = float(str(label))
    except ValueError:
        number = float("inf")
    return (number, "") if np.isfinite(number) else (float("inf"), str(label))


def item(label: Any) -> object:
    """A label as a plain Python value."""
    return label.item() if isinstance(label, np.generic) else label


def label_text(label: object) -> str:
    """A label as text; whole floats without '.0', as they are codes."""
    return str(int(label)) if isinstance(label, float) and label.is_integer() else str(label)
