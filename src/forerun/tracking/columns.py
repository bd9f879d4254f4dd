"""Runs as columns, by two routes that must agree: our own SQL, and MLflow's interface.

The interface takes 30 times as long and as much memory, but it works with every store; the SQL reads a
SQLite database whose schema we know (`database.REVISIONS`), in one transaction.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from mlflow.entities import Run

from forerun.tracking import names
from forerun.tracking.database import connect, readable
from forerun.tracking.records import all_runs
from forerun.tracking.store import Store

HUGE = 1.7976931348623157e308
"""What MLflow stores for infinity."""
ENDED = ("FINISHED", "FAILED")

Curve = list[tuple[int, float]]


@dataclass(frozen=True)
class Columns:
    """n runs that have ended (finished ones before failed ones, then by end), as columns."""

    ids: list[str]
    status: list[str]
    start: npt.NDArray[np.int64]
    """(n,), milliseconds since 1970."""
    params: dict[str, npt.NDArray[np.object_]] = field(default_factory=dict)
    """Name to texts (n,); None where a run has no such parameter."""
    tags: dict[str, npt.NDArray[np.object_]] = field(default_factory=dict)
    metrics: dict[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    """Name to last values (n,); NaN where a run has no such metric."""
    curves: dict[int, Curve] = field(default_factory=dict)
    """Row to (epoch, loss) pairs, by epoch."""


def read_columns(store: Store, experiments: Sequence[str]) -> Columns:
    """Read the ended, undeleted runs of some experiments (names; one that does not exist has no runs)."""
    ids = [found for name in experiments if (found := store.find(name)) is not None]
    with store.guard(f"read the runs of {', '.join(experiments)}"):
        database = readable(store.database)
        return read_by_sql(database, ids) if database else read_by_interface(store, ids)


def read_by_sql(database: Path, experiments: Sequence[str]) -> Columns:
    """Read through one read-only connection; experiments are ids."""
    with closing(connect(database)) as connection:
        connection.execute("BEGIN")  # one snapshot, though others write meanwhile
        marks = ",".join("?" * len(experiments))
        runs = connection.execute(
            "SELECT run_uuid, status, start_time FROM runs WHERE lifecycle_stage = 'active' "  # noqa: S608 - marks only
            f"AND status IN ('FINISHED', 'FAILED') AND experiment_id IN ({marks}) "
            "ORDER BY status = 'FAILED', end_time, run_uuid",
            [int(each) for each in experiments],
        ).fetchall()
        found = _frame(runs)
        rows = {run: i for i, run in enumerate(found.ids)}
        for table, target in (("params", found.params), ("tags", found.tags)):
            for name in _keys(connection, table):
                pairs = connection.execute(f"SELECT run_uuid, value FROM {table} WHERE key = ?", (name,))  # noqa: S608 - a constant
                _place(target, name, pairs, rows)
        for name in _keys(connection, "latest_metrics"):
            values = connection.execute(
                "SELECT run_uuid, CASE WHEN is_nan THEN NULL ELSE value END FROM latest_metrics WHERE key = ?", (name,)
            )
            _place_numbers(found.metrics, name, values, rows)
        points = connection.execute(
            "SELECT run_uuid, step, CASE WHEN is_nan THEN NULL ELSE value END FROM metrics WHERE key = ? "
            "ORDER BY step, timestamp",
            (names.CURVE,),
        )
        for run, step, value in points:
            if (row := rows.get(run)) is not None:
                found.curves.setdefault(row, []).append((step, _number(value)))
    return found


def read_by_interface(store: Store, experiments: Sequence[str]) -> Columns:
    """Read through MLflow's client, paged to the end; curves in a request each; experiments are ids."""
    runs = [run for each in experiments for run in all_runs(store, each) if run.info.status in ENDED]
    runs.sort(key=lambda run: (run.info.status == "FAILED", run.info.end_time, run.info.run_id))
    found = _frame([(run.info.run_id, run.info.status, run.info.start_time) for run in runs])
    rows = {run: i for i, run in enumerate(found.ids)}
    for kind, target in (("params", found.params), ("tags", found.tags)):
        for name, pairs in _by_name(runs, kind).items():
            _place(target, name, pairs, rows)
    for name, pairs in _by_name(runs, "metrics").items():
        _place_numbers(found.metrics, name, pairs, rows)

    def curve(run: Run) -> Curve:
        history = store.client.get_metric_history(run.info.run_id, names.CURVE)
        return [(m.step, _number(m.value)) for m in sorted(history, key=lambda m: (m.step, m.timestamp))]

    with_curve = [run for run in runs if names.CURVE in run.data.metrics]
    with ThreadPoolExecutor(4 if store.database is None else 1) as pool:
        for run, points in zip(with_curve, pool.map(curve, with_curve), strict=True):
            found.curves[rows[run.info.run_id]] = points
    return found


def _frame(runs: Sequence[tuple[str, str, int]]) -> Columns:
    return Columns([r[0] for r in runs], [r[1] for r in runs], np.array([r[2] for r in runs], dtype=np.int64))


def _keys(connection: sqlite3.Connection, table: str) -> list[str]:
    """Distinct keys by jumping from one to the next in the primary key: SELECT DISTINCT would read it all."""
    jumps = (
        f"WITH RECURSIVE k(key) AS (SELECT min(key) FROM {table} UNION ALL "  # noqa: S608 - a constant
        f"SELECT (SELECT min(key) FROM {table} WHERE key > k.key) FROM k WHERE k.key IS NOT NULL) "
        "SELECT key FROM k WHERE key IS NOT NULL"
    )
    return [key for (key,) in connection.execute(jumps)]


def _by_name(runs: Iterable[Run], kind: str) -> dict[str, list[tuple[str, Any]]]:
    found: dict[str, list[tuple[str, Any]]] = {}
    for run in runs:
        for name, value in getattr(run.data, kind).items():
            found.setdefault(name, []).append((run.info.run_id, value))
    return dict(sorted(found.items()))


def _place(
    target: dict[str, npt.NDArray[np.object_]], name: str, pairs: Iterable[tuple[str, str]], rows: dict[str, int]
) -> None:
    column = np.full(len(rows), None, dtype=object)
    shared: dict[str, str] = {}  # most values repeat: keep one copy
    used = False
    for run, value in pairs:
        if (row := rows.get(run)) is not None:
            column[row] = shared.setdefault(value, value)
            used = True
    if used:
        target[name] = column


def _place_numbers(
    target: dict[str, npt.NDArray[np.float64]],
    name: str,
    pairs: Iterable[tuple[str, float | None]],
    rows: dict[str, int],
) -> None:
    column = np.full(len(rows), np.nan)
    used = False
    for run, value in pairs:
        if (row := rows.get(run)) is not None:
            column[row] = _number(value)
            used = True
    if used:
        target[name] = column


def _number(value: float | None) -> float:
    if value is None:
        return float("nan")
    return float("inf") if value >= HUGE else float("-inf") if value <= -HUGE else float(value)
