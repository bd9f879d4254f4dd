"""Runs as a Parquet table, and what does not fit into it as JSON.

Columns are the runs' own fields, p:NAME (parameters), t:NAME (tags), m:NAME (metrics), and for each curve
s:NAME and v:NAME (steps and values). Names that few runs have, and data sets, are in the JSON.
"""

from collections.abc import Mapping
from dataclasses import astuple
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from forerun.mining.runs import Columns, Curve, DataSet, Integers, Runs, cells

Array = TypeVar("Array", npt.NDArray[np.object_], npt.NDArray[np.float64])


def packed(runs: Runs) -> tuple[pa.Table, dict[str, Any]]:
    """Table and JSON of some runs."""
    columns: dict[str, pa.Array] = {
        "id": pa.array(runs.ids, pa.string()),
        **{field: pa.array(getattr(runs, field), pa.string()) for field in ("experiment", "name", "status", "user")},
        "start": pa.array(runs.start),
        "end": pa.array(runs.end),
    }
    few: dict[str, Any] = {}
    for mark, kind in (("p", runs.params), ("t", runs.tags), ("m", runs.metrics)):
        for name in kind:
            if isinstance(kind, Columns) and kind.kept(name) is not None:
                rows, values = cells(kind, name)
                few[f"{mark}:{name}"] = [rows.tolist(), values.tolist()]
            else:
                columns[f"{mark}:{name}"] = pa.array(kind[name], pa.float64() if mark == "m" else pa.string())
    for name, found in runs.curves.items():
        curves = [found.get(row) for row in range(len(runs))]
        for mark, part, kind in (("s", 0, pa.int64()), ("v", 1, pa.float64())):
            lists = [None if curve is None else [point[part] for point in curve] for curve in curves]
            columns[f"{mark}:{name}"] = pa.array(lists, pa.list_(kind))
    known: dict[DataSet, int] = {}
    inputs = [[row, [known.setdefault(each, len(known)) for each in found]] for row, found in runs.inputs.items()]
    nan = {name: rows.tolist() for name, rows in runs.logged_nan.items()}
    return pa.table(columns), {"few": few, "nan": nan, "inputs": inputs, "datasets": [astuple(each) for each in known]}


def unpacked(table: pa.Table, rest: Mapping[str, Any]) -> Runs:
    """The inverse of `packed`."""
    n = len(table)
    known = [DataSet(*facts) for facts in rest["datasets"]]
    steps = [name[2:] for name in table.column_names if name.startswith("s:")]
    return Runs(
        ids=table["id"].to_pylist(),
        **{field: list(_texts(table[field])) for field in ("experiment", "name", "status", "user")},
        start=_numbers(table["start"]),
        end=_numbers(table["end"]),
        params=_columns(table, rest["few"], "p:", n),
        tags=_columns(table, rest["few"], "t:", n),
        metrics=_columns(table, rest["few"], "m:", n),
        logged_nan={name: np.array(rows, np.int64) for name, rows in rest["nan"].items()},
        curves={name: _curves(table[f"s:{name}"], table[f"v:{name}"]) for name in steps},
        inputs={row: [known[i] for i in found] for row, found in rest["inputs"]},
    )


def texts_of(schema: pa.Schema) -> list[str]:
    """Columns that are best read as dictionaries."""
    return [field.name for field in schema if field.type == pa.string() and field.name != "id"]


def _columns(table: pa.Table, few: Mapping[str, Any], mark: str, n: int) -> Columns[Any]:
    read = _numbers if mark == "m:" else _texts
    found: dict[str, tuple[Integers, Any]] = {
        name[2:]: (np.arange(n), read(table[name])) for name in table.column_names if name.startswith(mark)
    }
    for name, (rows, values) in few.items():
        if name.startswith(mark):
            found[name[2:]] = np.array(rows, np.int64), np.array(values, np.float64 if mark == "m:" else object)
    return Columns(n, found)


def _texts(column: pa.ChunkedArray) -> npt.NDArray[np.object_]:
    """Equal texts are one object."""
    coded = column.unify_dictionaries().combine_chunks()
    coded = coded.chunk(0) if isinstance(coded, pa.ChunkedArray) else coded
    shared = np.array([*coded.dictionary.to_pylist(), None], dtype=object)
    found: npt.NDArray[np.object_] = shared[coded.indices.fill_null(len(shared) - 1).to_numpy(zero_copy_only=False)]
    return found


def _numbers(column: pa.ChunkedArray) -> Any:
    return np.array(column.to_numpy())


def _curves(steps: pa.ChunkedArray, values: pa.ChunkedArray) -> dict[int, Curve]:
    pairs = enumerate(zip(steps.to_pylist(), values.to_pylist(), strict=True))
    return {row: list(zip(at, found, strict=True)) for row, (at, found) in pairs if at is not None}
