"""MLflow's PostgreSQL databases, read directly in one read-only transaction."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy.engine import make_url

from forerun.mining.runs import Floats
from forerun.tracking.reading import postgresql_changes as changes
from forerun.tracking.reading.base import Known, Reader, Reading, chosen, explained, hide
from forerun.tracking.reading.sql import REVISIONS, SEPARATOR, Source, fill, frame

if TYPE_CHECKING:
    import psycopg

OLDEST = 140_000
"""From version 14 on, pages of a table can be read without reading the rest of it."""
PAGES = 256
"""Of 8 kB, read at a time."""
LOOKED_UP = 2_000
"""Runs whose cells are looked up at a time."""
CONNECT_SECONDS = 20
LOCK_SECONDS = 20
"""Only a migration of the schema locks readers out."""


@dataclass(frozen=True)
class PostgresqlReader(Reader):
    """Reads a PostgreSQL database whose schema is known."""

    uri: str

    def read(self, experiments: Sequence[str] | None, metrics: Sequence[str], *, resumable: bool = False) -> Reading:
        """Read everything that is wanted, in one snapshot."""
        with opened(self.uri) as source:
            places = chosen(source.experiments(), experiments, hide(self.uri))
            runs = fill(source, *frame(source, places), places, metrics)
            return Reading(runs, changes.state(source, places) if resumable else {})

    def increment(
        self, experiments: Sequence[str] | None, metrics: Sequence[str], known: Known, state: Mapping[str, Any]
    ) -> Reading | None:
        """Read the runs that are new or changed since `state` was taken."""
        with opened(self.uri) as source, opened(self.uri, source.snapshot()) as beside:
            places = chosen(source.experiments(), experiments, hide(self.uri))
            return changes.increment(source, places, metrics, known, state, beside=beside)


@dataclass(frozen=True)
class PostgresqlSource(Source):
    """An open database."""

    connection: "psycopg.Connection[tuple[Any, ...]]"

    def pieces(self, table: str, ids: Sequence[str] | None) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """A table page after page, or some runs by the index."""
        if ids is not None:
            for i in range(0, len(ids), LOOKED_UP):
                yield "run_uuid = ANY(?)", (list(ids[i : i + LOOKED_UP]),)
            return
        query = "SELECT pg_relation_size(to_regclass(?)) / current_setting('block_size')::int"
        for first in range(0, int(next(self.rows(query, (table,)))[0]), PAGES):
            yield "ctid >= ?::tid AND ctid < ?::tid", (f"({first},0)", f"({first + PAGES},0)")

    def joined(
        self, table: str, texts: Sequence[str], number: str | None, where: str, values: tuple[Any, ...]
    ) -> tuple[int, list[bytes | None], Floats]:
        """Put the rows of a piece together."""
        selected = [f"convert_to(string_agg({each}, '{SEPARATOR}'), 'UTF8')" for each in texts]
        collected = f"string_agg(float8send({number}), ''::bytea)" if number else "NULL"
        query = f"SELECT count(*), {', '.join(selected)}, {collected} FROM {table} WHERE {where}"  # noqa: S608 - our own names
        count, *pieces, numbers = next(self.rows(query, values))
        return count, pieces, np.frombuffer(numbers or b"", ">f8").astype(np.float64)

    def rows(self, query: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Rows of a small query."""
        return iter(self.connection.execute(query.replace("%", "%%").replace("?", "%s"), values, binary=True))

    def snapshot(self) -> str:
        """A name by which another connection may see just what this one sees."""
        return str(next(self.rows("SELECT pg_export_snapshot()"))[0])


@contextmanager
def opened(uri: str, snapshot: str | None = None) -> Iterator[PostgresqlSource]:
    """Open a database in one read-only transaction: a snapshot, a new one or one of a given name. Raises StoreError."""
    with explained(uri, ImportError):
        import psycopg

    plain = make_url(uri).set(drivername="postgresql").render_as_string(hide_password=False)
    with (
        explained(uri, psycopg.Error, OSError),
        psycopg.connect(plain, connect_timeout=CONNECT_SECONDS) as connection,
    ):
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        if snapshot is not None:
            connection.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
        connection.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
        yield PostgresqlSource(connection)


def readable(uri: str) -> bool:
    """Whether the server is new enough and the schema one that is known."""
    with opened(uri) as source:
        there = next(
            source.rows("SELECT to_regclass('alembic_version') IS NOT NULL AND to_regclass('runs') IS NOT NULL")
        )
        return bool(there[0]) and source.connection.info.server_version >= OLDEST and source.revision() in REVISIONS
