"""What logged data sets tell when the data itself is gone: meta-features from schema and profile.

They have the names of `metadata.metafeatures` where they mean the same. A schema may or may not hold the target
column, so that the number of columns can be off by one; forerun's own meta-features say it exactly.
"""

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from forerun.mining.runs import DataSet

WORDS = frozenset(["string", "str", "object", "boolean", "bool", "category", "binary"])
SHARED, MOST = 2, 30
"""Tasks that use a column, and columns, of which the meta-features say whether a task uses them."""


def metafeatures(data: DataSet) -> dict[str, float]:
    """Meta-features (without `mf_`) that a data set's schema and profile tell; only those that they do.

    >>> table = '{"mlflow_colspec": [{"type": "double", "name": "a"}, {"type": "string", "name": "b"}]}'
    >>> found = metafeatures(DataSet("d", "1f", "", table, '{"num_rows": 200, "num_elements": 400}', "train"))
    >>> found["log10_rows_per_column"], found["categorical_share"]
    (2.0, 0.5)
    """
    profile, types = _json(data.profile), [kind for _, kind in columns_of(data)]
    rows, columns = _rows(profile), float(len(types)) or _columns(profile)
    found: dict[str, float] = {}
    if rows > 0:
        found["log10_rows"] = math.log10(rows)
    if columns > 0:
        found["log10_columns"] = math.log10(columns)
    if rows > 0 and columns > 0:
        found["log10_rows_per_column"] = math.log10(rows / columns)
    if types:
        found["categorical_share"] = sum(kind in WORDS for kind in types) / len(types)
    return found


def columns_of(data: DataSet) -> list[tuple[str, str]]:
    """Names and types of a data set's columns, as far as its schema lists them."""
    listed = _json(data.schema).get("mlflow_colspec")
    if isinstance(listed, str):
        listed = _json(f'{{"list": {listed}}}').get("list")
    if not isinstance(listed, list):
        return []
    return [(str(c.get("name", "")), str(c.get("type", "")).lower()) for c in listed if isinstance(c, Mapping)]


def uses(of_task: Mapping[str, Sequence[DataSet]]) -> pd.DataFrame:
    """Which of the columns that several tasks share each task uses: `uses NAME`, 0 or 1; NaN where no schema tells."""
    columns = {task: {name for data in found for name, _ in columns_of(data)} for task, found in of_task.items()}
    counts = Counter(name for used in columns.values() for name in used if name)
    known = sum(bool(used) for used in columns.values())
    shared = [name for name, n in sorted(counts.items(), key=lambda c: (-c[1], c[0])) if SHARED <= n < known][:MOST]
    rows = {
        task: {f"uses {name}": float(name in used) if used else np.nan for name in shared}
        for task, used in columns.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=[f"uses {name}" for name in shared])


def middle(described: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """The middle one of each meta-feature over the data sets of one task: they differ where each run split anew."""
    frame = pd.DataFrame(list(described))
    return {str(name): float(value) for name, value in frame.median().items()} if len(frame.columns) else {}


def _json(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _rows(profile: Mapping[str, Any]) -> float:
    for name in ("num_rows", "approx_count", "row_count", "num_samples"):
        if _positive(profile.get(name)):
            return float(profile[name])
    shape = _shape(profile)
    return float(shape[0]) if shape else 0.0


def _columns(profile: Mapping[str, Any]) -> float:
    shape = _shape(profile)
    if len(shape) > 1:
        return float(math.prod(shape[1:]))
    rows, elements = profile.get("num_rows"), profile.get("num_elements")
    return float(elements) / float(rows) if _positive(rows) and _positive(elements) else 0.0  # type: ignore[arg-type]


def _shape(profile: Mapping[str, Any]) -> list[float]:
    """The shape of a NumPy data set's features, the first of several."""
    found = profile.get("features_shape", profile.get("shape"))
    if isinstance(found, Mapping):
        found = next(iter(found.values()), None)
    return [float(v) for v in found] if isinstance(found, list) and found and all(map(_positive, found)) else []


def _positive(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < math.inf
