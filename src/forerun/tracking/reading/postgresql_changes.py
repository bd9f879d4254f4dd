"""What has changed in a PostgreSQL database since it was read.

Every version of a row names the transaction that wrote it (`xmin`). All rows are looked through for those of
transactions that had not ended when the last reading began, so every insertion and edit is seen, whoever made it.
Rows that are gone leave no trace: deleted runs are missed among those that are there, and deleted tags by their
number; then everything is read anew, as it is where the database is another one (restored from a dump).
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from forerun.tracking.reading import sql
from forerun.tracking.reading.base import Known, Reading, renamed

if TYPE_CHECKING:
    from forerun.tracking.reading.postgresql import PostgresqlSource

TABLES = {
    "runs": "run_uuid",
    "params": "run_uuid",
    "tags": "run_uuid",
    "metrics": "run_uuid",
    "latest_metrics": "run_uuid",
    "inputs": "destination_id",
    "input_tags": "(SELECT destination_id FROM inputs i WHERE i.input_uuid = input_tags.input_uuid)",
}
"""Table to its runs."""
FAR = 1 << 30
"""Transactions; numbers of rows have 32 bits and start again."""


def state(source: "PostgresqlSource", experiments: Mapping[str, str]) -> dict[str, Any]:
    """Note how the database is now."""
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
        "tags": next(source.rows("SELECT count(*) FROM tags"))[0],
    }


def increment(
    source: "PostgresqlSource",
    experiments: Mapping[str, str],
    metrics: Sequence[str],
    known: Known,
    before: Mapping[str, Any],
) -> Reading | None:
    """Read what is new or changed since `before`; None where that cannot be told."""
    now = state(source, experiments)
    if now["database"] != before["database"] or renamed(before["experiments"], experiments):
        return None
    if not 0 <= now["following"] - before["oldest"] < FAR:
        return None
    since = str(before["oldest"] % (1 << 32))
    written = "age(xmin) <= age(?::text::xid)"  # frozen rows, too: they keep their number
    touched: set[str] = set()
    for table, column in TABLES.items():
        query = f"SELECT DISTINCT {column} FROM {table} WHERE {written}"  # noqa: S608 - our own names
        touched |= {run for (run,) in source.rows(query, (since,)) if run}
    tags = source.rows(f"SELECT run_uuid, key FROM tags WHERE {written}", (since,))  # noqa: S608 - our own names
    if now["tags"] != before["tags"] + sum(not known.has_tag(run, key) for run, key in tags):
        return None
    there = pa.chunked_array([ids for (ids,) in source.stream("runs", ("run_uuid",))], pa.string()).combine_chunks()
    vanished = known.table["id"].filter(pc.invert(pc.is_in(known.table["id"], value_set=there)))
    runs, gone = sql.increment(source, experiments, metrics, touched | set(vanished.to_pylist()))
    return Reading(runs, now, gone)
