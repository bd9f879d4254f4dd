"""Reading MLflow's database schema, whatever the database: what SQLite and PostgreSQL have in common.

The database puts the texts of thousands of rows together, and one look at the separators takes them apart
again: a Python object for each row would cost three times as much as all the rest. Where a text holds the
separator itself the counts disagree, and that piece is read row by row.
"""

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forerun.mining.runs import Curve, DataSet, Floats, Integers, Runs, Texts
from forerun.tracking.reading.base import CONTEXT, NAME, curve, in_order
from forerun.tracking.reading.cells import Cells

Batch = TypeVar("Batch")

REVISIONS = frozenset(
    # from the first with data set inputs (MLflow 2.4) to the newest we know (3.17). None of the migrations in
    # between renames or retypes a column that is read here: they lengthen texts (params 2d6e25af4d3e, datasets
    # 4465047574b1, tags f5a4f2784254), add inputs.step (6953534de441), experiments.workspace (1b5f0d9ad7c1), an
    # index (a5b4c3d2e1f0) and cascades (0584bdc529eb, 6f8d9c3b2a1e), or concern other tables
    """
    7f2a7d5fae7d 2d6e25af4d3e acf3f17fdcc7 867495a8f9d4 5b0e9adcef9c 4465047574b1 f5a4f2784254 0584bdc529eb
    400f98739977 6953534de441 bda7b8c39065 cbc13b556ace 770bee3ae1dd a1b2c3d4e5f6 de4033877273 1a0cddfcaa16
    534353b11cbc 71994744cf8e 3da73c924c2f bf29a5ff90ea 1bd49d398cd23 b7c8d9e0f1a2 5d2d30f0abce c9d4e5f6a7b8
    2c33131f4dae d3e4f5a6b7c8 d0e1f2a3b4c5 c8d9e0f1a2b3 1b5f0d9ad7c1 e1f2a3b4c5d6 76601a5f987d c3d6457b6d8a
    a5b4c3d2e1f0 ae8bbe7743c9 7d34483879f0 da6fb0208061 89d3d66ed43f b7e4c1a90f23 a8b9c0d1e2f3 c1d2e3f4a5b6
    c3d9e7f1a2b4 6f8d9c3b2a1e 1971f2d9a75b 17e22815139b b7e2c1a4d9f3 75868b020152 dc11669786a5
    """.split()  # noqa: SIM905 - forty lines otherwise
)
"""Schema revisions (`alembic_version`) whose tables are read directly."""

FEW = 5
"""Where less than one run in so many is wanted, their cells are looked up instead of reading whole tables."""
SEPARATOR = "\x1f"
"""Stands between texts that the database puts together."""
NAN = "CASE WHEN is_nan THEN '1' ELSE '0' END"
VALUE = "CASE WHEN is_nan THEN NULL ELSE value END"
EXPERIMENT = "CAST(experiment_id AS VARCHAR(20))"
RUN = ("run_uuid", "coalesce(name, '')", "coalesce(status, '')", "coalesce(user_id, '')", EXPERIMENT)
TIMES = ("CAST(coalesce(start_time, 0) AS VARCHAR(20))", "CAST(coalesce(end_time, 0) AS VARCHAR(20))")
DATASET = ("dataset_source", "dataset_schema", "dataset_profile")
INPUTS = (
    "SELECT run_uuid, source_id, coalesce(t.value, '') FROM "  # noqa: S608 - constants
    "(SELECT destination_id AS run_uuid, source_id, input_uuid FROM inputs WHERE destination_type = 'RUN') i "
    f"LEFT JOIN input_tags t ON t.input_uuid = i.input_uuid AND t.name = '{CONTEXT}'"
)
STAGE = "coalesce(lifecycle_stage, 'active')"


class Source(ABC):
    """A database, open in one read-only transaction: one snapshot, though others write meanwhile."""

    @abstractmethod
    def pieces(self, table: str, ids: Sequence[str] | None) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Conditions, with values, that part a table into pieces of some thousand rows.

        With `ids` they choose rows by their `run_uuid`, and the table does not matter.
        """

    @abstractmethod
    def joined(
        self, table: str, texts: Sequence[str], number: str | None, where: str, values: tuple[Any, ...]
    ) -> tuple[int, list[bytes | None], Floats]:
        """The rows of a piece, counted; each of their texts as one, with SEPARATOR between them; their numbers."""

    @abstractmethod
    def rows(self, query: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Rows of a small query, whose values stand at ?."""

    def stream(
        self, table: str, texts: Sequence[str], number: str | None = None, ids: Sequence[str] | None = None
    ) -> Iterator[list[Any]]:
        """Read expressions that are never null, in batches: an array of strings each, and the numbers (m,) last.

        `ids` restricts to some runs, None reads the whole table.
        """
        return ahead(self._piece(table, texts, number, where, values) for where, values in self.pieces(table, ids))

    def _piece(
        self, table: str, texts: Sequence[str], number: str | None, where: str, values: tuple[Any, ...]
    ) -> list[Any]:
        count, pieces, numbers = self.joined(table, texts, number, where, values)
        arrays = [split(piece, count) for piece in pieces]
        if any(each is None for each in arrays):
            selected = ", ".join(f"CAST({each} AS TEXT)" for each in texts)
            rows = self.rows(f"SELECT {selected} FROM {table} WHERE {where}", values)  # noqa: S608 - our own names
            arrays = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
        return [*arrays, numbers] if number else arrays

    def experiments(self) -> dict[str, str]:
        """Undeleted experiments: id to name."""
        query = "SELECT CAST(experiment_id AS VARCHAR(20)), name FROM experiments WHERE lifecycle_stage = 'active'"
        return dict(self.rows(query))

    def revision(self) -> str:
        """The revision of the schema."""
        return str(next(self.rows("SELECT version_num FROM alembic_version"), ("",))[0])


def split(piece: bytes | None, count: int) -> pa.Array | None:
    """Take joined texts apart; None where one of them held the separator."""
    if count == 0:
        return pa.array([], pa.string())
    content = np.frombuffer(piece or b"", np.uint8)
    at = np.flatnonzero(content == ord(SEPARATOR))
    if len(at) != count - 1:
        return None
    bounds = np.empty(count + 1, np.int32)
    bounds[0], bounds[1:-1], bounds[-1] = 0, at - np.arange(count - 1), len(content) - (count - 1)
    return pa.StringArray.from_buffers(count, pa.py_buffer(bounds), pa.py_buffer(content[content != ord(SEPARATOR)]))


def ahead(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Fetch the next batch in a thread: the database works while the last one is placed."""
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(next, batches, None)
        while (batch := following.result()) is not None:
            following = pool.submit(next, batches, None)
            yield batch


COLUMNS = ("id", "name", "status", "user", "experiment", "start", "end", "stage")


def frame(source: Source, experiments: Mapping[str, str], ids: Sequence[str] | None = None) -> tuple[pa.Table, int]:
    """Read the table of runs: the undeleted ones of some experiments (id to name), in order; and how many all are."""
    schema = pa.schema([(name, pa.string()) for name in COLUMNS])
    batches = source.stream("runs", (*RUN, *TIMES, STAGE), ids=ids)
    table = pa.Table.from_batches(
        [pa.RecordBatch.from_arrays(found, schema=schema) for found in batches], schema=schema
    )
    found = table.filter(undeleted(table["experiment"], table["stage"], experiments)).drop_columns(["stage"])
    for column in ("start", "end"):
        found = found.set_column(COLUMNS.index(column), column, pc.cast(found[column], pa.int64()))
    return found.take(in_reading_order(found)), len(table)


def undeleted(experiment: pa.Array, stage: pa.Array, experiments: Mapping[str, str]) -> pa.Array:
    """Which runs count."""
    return pc.and_(
        pc.equal(stage, "active"), pc.is_in(experiment, value_set=pa.array(sorted(experiments), pa.string()))
    )


def in_reading_order(table: pa.Table) -> pa.Array:
    """Where each row of an ordered table comes from: by end, then id; unended runs last."""
    last = pc.if_else(pc.equal(table["end"], 0), np.iinfo(np.int64).max, table["end"])
    keys = pa.table({"last": last, "id": table["id"]})
    return pc.sort_indices(keys, [("last", "ascending"), ("id", "ascending")])


def increment(
    source: Source, experiments: Mapping[str, str], metrics: Sequence[str], touched: set[str]
) -> tuple[Runs, frozenset[str]]:
    """Read the touched runs that count, and say which do not."""
    found, _ = frame(source, experiments, sorted(touched))
    runs = fill(source, found, sys.maxsize, experiments, metrics)
    return runs, frozenset(touched - set(runs.ids))


def fill(source: Source, table: pa.Table, total: int, experiments: Mapping[str, str], metrics: Sequence[str]) -> Runs:
    """Read the cells of the runs in a frame; `total` are all runs that the database holds."""
    ids: list[str] = table["id"].to_pylist()
    rows = {run: i for i, run in enumerate(ids)}
    only = ids if len(ids) * FEW < total else None
    params, tags, latest = Cells(rows), Cells(rows), Cells(rows)
    for batch in source.stream("params", ("run_uuid", "key", "value"), ids=only):
        params.add_texts(*batch)
    for batch in source.stream("tags", ("run_uuid", "key", "coalesce(value, '')"), ids=only):
        tags.add_texts(*batch)
    for run, key, nan, value in source.stream("latest_metrics", ("run_uuid", "key", NAN), "value", only):
        latest.add_numbers(run, key, value, pc.equal(nan, "1").to_numpy(zero_copy_only=False))
    values, logged_nan = latest.numbers()
    labels = tags.texts()
    return Runs(
        ids=ids,
        experiment=[experiments[each] for each in _shared(table["experiment"])],
        name=named(table["name"].to_pylist(), labels),
        status=_shared(table["status"]),
        start=_integers(table["start"]),
        end=_integers(table["end"]),
        user=_shared(table["user"]),
        params=params.texts(),
        tags=labels,
        metrics=values,
        logged_nan=logged_nan,
        curves={metric: curves(source, metric, rows, only) for metric in metrics},
        inputs=inputs(source, rows, only),
    )


def named(names: list[str], tags: Mapping[str, Texts]) -> list[str]:
    """Names of runs; where there is none the tag says it."""
    if "" not in names or NAME not in tags:
        return names
    return [name or label or "" for name, label in zip(names, tags[NAME], strict=True)]


def curves(source: Source, metric: str, rows: Mapping[str, int], only: Sequence[str] | None) -> dict[int, Curve]:
    """Row to all points of a metric."""
    found: dict[int, list[tuple[int, int, float]]] = {}
    for where, values in source.pieces("", only) if only is not None else [("1 = 1", ())]:
        query = f"SELECT run_uuid, step, timestamp, {VALUE} FROM metrics WHERE key = ? AND {where}"  # noqa: S608 - constants
        for run, step, time, value in source.rows(query, (metric, *values)):
            if run in rows:
                found.setdefault(rows[run], []).append((step, time, float("nan") if value is None else value))
    return {row: curve(found[row]) for row in sorted(found)}


def inputs(source: Source, rows: Mapping[str, int], only: Sequence[str] | None) -> dict[int, list[DataSet]]:
    """Row to the data sets that were logged as its inputs."""
    fields = ", ".join(f"coalesce({each}, '')" for each in ("name", "digest", *DATASET))
    known = {identity: facts for identity, *facts in source.rows(f"SELECT dataset_uuid, {fields} FROM datasets")}  # noqa: S608 - constants
    if not known:
        return {}
    found: dict[int, list[DataSet]] = {}
    for where, values in source.pieces("", only) if only is not None else [("1 = 1", ())]:
        for run, identity, context in source.rows(f"{INPUTS} WHERE {where}", values):
            if run in rows and identity in known:
                found.setdefault(rows[run], []).append(DataSet(*(*known[identity], context)))
    return {row: in_order(found[row]) for row in sorted(found)}


def _shared(column: pa.ChunkedArray) -> list[str]:
    """As a list whose equal texts are one object."""
    coded = column.combine_chunks().dictionary_encode()
    return list(np.array([*coded.dictionary.to_pylist(), None], dtype=object)[coded.indices.to_numpy()])


def _integers(column: pa.ChunkedArray) -> Integers:
    return np.array(column.to_numpy(), dtype=np.int64)
