"""What has changed in a SQLite database since it was read.

MLflow keeps no time of change, so this rests on how it writes. Rows of parameters, metrics and inputs are only
ever added, and get higher row numbers than all before; a metric's last value changes when a row of its history
comes. Runs and tags change in place: checksums of their tables are compared, and the runs of a piece that
differs are read again.

Everything is read anew where rows have vanished (`mlflow gc`, a deleted tag) or been renumbered (VACUUM). What is
not seen: parameters and metrics that somebody edits by SQL, past MLflow.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from forerun.tracking.reading import sql
from forerun.tracking.reading.base import Reading, renamed

if TYPE_CHECKING:
    from forerun.tracking.reading.sqlite import SqliteSource

GROWING = {
    "params": "run_uuid",
    "metrics": "run_uuid",
    "latest_metrics": "run_uuid",
    "inputs": "destination_id",
    "input_tags": "(SELECT destination_id FROM inputs i WHERE i.input_uuid = input_tags.input_uuid)",
}
"""Tables whose rows are only added, and their runs."""
EDITED = {
    "runs": ("coalesce(name, '')", "coalesce(status, '')", "coalesce(end_time, 0)", sql.STAGE),
    "tags": ("coalesce(value, '')",),
}
"""Tables whose rows change, and what may be edited.

Which row it is stays out of the checksums, being most of the table: rows are counted, and named in the last piece.
For a row's number is only given again where that row, and all after it, are gone.
"""
LAST = {"runs": ("run_uuid",), "tags": ("run_uuid", "key")}
PIECE = 8_192
"""Rows under one checksum."""


def state(source: "SqliteSource", experiments: Mapping[str, str]) -> dict[str, Any]:
    """Note how the database is now."""
    last = {table: source.last_row(table) for table in (*GROWING, *EDITED)}
    return {
        "schema": _schema(source),
        "experiments": dict(experiments),
        "last": last,
        "checksums": {table: [_checksum(source, table, *each) for each in _bounds(last[table])] for table in EDITED},
        "end": _end(source, last),
    }


def increment(
    source: "SqliteSource", experiments: Mapping[str, str], metrics: Sequence[str], before: Mapping[str, Any]
) -> Reading | None:
    """Read what is new or changed since `before`; None where rows have vanished or moved."""
    now, last = state(source, experiments), before["last"]
    if now["schema"] != before["schema"] or any(now["last"][table] < last[table] for table in last):
        return None
    if renamed(before["experiments"], experiments) or _end(source, last) != before["end"]:
        return None
    touched: set[str] = set()
    for table, column in GROWING.items():
        touched |= _runs(source, table, column, last[table], now["last"][table])
    for table in EDITED:
        for i, (first, until) in enumerate(_bounds(last[table])):
            old, new = before["checksums"][table][i], now["checksums"][table][i]
            if until - first < PIECE - 1:  # the last piece may have grown
                new = _checksum(source, table, first, until)
            if new[0] != old[0]:
                return None  # whose row is gone cannot be told
            if new != old:
                touched |= _runs(source, table, "run_uuid", first - 1, until)
        touched |= _runs(source, table, "run_uuid", last[table], now["last"][table])
    runs, gone = sql.increment(source, experiments, metrics, touched)
    return Reading(runs, now, gone)


def _bounds(last: int) -> Iterator[tuple[int, int]]:
    """First and last row of each piece."""
    for first in range(1, last + 1, PIECE):
        yield first, min(first + PIECE - 1, last)


def _checksum(source: "SqliteSource", table: str, first: int, until: int) -> list[Any]:
    """Of some rows: how many there are, and what they say."""
    count, texts, _ = source.joined(table, EDITED[table], None, "rowid BETWEEN ? AND ?", (first, until))
    return [count, _digest(texts)]


def _end(source: "SqliteSource", last: Mapping[str, int]) -> list[str]:
    """Checksums of which the last rows are."""
    bounds = {table: (last[table] - PIECE, last[table]) for table in LAST}
    return [_digest(source.joined(t, LAST[t], None, "rowid BETWEEN ? AND ?", bounds[t])[1]) for t in LAST]


def _digest(texts: Iterable[bytes | None]) -> str:
    found = hashlib.blake2b(digest_size=12)
    for text in texts:
        found.update(text or b"")
    return found.hexdigest()


def _runs(source: "SqliteSource", table: str, column: str, after: int, until: int) -> set[str]:
    if after == until:
        return set()
    query = f"SELECT DISTINCT {column} FROM {table} WHERE rowid > ? AND rowid <= ?"  # noqa: S608 - our own names
    return {run for (run,) in source.rows(query, (after, until)) if run}


def _schema(source: "SqliteSource") -> int:
    return int(next(source.rows("PRAGMA schema_version"))[0])
