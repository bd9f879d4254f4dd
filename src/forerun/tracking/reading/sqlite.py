"""MLflow's SQLite databases, read directly, and without writing a byte to them or beside them."""

import json
import os
import sqlite3
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from forerun.errors import StoreError
from forerun.mining.runs import Floats
from forerun.tracking.reading import sqlite_changes as changes
from forerun.tracking.reading.base import Known, Reader, Reading, chosen, explained
from forerun.tracking.reading.sql import REVISIONS, SEPARATOR, Source, fill, frame

BUSY_SECONDS = 20
"""How long a database that another program has locked is waited for."""
ATTEMPTS = 3
BATCH_ROWS = 16_384
LOOKED_UP = 2_000
"""Runs whose cells are looked up at a time."""


class Changed(Exception):  # noqa: N818 - a reason to read again, not an error of the caller
    """Another program wrote to a database that was read without locks."""


@dataclass(frozen=True)
class SqliteReader(Reader):
    """Reads a SQLite database whose schema is known."""

    path: Path

    def read(self, experiments: Sequence[str] | None, metrics: Sequence[str], *, resumable: bool = False) -> Reading:
        """Read everything that is wanted, in one snapshot."""
        for _ in range(ATTEMPTS):
            with suppress(Changed):
                return self._read(experiments, metrics, resumable)
        raise StoreError(f"{self.path} must stay as it is while it is read; it changed each time")

    def _read(self, experiments: Sequence[str] | None, metrics: Sequence[str], resumable: bool) -> Reading:
        with opened(self.path) as source:
            places = chosen(source.experiments(), experiments, str(self.path))
            runs = fill(source, *frame(source, places), places, metrics)
            return Reading(runs, changes.state(source, places) if resumable else {})

    def increment(
        self, experiments: Sequence[str] | None, metrics: Sequence[str], known: Known, state: Mapping[str, Any]
    ) -> Reading | None:
        """Read the runs that are new or changed since `state` was taken."""
        try:
            with opened(self.path) as source:
                places = chosen(source.experiments(), experiments, str(self.path))
                return changes.increment(source, places, metrics, state)
        except Changed:
            return None


@dataclass(frozen=True)
class SqliteSource(Source):
    """An open database."""

    connection: sqlite3.Connection

    def pieces(self, table: str, ids: Sequence[str] | None) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """A table in the order in which it lies in the file, or some runs by the index."""
        if ids is None:
            for first in range(1, self.last_row(table) + 1, BATCH_ROWS):
                yield "rowid BETWEEN ? AND ?", (first, first + BATCH_ROWS - 1)
            return
        for i in range(0, len(ids), LOOKED_UP):
            yield "run_uuid IN (SELECT value FROM json_each(?))", (json.dumps(ids[i : i + LOOKED_UP]),)

    def last_row(self, table: str) -> int:
        """The highest rowid of a table; 0 where it is empty."""
        return int(next(self.rows(f"SELECT coalesce(max(rowid), 0) FROM {table}"))[0])  # noqa: S608 - our own names

    def joined(
        self, table: str, texts: Sequence[str], number: str | None, where: str, values: tuple[Any, ...]
    ) -> tuple[int, list[bytes | None], Floats]:
        """Put the rows of a piece together."""
        # a separator that is not a literal would cost twice the time
        selected = [f"CAST(group_concat({each}, '{SEPARATOR}') AS BLOB)" for each in texts]
        collected = f"collected({number})" if number else "NULL"
        query = f"SELECT count(*), {', '.join(selected)}, {collected} FROM {table} WHERE {where}"  # noqa: S608 - our own names
        count, *pieces, numbers = next(self.rows(query, values))
        return count, pieces, np.frombuffer(numbers or b"", np.float64)

    def rows(self, query: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Rows of a small query."""
        return self.connection.execute(query, values)


class Collected:
    """An aggregate that takes numbers bit by bit as they are; as text they would lose their last digits."""

    def __init__(self) -> None:
        self.values = array("d")
        self.step = self.values.append

    def finalize(self) -> bytes:
        """All numbers, in native byte order."""
        return self.values.tobytes()


@contextmanager
def opened(path: Path) -> Iterator[SqliteSource]:
    """Open a database in one read-only transaction. Raises StoreError, and Changed at the end."""
    options, before = how(path), trace(path)
    name = f"file:{quote(str(path))}?{options}"
    with (
        explained(str(path), sqlite3.Error, OSError, UnicodeError),
        closing(sqlite3.connect(name, uri=True, timeout=BUSY_SECONDS, check_same_thread=False)) as connection,
    ):
        connection.create_aggregate("collected", 1, Collected)  # type: ignore[arg-type]
        try:
            connection.execute("BEGIN")
            yield SqliteSource(connection)
        except sqlite3.DatabaseError:
            if options == UNLOCKED and trace(path) != before:
                raise Changed from None
            raise
    if options == UNLOCKED and trace(path) != before:
        raise Changed


LOCKED = "mode=ro"
LOGGED = "mode=ro&readonly_shm=1"
UNLOCKED = "immutable=1"


def how(path: Path) -> str:
    """Choose how to open a database so that nothing is written and no file is made beside it.

    A database with a rollback journal is read under its locks. One with a write-ahead log (WAL) that a program
    has open is read through that log. Where nobody has it open, SQLite would make the log's files, so it is read
    as if it could not change, and whether it has is looked at afterwards.
    """
    if not path.is_file():
        raise StoreError(f"{path} must be a file with MLflow's database; there is none")
    log, index = (Path(f"{path}{end}") for end in ("-wal", "-shm"))
    if not _logs(path):
        return LOCKED
    if index.exists():
        return LOGGED
    if log.exists() and log.stat().st_size:
        raise StoreError(
            f"{path} must be complete; it has changes in {log.name} that its program has not merged, or is about to. "
            "Close that program, or open the database with it once, and start again"
        )
    return UNLOCKED


_headers: dict[Path, int] = {}


def _logs(path: Path) -> bool:
    """Whether the file's header says WAL."""
    # the descriptor stays open: closing it would drop all locks of this process on the file
    # (https://www.sqlite.org/howtocorrupt.html, section 2.2)
    key = path.resolve()
    if key not in _headers or os.fstat(_headers[key]).st_ino != key.stat().st_ino:
        _headers[key] = os.open(key, os.O_RDONLY)
    return os.pread(_headers[key], 2, 18) == b"\x02\x02"


def trace(path: Path) -> tuple[object, ...]:
    """What changes when the database does."""
    seen = path.stat()
    beside = [Path(f"{path}{end}") for end in ("-wal", "-shm", "-journal")]
    return (
        seen.st_ino,
        seen.st_size,
        seen.st_mtime_ns,
        [each.name for each in beside if each.exists() and each.stat().st_size],
    )


def readable(path: Path) -> bool:
    """Whether it is a database of MLflow whose schema is known."""
    with opened(path) as source:
        tables = {name for (name,) in source.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not {"alembic_version", "runs"} <= tables:
            raise StoreError(f"{path} must be a database of MLflow; it holds the tables {sorted(tables)[:5]}")
        # texts are taken apart as UTF-8
        return source.revision() in REVISIONS and next(source.rows("PRAGMA encoding")) == ("UTF-8",)
