"""Runs become a history again: trials, tasks and search spaces, from the store alone."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from forerun.errors import HistoryError, SpaceError
from forerun.mining.runs import Runs, Texts
from forerun.space import SearchSpace, Subset, Value
from forerun.tracking import names
from forerun.tracking.database import connect, readable
from forerun.tracking.log import METRICS
from forerun.tracking.reading import read
from forerun.tracking.records import all_runs, read_space
from forerun.tracking.store import Store
from forerun.trials import History, Status

ENDED = ("FINISHED", "FAILED")

TASK_FACTS = {
    "family": names.FAMILY,
    "kind": names.KIND,
    "metric": names.METRIC,
    "source": names.SOURCE,
    "digest": names.DIGEST,
}


def mine(store: Store, experiments: Sequence[str]) -> History:
    """Read the trials of some experiments, with their tasks and spaces.

    Deleted runs, running ones and runs of other programs are left out. Where two runs hold the same trial
    the one that finished first counts. Raises StoreError, or HistoryError where a task or space is missing.
    """
    runs = _ended(store, experiments, [names.CURVE])
    keys = runs.tag(names.TRIAL)
    seen: set[Any] = {None}
    first = np.array([i for i, key in enumerate(keys) if not (key in seen or seen.add(key))], dtype=np.int64)  # type: ignore[func-returns-value]
    used = {str(each) for each in runs.tag(names.SPACE)[first]}
    spaces = _spaces(store, used)
    trials = _trials(runs, first, spaces)
    return History(trials, _tasks(store, set(trials["task"])), spaces)


def _ended(store: Store, experiments: Sequence[str], curves: Sequence[str] = ()) -> Runs:
    """Runs that have ended, finished ones before failed ones, then by end; none of experiments that are not there."""
    there = [name for name in experiments if store.find(name) is not None]
    if not there:
        none = np.empty(0, dtype=np.int64)
        return Runs([], [], [], [], none, none, [], curves={name: {} for name in curves})
    runs = read(store.uri, there, curves)
    rows = [row for row, status in enumerate(runs.status) if status in ENDED]
    return runs.take(sorted(rows, key=lambda row: runs.status[row] == "FAILED"))


def fingerprint(store: Store, experiments: Sequence[str]) -> dict[str, dict[str, int]]:
    """Summarise cheaply what `mine` would read; it changes when runs are added, deleted or restored.

    Per experiment (and for the tasks and spaces of its runs): runs that have ended, deleted runs, last end
    (ms since 1970) and the sum of ends. A tag that was edited by hand afterwards goes unnoticed.
    """
    wanted = [*experiments, names.TASKS, names.SPACES]
    places = {name: place for name in wanted if (place := store.find(name)) is not None}
    mined = [places[name] for name in experiments if name in places]
    with store.guard("take the fingerprint of the runs"):
        if database := readable(store.database):
            with closing(connect(database)) as connection:
                counts = {
                    name: _counts_by_sql(connection, place, BY.get(name), mined) for name, place in places.items()
                }
        else:
            counts = _counts_by_interface(store, places, mined)
    fields = ("runs", "deleted", "last_end", "sum_of_ends")
    return {name: dict(zip(fields, found, strict=True)) for name, found in counts.items()}


BY = {names.TASKS: names.TASK, names.SPACES: names.SPACE}
"""The tag that a run of these experiments shares with trials. Those of no mined trial do not count: every
recommendation adds its task."""


def _counts_by_sql(
    connection: sqlite3.Connection, experiment: str, by: str | None, mined: Sequence[str]
) -> tuple[int, ...]:
    places = ", ".join(str(int(each)) for each in mined)
    shared = (
        f"AND run_uuid IN (SELECT run_uuid FROM tags WHERE key = '{by}' AND value IN (SELECT t.value FROM tags t "  # noqa: S608 - constants
        f"JOIN runs r ON r.run_uuid = t.run_uuid WHERE t.key = '{by}' AND r.lifecycle_stage = 'active' "
        f"AND r.experiment_id IN ({places})))"
    )
    found = connection.execute(
        "SELECT sum(active), sum(1 - active), max(active * e), sum(active * e) FROM ("  # noqa: S608 - constants
        "SELECT lifecycle_stage = 'active' AS active, end_time AS e FROM runs "
        f"WHERE status IN ('FINISHED', 'FAILED') AND experiment_id = ? {shared if by else ''})",
        (int(experiment),),
    ).fetchone()
    return tuple(int(value or 0) for value in found)


def _counts_by_interface(store: Store, places: Mapping[str, str], mined: Sequence[str]) -> dict[str, tuple[int, ...]]:
    active = {place: all_runs(store, place) for place in places.values()}
    counts: dict[str, tuple[int, ...]] = {}
    for name, place in places.items():
        by = BY.get(name, "")
        known = {run.data.tags.get(by) for each in mined for run in active[each]}
        ends, deleted = (
            [r.info.end_time for r in runs if r.info.status in ENDED and (not by or r.data.tags.get(by) in known)]
            for runs in (active[place], all_runs(store, place, deleted=True))
        )
        counts[name] = (len(ends), len(deleted), max(ends, default=0), sum(ends))
    return counts


def _trials(runs: Runs, rows: npt.NDArray[np.int64], spaces: dict[str, SearchSpace]) -> pd.DataFrame:
    def tag(name: str) -> list[Any]:
        return list(runs.tag(name)[rows])

    def metric(name: str) -> npt.NDArray[np.float64]:
        return runs.metric(name)[rows]

    params = _joined(runs.params)
    curves = [runs.curves[names.CURVE].get(i, []) for i in rows]
    none = np.full(len(runs), None, dtype=object)
    columns: dict[str, Any] = {
        "trial": tag(names.TRIAL),
        "task": tag(names.TASK),
        "space": tag(names.SPACE),
        "seed": [int(v) for v in params.get(names.SEED, none)[rows]],
        "fidelity": [float(v) for v in params.get(names.FIDELITY, none)[rows]],
        "status": [str(Status.FINISHED if runs.status[i] == "FINISHED" else Status.FAILED) for i in rows],
        "loss": metric(names.LOSS),
        "reason": [reason or "" for reason in tag(names.REASON)],
        **{name: metric(name) for name in METRICS},
        "started": runs.start[rows] / 1000,
        "curve_epoch": [[epoch for epoch, _ in curve] for curve in curves],
        "curve_loss": [[loss for _, loss in curve] for curve in curves],
    }
    for name in _in_order(params.keys() - {names.SEED, names.FIDELITY}, spaces):
        column = _restored(name, params[name][rows], columns["space"], spaces)
        if column is not None:
            columns[f"hp_{name}"] = column
    known = {names.LOSS, names.CURVE, *METRICS}
    columns |= {f"metric_{name}": metric(name) for name in sorted(runs.metrics.keys() - known)}
    hardware = sorted(name for name in runs.tags if name.startswith(names.HARDWARE))
    columns |= {f"hw_{name[len(names.HARDWARE) :]}": [from_fact(v) for v in tag(name)] for name in hardware}
    return pd.DataFrame(columns)


def _restored(name: str, texts: Texts, spaces_of: list[str], spaces: dict[str, SearchSpace]) -> list[Any] | None:
    """Values of one domain, NaN where inactive; None where no trial has any."""
    known: dict[tuple[str, str], Value] = {}
    column: list[Any] = [np.nan] * len(texts)
    for i, (text, space) in enumerate(zip(texts, spaces_of, strict=True)):
        if text is None:
            continue
        if (space, text) not in known:
            known[space, text] = from_text(text, name, spaces[space])
        column[i] = known[space, text]
    return column if known else None


def from_text(text: str, name: str, space: SearchSpace) -> Value:
    """Give a parameter's text the type of its domain. Raises HistoryError where it has none."""
    domain = space.domains.get(name)
    if domain is None:
        raise HistoryError(f"a trial of search space {space.name!r} must have its domains only; got {name!r}")
    try:
        if isinstance(domain, Subset):
            return domain.restore(json.loads(text))
        value = domain.restore(text)
        if isinstance(value, str) and not any(isinstance(v, str) for v in domain.levels(2)):
            # a number between the values of an ordinal domain
            return int(value) if value.lstrip("-").isdigit() else float(value)
    except (ValueError, TypeError) as error:
        raise HistoryError(f"{name} of search space {space.name!r} cannot be {text!r}: {error}") from error
    return value


def from_fact(text: str | None) -> str | float:
    """The inverse of `log.as_fact`; NaN for None."""
    if text is None:
        return float("nan")
    try:
        return float(text)
    except ValueError:
        return str(json.loads(text)) if text.startswith('"') and text.endswith('"') else text


def _joined(params: Mapping[str, Texts]) -> dict[str, Texts]:
    """Append the continuations (name:2, name:3, ...) of long values to their beginnings."""
    found = {name: column for name, column in params.items() if not _part(name)[1]}
    for name in sorted((n for n in params if _part(n)[1]), key=_part):
        base = _part(name)[0]
        pairs = zip(found[base], params[name], strict=True)
        found[base] = np.array([a if b is None else a + b for a, b in pairs], dtype=object)
    return found


def _part(name: str) -> tuple[str, int]:
    base, _, part = name.rpartition(":")
    return (base, int(part)) if base and part.isdigit() else (name, 0)


def _in_order(wanted: set[str], spaces: dict[str, SearchSpace]) -> list[str]:
    order = {name: i for i, name in enumerate(n for s in spaces.values() for n in s.domains)}
    return sorted(wanted, key=lambda name: (order.get(name, len(order)), name))


def _spaces(store: Store, used: set[str]) -> dict[str, SearchSpace]:
    runs = _ended(store, [names.SPACES])
    found: dict[str, SearchSpace] = {}
    for i, name in enumerate(runs.tag(names.SPACE)):
        if name in used and name not in found:
            try:
                found[name] = read_space({k: v[i] for k, v in runs.tags.items() if v[i] is not None})
            except (SpaceError, ValueError) as error:
                raise HistoryError(f"search space {name!r} of {store.label} cannot be read: {error}") from error
    if used - found.keys():
        raise HistoryError(
            f"the search spaces of all trials must be in experiment {names.SPACES!r} of {store.label}; "
            f"missing {sorted(used - found.keys())[:3]}"
        )
    return dict(sorted(found.items()))


def _tasks(store: Store, used: set[str]) -> pd.DataFrame:
    runs = _ended(store, [names.TASKS])
    found = pd.DataFrame({"task": runs.tag(names.TASK)})
    for column, tag in TASK_FACTS.items():
        found[column] = [value or "" for value in runs.tag(tag)]
    features = {n: v for n, v in runs.metrics.items() if n.startswith(names.METAFEATURE)}
    features = {f"mf_{n[len(names.METAFEATURE) :]}": v for n, v in sorted(features.items())}
    found = pd.concat([found, pd.DataFrame(features, index=found.index)], axis=1)
    # the newest facts of a task are those that hold
    found = found[found["task"].isin(used)].drop_duplicates("task", keep="last").set_index("task").sort_index()
    missing = used - set(found.index)
    if missing:
        raise HistoryError(
            f"the tasks of all trials must be in experiment {names.TASKS!r} of {store.label}; "
            f"missing {sorted(missing)[:3]}. Collect on them again to describe them"
        )
    return found
