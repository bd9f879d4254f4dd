"""Turning the columns of any data frame into the two types that a task knows: numbers and categories."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from forerun.errors import DataError

Column = pd.Series  # of any type of values; pandas has no better word for it

FEW_VALUES = 20
"""With more different values than this a number is measured rather than a code, and text is free rather than a name."""

ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True)
class Tidied:
    """Feature columns ready for a task, and which others were left out for what reason."""

    frame: pd.DataFrame
    left_out: dict[str, str]


def tidy(frame: pd.DataFrame) -> Tidied:
    """Make every column float (NaN for missing) or categorical (categories are text).

    The index of the frame numbers the rows of the data from 0 (messages count from 1).
    Booleans and text become categories, text that is all numbers becomes numbers, times (also as text, 2020-12-31)
    become days since 1970. Left out, having nothing to tell: columns without a value, with one value only, and
    text that hardly ever repeats. Raises DataError for infinities, stray text among numbers, and values that are
    neither.
    """
    columns = {str(name): tidy_column(frame[name], str(name)) for name in frame.columns}
    infinite = [name for name, column in columns.items() if is_number(column) and np.isinf(column).any()]
    if infinite:
        raise DataError(
            f"values of features must be finite or missing; got infinities in {', '.join(map(repr, infinite))}. "
            "Leave those cells empty, or put a finite bound in their place"
        )
    reasons = {name: reason_to_leave_out(column) for name, column in columns.items()}
    kept = {name: column for name, column in columns.items() if not reasons[name]}
    return Tidied(pd.DataFrame(kept, index=frame.index), {name: reason for name, reason in reasons.items() if reason})


def tidy_column(column: "Column[Any]", name: str) -> "Column[Any]":
    """One column as floats or as categories, missing values kept missing."""
    if types.is_datetime64_any_dtype(column):
        zoneless = column.dt.tz_convert(None) if isinstance(column.dtype, pd.DatetimeTZDtype) else column
        return in_days(zoneless - pd.Timestamp(0))
    if types.is_timedelta64_dtype(column):
        return in_days(column)
    if types.is_bool_dtype(column) or isinstance(column.dtype, pd.CategoricalDtype):
        return to_category(column)
    if types.is_complex_dtype(column):
        raise DataError(f"column {name!r} must hold numbers or names; got complex numbers. Split it into two columns")
    if types.is_numeric_dtype(column):
        return column.astype("float64")
    return tidy_text(column, name)


def in_days(durations: "Column[Any]") -> "Column[Any]":
    """Durations as float days."""
    days: Column[Any] = durations.dt.total_seconds() / 86400
    return days


def tidy_text(column: "Column[Any]", name: str) -> "Column[Any]":
    """Text (or mixed objects) as floats if all of it is numbers, else as categories."""
    present = column.dropna()
    strange = next((value for value in present if not isinstance(value, str | bool | int | float | np.generic)), None)
    if strange is not None:
        raise DataError(
            f"column {name!r} must hold numbers or text; got {type(strange).__name__} {str(strange)[:40]!r}. "
            "Turn it into numbers or text, or drop it"
        )
    if any(isinstance(value, bool | np.bool_) for value in present):
        return to_category(column)
    if present.map(lambda value: bool(ISO_DATE.match(str(value)))).all():
        dates = pd.to_datetime(column, format="ISO8601", errors="coerce", utc=True)
        if dates.notna().sum() == len(present):
            return tidy_column(dates, name)
    numbers = pd.to_numeric(column, errors="coerce")
    stray = present[numbers[present.index].isna().to_numpy()]
    if stray.empty:
        return numbers.astype("float64")
    if is_mostly_numbers(present, len(stray)):
        raise DataError(
            f"column {name!r} holds numbers, but text in {len(stray)} of {len(present)} values "
            f"(first {str(stray.iloc[0])[:40]!r}, in data row {int(stray.index[0]) + 1}). "
            "Correct those cells or leave them empty; if the numbers are codes, put a letter before each"
        )
    return to_category(column)


def is_mostly_numbers(present: "Column[Any]", stray: int) -> bool:
    """Whether text is meant as measured numbers: nine in ten values are, and many different ones."""
    numbers = pd.to_numeric(present, errors="coerce")
    return stray <= 0.1 * len(present) and numbers.nunique() > FEW_VALUES


def to_category(column: "Column[Any]") -> "Column[Any]":
    """A category of text; categories sorted, so that the order of rows does not show in them."""
    text = column.astype(object).map(str, na_action="ignore")
    return text.astype(pd.CategoricalDtype(sorted(text.dropna().unique())))


def is_number(column: "Column[Any]") -> bool:
    """Whether a tidied column is numeric."""
    return not isinstance(column.dtype, pd.CategoricalDtype)


def reason_to_leave_out(column: "Column[Any]") -> str:
    """Why a tidied column has nothing to tell; empty if it has."""
    distinct = column.nunique()
    if distinct == 0:
        return "all missing"
    if distinct == 1 and not column.isna().any():
        return "constant"
    if not is_number(column) and distinct > max(FEW_VALUES, 0.5 * column.count()):
        return "text that hardly ever repeats"
    return ""
