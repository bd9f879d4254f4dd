"""Runs as columns, by two routes that must agree: our own SQL, and MLflow's interface.

The interface takes 30 times as long and as much memory, but it works with every store; the SQL reads a
SQLite database whose schema we know (`database.REVISIONS`), in one transaction.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
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
        chosen = (
            "FROM runs WHERE lifecycle_stage = 'active' AND status IN ('FINISHED', 'FAILED') "
            f"AND experiment_id IN ({', '.join(str(int(each)) for each in experiments)})"
        )
        runs = connection.execute(
            f"SELECT run_uuid, status, start_time {chosen} ORDER BY status = 'FAILED', end_time, run_uuid"
        ).fetchall()
        found = _frame(runs)
        rows = {run: i for i, run in enumerate(found.ids)}

        def cells(table: str, value: str, only: str = "") -> sqlite3.Cursor:
            # by run, as a run's rows lie together in the file: column by column costs three times as much
            return connection.execute(
                f"SELECT run_uuid, {value} FROM {table} WHERE run_uuid IN (SELECT run_uuid {chosen}) {only}"  # noqa: S608 - constants
            )

        number = "CASE WHEN is_nan THEN NULL ELSE value END"
        _place(found.params, cells("params", "key, value"), rows)
        _place(found.tags, cells("tags", "key, value"), rows)
        _place_numbers(found.metrics, cells("latest_metrics", f"key, {number}"), rows)
        points = cells("metrics", f"step, {number}", f"AND key = '{names.CURVE}' ORDER BY step, timestamp")
        for run, step, value in points:
            found.curves.setdefault(rows[run], []).append((step, _number(value)))
    return found


def read_by_interface(store: Store, experiments: Sequence[str]) -> Columns:
    """Read through MLflow's client, paged to the end; curves in a request each; experiments are ids."""
    runs = [run for each in experiments for run in all_runs(store, each) if run.info.status in ENDED]
    runs.sort(key=lambda run: (run.info.status == "FAILED", run.info.end_time, run.info.run_id))
    found = _frame([(run.info.run_id, run.info.status, run.info.start_time) for run in runs])
    rows = {run: i for i, run in enumerate(found.ids)}
    for kind, target in (("params", found.params), ("tags", found.tags)):
        _place(target, _cells(runs, kind), rows)
    _place_numbers(found.metrics, _cells(runs, "metrics"), rows)

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


def _cells(runs: Iterable[Run], kind: str) -> Iterator[tuple[str, str, Any]]:
    for run in runs:
        for name, value in getattr(run.data, kind).items():
            yield run.info.run_id, name, value


def _place(
    target: dict[str, npt.NDArray[np.object_]], cells: Iterable[tuple[str, str, str]], rows: dict[str, int]
) -> None:
    shared: dict[str, str] = {}  # most values repeat: keep one copy
    for run, name, value in cells:
        if name not in target:
            target[name] = np.full(len(rows), None, dtype=object)
        target[name][rows[run]] = shared.setdefault(value, value)


def _place_numbers(
    target: dict[str, npt.NDArray[np.float64]], cells: Iterable[tuple[str, str, float | None]], rows: dict[str, int]
) -> None:
    for run, name, value in cells:
        if name not in target:
            target[name] = np.full(len(rows), np.nan)
        target[name][rows[run]] = _number(value)


def _number(value: float | None) -> float:
    if value is None:
        return float("nan")
    return float("inf") if value >= HUGE else float("-inf") if value <= -HUGE else float(value)
