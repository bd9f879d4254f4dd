"""Which metric of a benchmark is judged, and whether more of it is better.

The first one of those that space.json names ("metrics": {"metric_x": "maximise; ..."}) which is a column, has
a direction and is known in nearly all rows. Where the file gives no direction, the name does: accuracies rise,
errors fall. Which and why is said.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from forerun.errors import HistoryError

COMPLETE = 0.99
"""Share of rows in which a metric must be known to be preferred to those after it."""
LESS = r"loss|err|[mr]mse|\bmae\b|mape|entropy|\bnll\b|deviance|brier|perplexity|regret|cost|time|seconds|latency"
MORE = r"acc|auc|\bf1|\br2\b|score|precision|recall|kappa|mcc|\bap\b|ndcg|iou|bleu|rouge|reward|return|gini|likelihood"
ASIDE = r"train|time|seconds|latency|runtime|params|size|memory|\bse\b|\bstd\b"
"""What is measured beside the quality."""


@dataclass(frozen=True)
class Metric:
    """A column and its direction."""

    column: str
    maximise: bool
    reason: str
    """Why this direction, in words."""


def choose_metric(frame: pd.DataFrame, described: Any, wanted: str | None) -> Metric:
    """Return the metric to be judged. Raises HistoryError where there is none, or not the one that is wanted."""
    columns = [c for c in frame.columns if c.startswith("metric_") and _numbers(frame[c]).notna().any()]
    told = _told(described)
    if wanted:
        if wanted not in columns:
            raise HistoryError(f"metric must be one of {columns}; got {wanted!r}")
        return _of(wanted, told)
    if not columns:
        raise HistoryError(f"recorded evaluations must have a column metric_* of numbers; got {list(frame.columns)}")
    for names in (
        [c for c in told if c in columns and told[c] is not None],
        [c for c in told if c in columns and _guess(c) is not None],
        sorted(columns, key=_aside),
    ):
        if names:
            full = [c for c in names if _numbers(frame[c]).notna().mean() >= COMPLETE]
            return _of((full or names)[0], told)
    raise AssertionError("columns are not empty")


def _of(column: str, told: dict[str, bool | None]) -> Metric:
    direction = told.get(column)
    if direction is not None:
        return Metric(column, direction, "as space.json says")
    guess = _guess(column)
    if guess is not None:
        return Metric(column, guess, "guessed from its name; space.json can say otherwise")
    return Metric(column, False, "nothing says so, not even its name: losses are the rule")


def _told(described: Any) -> dict[str, bool | None]:
    """Metrics that space.json names, in its order, and whether they are maximised; None where it is silent."""
    if isinstance(described, dict):
        entries = {str(name): str(text) for name, text in described.items()}
    elif isinstance(described, Sequence) and not isinstance(described, str):
        entries = {str(e.get("name", "")) if isinstance(e, dict) else str(e): str(e) for e in described}
    else:
        entries = {}
    return {n if n.startswith("metric_") else f"metric_{n}": _direction(text) for n, text in entries.items()}


def _direction(text: str) -> bool | None:
    text = text.lower()
    found = re.search(r"\b(maxim|minim|max\b|min\b|higher|lower)", text)
    return None if found is None else found[1] in ("maxim", "max", "higher")


def _guess(column: str) -> bool | None:
    words = column.removeprefix("metric_").lower().replace("_", " ")
    if words.startswith("neg "):
        return True
    if re.search(LESS, words):
        return False
    return True if re.search(MORE, words) else None


def _aside(column: str) -> tuple[bool, bool, bool]:
    """Order of preference where nothing is named: quality, on validation data."""
    words = column.removeprefix("metric_").lower().replace("_", " ")
    return bool(re.search(ASIDE, words)), _guess(column) is None, "val" not in words


def _numbers(column: "pd.Series[Any]") -> "pd.Series[float]":
    return pd.to_numeric(column, errors="coerce")
