"""What has changed in a PostgreSQL database since it was read.

Every version of a row names the transaction that wrote it (`xmin`). All rows are looked through for those of
transactions that had not ended when the last reading began, so every insertion and edit is seen, whoever made it.
Histories of metrics, mostly the largest table, only matter where curves are wanted.

Rows that are gone leave no trace but that there are fewer than were there and came: then deleted runs are missed
among those that are there, and for deleted tags everything is read anew, as it is where the database is another one
(restored from a dump).
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from forerun.tracking.reading import sql
from forerun.tracking.reading.base import Known, Reading, renamed

if TYPE_CHECKING:
    from forerun.tracking.reading.postgresql import PostgresqlSource

TABLES = {
    "params": "run_uuid",
    "latest_metrics": "run_uuid",
    "inputs": "destination_id",
    "input_tags": "(SELECT destination_id FROM inputs i WHERE i.input_uuid = input_tags.input_uuid)",
}
"""Table to its runs."""
CURVES = {"metrics": "run_uuid"}
"""The same, where curves are wanted."""
COUNTED = {"runs": ("run_uuid",), "tags": ("run_uuid", "key")}
"""Tables whose rows may go one by one, and what a row is known by."""
FAR = 1 << 30
"""Transactions; numbers of rows have 32 bits and start again."""


def state(source: "PostgresqlSource", experiments: Mapping[str, str]) -> dict[str, Any]:
    """Note how the database is now."""
    counts = {table: next(source.rows(f"SELECT count(*) FROM {table}"))[0] for table in COUNTED}  # noqa: S608 - our own names
    return _now(source, experiments) | counts


def _now(source: "PostgresqlSource", experiments: Mapping[str, str]) -> dict[str, Any]:
    identity = (
        "SELECT system_identifier::text, (SELECT oid::bigint FROM pg_database WHERE datname = current_database())"
    )
    ends = (f"pg_snapshot_{each}(pg_current_snapshot())::text::bigint" for each in ("xmin", "xmax"))
    oldest, following = next(source.rows(f"SELECT {', '.join(ends)}"))
    return {
        "database": list(next(source.rows(f"{identity} FROM pg_control_system()"))),
        "experiments": dict(experiments),
        "oldest": oldest,
        "following": following,
    }


def increment(
    source: "PostgresqlSource",
    experiments: Mapping[str, str],
    metrics: Sequence[str],
    known: Known,
    before: Mapping[str, Any],
    *,
    beside: "PostgresqlSource",
) -> Reading | None:
    """Read what is new or changed since `before`; None where that cannot be told.

    `beside` is another connection with the same snapshot, so that two tables are looked through at a time.
    """
    now = _now(source, experiments)
    if now["database"] != before["database"] or renamed(before["experiments"], experiments):
        return None
    if not 0 <= now["following"] - before["oldest"] < FAR:
        return None
    # a number, for PostgreSQL would work it out for every row; frozen rows, too, keep that of their transaction
    since = next(source.rows("SELECT age(?::text::xid)", (str(before["oldest"] % (1 << 32)),)))[0]
    written = f"age(xmin) <= {int(since)}"
    touched: set[str] = set()
    with ThreadPoolExecutor(1) as pool:
        counted = pool.submit(lambda: [_counted(beside, table, written) for table in COUNTED])
        for table, column in (TABLES | (CURVES if metrics else {})).items():
            query = f"SELECT DISTINCT {column} FROM {table} WHERE {written}"  # noqa: S608 - our own names
            touched |= {run for (run,) in source.rows(query) if run}
        (now["runs"], written_runs), (now["tags"], tagged, names) = counted.result()
    if now["tags"] != before["tags"] + len(tagged) - known.tags(tagged, names):
        return None
    touched.update(written_runs, tagged)
    if now["runs"] != before["runs"] + len(written_runs) - len(known.rows(written_runs)):
        touched |= _vanished(source, known)
    runs, gone = sql.increment(source, experiments, metrics, touched)
    return Reading(runs, now, gone)


def _counted(source: "PostgresqlSource", table: str, written: str) -> tuple[Any, ...]:
    """How many rows a table has, and the columns of those that were written, in one look."""
    columns = [f"coalesce(array_agg({each}) FILTER (WHERE {written}), '{{}}')" for each in COUNTED[table]]
    return next(source.rows(f"SELECT count(*), {', '.join(columns)} FROM {table}"))  # noqa: S608 - our own names


def _vanished(source: "PostgresqlSource", known: Known) -> set[str]:
    there = pa.chunked_array([ids for (ids,) in source.stream("runs", ("run_uuid",))], pa.string()).combine_chunks()
    return set(known.table["id"].filter(pc.invert(pc.is_in(known.table["id"], value_set=there))).to_pylist())
