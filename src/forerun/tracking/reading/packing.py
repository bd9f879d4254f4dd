"""Runs as a table, to be kept as Parquet and to be put together with others.

Columns are the runs' own fields, p:NAME (parameters), t:NAME (tags), m:NAME (metrics), and for each curve s:NAME and
v:NAME (steps and values). What few runs have stands in lists: few:p, few:t and few:m (names and values), nan (metrics
whose last value is a logged NaN), inputs (keys of data sets). So a run is one row and can be moved.
"""

import hashlib
from collections.abc import Container, Iterable, Mapping
from dataclasses import astuple, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from forerun.mining.runs import Coded, CodedColumns, Columns, Curve, DataSet, Integers, Runs, cells
from forerun.tracking.reading.sql import in_reading_order

RECURRING = 4
"""Texts that recur so often on average are kept as a dictionary."""
KINDS = {"p": pa.string(), "t": pa.string(), "m": pa.float64()}
OWN = ("experiment", "name", "status", "user")


def packed(runs: Runs) -> tuple[pa.Table, dict[str, Any]]:
    """The table, and data sets by their keys (JSON)."""
    n = len(runs)
    columns = {"id": pa.array(runs.ids, pa.string()), "start": pa.array(runs.start), "end": pa.array(runs.end)}
    columns |= {field: _coded(pa.array(getattr(runs, field), pa.string())) for field in OWN}
    for mark, kind in (("p", runs.params), ("t", runs.tags), ("m", runs.metrics)):
        few: list[tuple[int, tuple[str, Any]]] = []
        for name in kind:
            if isinstance(kind, Columns) and kind.kept(name) is not None:
                rows, values = cells(kind, name)
                few += [(row, (name, value)) for row, value in zip(rows.tolist(), values.tolist(), strict=True)]
            else:
                columns[f"{mark}:{name}"] = _coded(pa.array(kind[name], KINDS[mark]))
        pair = pa.struct([("name", pa.string()), ("value", KINDS[mark])])
        columns[f"few:{mark}"] = _lists(few, n, pair)
    for name, found in runs.curves.items():
        for mark, part, type_ in (("s", 0, pa.int64()), ("v", 1, pa.float64())):
            points = [(row, point[part]) for row, curve in found.items() for point in curve]
            columns[f"{mark}:{name}"] = _lists(points, n, type_)
    columns["nan"] = _lists([(int(row), k) for k, rows in runs.logged_nan.items() for row in rows], n, pa.string())
    known = {_key(each): each for found in runs.inputs.values() for each in found}
    columns["inputs"] = _lists([(row, _key(e)) for row, found in runs.inputs.items() for e in found], n, pa.string())
    return pa.table(columns), {key: astuple(each) for key, each in known.items()}


def put_together(known: pa.Table, new: pa.Table, gone: Iterable[str] = ()) -> pa.Table:
    """Replace and add rows by their ids, and drop those that are gone; in any order."""
    dropped = pa.array([*new["id"].to_pylist(), *gone], pa.string())
    drop = pc.is_in(known["id"], value_set=dropped)
    # to copy all columns takes longer than all else here, and mostly nothing is to be dropped
    kept = known.filter(pc.invert(drop)) if pc.any(drop, min_count=0).as_py() else known
    for i, name in enumerate(new.column_names):
        if name in kept.column_names and kept[name].type != new[name].type:
            wanted, column = kept[name].type, new[name]
            column = column.dictionary_encode() if pa.types.is_dictionary(wanted) else column.cast(wanted)
            new = new.set_column(i, name, column)
    return pa.concat_tables([kept, new], promote_options="default")


def unpacked(table: pa.Table, datasets: Mapping[str, Any]) -> Runs:
    """The inverse of `packed`, in the order of `Runs`; names that no run has any more drop out."""
    return _Unpacking(table, in_reading_order(table).to_numpy()).runs(datasets)


@dataclass(frozen=True)
class _Unpacking:
    table: pa.Table
    order: Integers
    """Where each run's row is."""

    def runs(self, datasets: Mapping[str, Any]) -> Runs:
        sets = {key: DataSet(*facts) for key, facts in datasets.items()}
        nan = {k: np.array(rows, np.int64) for k, rows in sorted(_gathered((k, row) for row, k in self.items("nan")))}
        inputs = _gathered((row, sets[key]) for row, key in self.items("inputs"))
        curves = [name.removeprefix("s:") for name in self.table.column_names if name.startswith("s:")]
        return Runs(
            ids=self.listed("id"),
            **{field: self.listed(field) for field in OWN},
            start=self.numbers("start"),
            end=self.numbers("end"),
            params=self.coded("p"),
            tags=self.coded("t"),
            metrics=self.metrics(nan),
            logged_nan=nan,
            curves={name: self.curves(name) for name in curves},
            inputs=dict(inputs),
        )

    @cached_property
    def place(self) -> Integers:
        """Where each row's run goes."""
        found = np.empty(len(self.order), np.int64)
        found[self.order] = np.arange(len(self.order))
        return found

    def texts(self, name: str) -> Coded:
        """A column of texts; of what is kept as a dictionary each stands there once."""
        column = self.table[name]
        if not pa.types.is_dictionary(column.type):
            there = column.is_valid().to_numpy()[self.order]
            return Coded(column, np.where(there, self.order, -1))
        column = column.unify_dictionaries()
        codes = np.concatenate([each.indices.fill_null(-1).to_numpy() for each in column.chunks])
        return Coded(pa.chunked_array([column.chunk(0).dictionary]), codes[self.order])

    def listed(self, name: str) -> list[str]:
        """A column of short texts that every run has."""
        column = self.table[name]
        if pa.types.is_dictionary(column.type):
            return list(self.texts(name).column)
        # in order before they are objects: their memory then is, too
        return list(column.take(pa.array(self.order)).to_pylist())

    def numbers(self, name: str) -> npt.NDArray[Any]:
        """A column; NaN where it has no value."""
        found: npt.NDArray[Any] = self.table[name].to_numpy()[self.order]
        return found

    def items(self, name: str) -> Iterable[tuple[int, Any]]:
        """(row, item) of a column of lists, row after row."""
        joined = self.table[name].combine_chunks()
        rows, items = self.place[pc.list_parent_indices(joined).to_numpy()], pc.list_flatten(joined).to_pylist()
        return [(int(rows[i]), items[i]) for i in np.argsort(rows, kind="stable")]

    def coded(self, mark: str) -> CodedColumns:
        """All parameters or tags."""
        found = self.few(mark, object)
        names = [name for name in self.full(mark) if self.table[f"{mark}:{name}"].null_count < len(self.order)]
        coded = {name: self.texts(f"{mark}:{name}") for name in names}
        for name in found.keys() & coded.keys():
            rows, values = found[name]
            found[name] = None, coded.pop(name).column
            found[name][1][rows] = values
        return CodedColumns(len(self.order), found, coded)

    def metrics(self, logged_nan: Container[str]) -> Columns[np.float64]:
        """All metrics."""
        found = self.few("m", np.float64)
        for name in self.full("m"):
            column = self.table[f"m:{name}"]
            empty = pc.all(pc.is_null(column, nan_is_null=True), min_count=0).as_py()
            if not empty or (name in logged_nan and name not in found):
                values = self.numbers(f"m:{name}")
                if name in found:
                    values[found[name][0]] = found[name][1]
                found[name] = None, values
        return Columns(len(self.order), found)

    def full(self, mark: str) -> list[str]:
        """Names of parameters, tags or metrics that are columns of the table."""
        return [name[2:] for name in self.table.column_names if name.startswith(f"{mark}:")]

    def few(self, mark: str, kind: npt.DTypeLike) -> dict[str, tuple[Integers | None, npt.NDArray[Any]]]:
        """Rows and values of names that few runs had when they were packed."""
        named = ((each["name"], (row, each["value"])) for row, each in self.items(f"few:{mark}"))
        cells = {name: tuple(zip(*pairs, strict=True)) for name, pairs in _gathered(named)}
        return {name: (np.array(rows, np.int64), np.array(values, kind)) for name, (rows, values) in cells.items()}

    def curves(self, name: str) -> dict[int, Curve]:
        """Row to curve."""
        pairs = zip(self.items(f"s:{name}"), self.items(f"v:{name}"), strict=True)
        return dict(_gathered((row, (step, value)) for (row, step), (_, value) in pairs))


def _coded(column: pa.Array) -> pa.Array:
    """Texts that recur as a dictionary."""
    if column.type != pa.string():
        return column
    coded = column.dictionary_encode()
    return coded if len(coded.dictionary) * RECURRING < len(column) else column


def _lists(items: Iterable[tuple[int, Any]], n: int, type_: pa.DataType) -> pa.Array:
    """A list a row, None where there is nothing."""
    found: list[list[Any] | None] = [None] * n
    for row, item in items:
        there = found[row]
        if there is None:
            found[row] = [item]
        else:
            there.append(item)
    if pa.types.is_struct(type_):
        named = [None if each is None else [{"name": k, "value": v} for k, v in each] for each in found]
        return pa.array(named, pa.list_(type_))
    return pa.array(found, pa.list_(type_))


def _key(each: DataSet) -> str:
    return hashlib.blake2b("\0".join(astuple(each)).encode(errors="surrogatepass"), digest_size=12).hexdigest()


def _gathered(pairs: Iterable[tuple[Any, Any]]) -> Iterable[tuple[Any, list[Any]]]:
    found: dict[Any, list[Any]] = {}
    for key, item in pairs:
        found.setdefault(key, []).append(item)
    return found.items()
