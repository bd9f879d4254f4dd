"""The search space of recorded evaluations: from the columns, and from space.json where it helps.

The recordings decide: which values there are, whether they are numbers, and their range. space.json adds what
columns cannot tell: that numbers are names ("type": "cat"), that a range is logarithmic ("scale": "log...",
"log": true), that values are a grid ("values", "grid") whose steps matter more than its numbers, and when a
hyperparameter is active ("active_if": "kernel==rbf"). What it says and cannot be, or is not understood, is
passed over, and the column is read as if it had said nothing.
"""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from forerun.errors import SpaceError
from forerun.space import Categorical, Condition, Domain, Floats, Integer, Ordinal, Real, SearchSpace

MOST_NAMES = 100
"""Categories of one column; rarer ones are encoded as unknown."""
FEW = 12
"""Numbers with so few distinct values are steps, where nothing else is known of them."""
MOST_STEPS = 64
LOPSIDED = 2.0
"""Skewness from which "linear" is not believed, if the logarithms are even."""


def tidy_column(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """A hyperparameter as floats, or as objects (text or booleans); missing or infinite is inactive: NaN."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    if pd.api.types.is_bool_dtype(column.dtype):
        return column.astype(object).where(column.notna(), None)
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.astype(float).replace([np.inf, -np.inf], np.nan)
    present = column.notna()
    if column[present].map(lambda v: isinstance(v, (bool, np.bool_))).all() and present.any():
        return column.astype(object).where(present, None)
    numbers = pd.to_numeric(column.where(present), errors="coerce")
    if present.any() and np.isfinite(numbers[present]).all():
        return numbers.astype(float)
    return column.astype(str).astype(object).where(present, None)


def infer(name: str, frame: pd.DataFrame, described: Any) -> tuple[SearchSpace, dict[str, str]]:
    """Return the space of tidy columns hp_*, and the columns' new names: a domain's must not hold '='."""
    described = described if isinstance(described, Mapping) else {}
    domains: dict[str, Domain] = {}
    renamed: dict[str, str] = {}
    entries: dict[str, Mapping[str, Any]] = {}
    for column in (c for c in frame.columns if c.startswith("hp_")):
        values = frame[column].dropna()
        if values.empty:
            continue
        entry = described.get(column[3:], described.get(column))
        domain_name = column[3:].replace("=", "_") or "value"
        entries[domain_name] = entry if isinstance(entry, Mapping) else {}
        domains[domain_name] = _domain(values, entries[domain_name])
        renamed[column] = f"hp_{domain_name}"
    if not domains:
        raise SpaceError(f"recordings of {name!r} must have a column hp_* with a value; all are empty")
    return SearchSpace(name, domains, _conditions(frame.rename(columns=renamed), domains, entries)), renamed


def _domain(values: "pd.Series[Any]", entry: Mapping[str, Any]) -> Domain:
    kind = str(entry.get("type", "")).lower()
    named = any(word in kind for word in ("cat", "bool", "nominal", "choice", "str"))
    if values.dtype == object or named:
        frequent = values.value_counts().index[:MOST_NAMES]
        return Categorical(tuple(sorted((_plain(v) for v in frequent), key=str)))
    numbers = np.unique(values.to_numpy(dtype=float))
    scale = _scale(entry)
    listed = "values" in entry or "grid" in entry or "ordinal" in kind
    steps = len(numbers) <= (MOST_STEPS if listed else FEW if not _ranged(entry) else 1)
    if len(numbers) == 1 or (steps and scale is None):
        return Ordinal(tuple(_plain(v) for v in numbers))
    whole = bool((numbers == np.round(numbers)).all()) and np.abs(numbers).max() < 2**53
    try:
        log = _is_log(values.to_numpy(dtype=float), scale)
        low, high = float(numbers[0]), float(numbers[-1])
        return Integer(int(low), int(high), log) if whole else Real(low, high, log)
    except SpaceError:  # too far apart or too close for floats: their order is left
        return Ordinal(tuple(np.quantile(numbers, np.linspace(0, 1, MOST_STEPS), method="nearest").tolist()))


def _plain(value: Any) -> Any:
    """A number, text or boolean of Python's own; whole numbers as int."""
    value = value.item() if isinstance(value, np.generic) else value
    return int(value) if isinstance(value, float) and value == int(value) else value


def _ranged(entry: Mapping[str, Any]) -> bool:
    return "range" in entry or ("lower" in entry and "upper" in entry)


def _scale(entry: Mapping[str, Any]) -> str | None:
    """'log' or 'linear', where it is said."""
    if isinstance(entry.get("log"), bool):
        return "log" if entry["log"] else "linear"
    word = str(entry.get("scale", "")).strip().lower()
    return next((scale for scale in ("log", "linear") if word.startswith(scale)), None)


def _is_log(values: Floats, scale: str | None) -> bool:
    """Whether a logarithmic range fits: where it is said, and where it makes lopsided numbers even."""
    if values.min() <= 0:
        return False
    if scale == "log":
        return True
    plain, logs = abs(_skewness(values)), abs(_skewness(np.log(values)))
    return bool(plain > LOPSIDED and logs < plain / 2) or (scale is None and plain > 1 > logs)


def _skewness(x: Floats) -> float:
    z = x - x.mean()
    std = float(z.std())
    return float(np.mean((z / std) ** 3)) if std > 0 else 0.0


def _conditions(
    frame: pd.DataFrame, domains: Mapping[str, Domain], entries: Mapping[str, Mapping[str, Any]]
) -> dict[str, Condition]:
    """Conditions that are understood and that the recordings keep."""
    found: dict[str, Condition] = {}
    for name, entry in entries.items():
        match = re.fullmatch(r"\s*(\w+)\s*(==|=|in)\s*(.+?)\s*", str(entry.get("active_if", "")))
        if match is None or match[1] not in domains or match[1] == name:
            continue
        parent = domains[match[1]]
        words = [w.strip(" '\"") for w in match[3].strip("[](){}").split(",")]
        if any(parent.check(parent.restore(w)) for w in words if not isinstance(parent, (Integer, Real))):
            continue
        allowed = {str(parent.restore(w)) for w in words}
        active = frame[f"hp_{match[1]}"].map(lambda v: str(_plain(v))).isin(allowed)
        if (active == frame[f"hp_{name}"].notna()).all():
            found[name] = Condition.of({match[1]: [parent.restore(w) for w in words]})
    return found
