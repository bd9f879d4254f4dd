"""What a reader of a store is, and how what it read becomes `Runs`."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forerun.errors import StoreError
from forerun.mining.runs import Columns, Curve, DataSet, Runs

CONTEXT = "mlflow.data.context"
"""The tag of an input that says what the data set was used for."""
NAME = "mlflow.runName"
HUGE = 1.7976931348623157e308
"""What MLflow's databases store for infinity."""


@dataclass(frozen=True)
class Reading:
    """What was read at one time: everything, or what is new since an earlier reading."""

    runs: Runs
    """All runs, or those that are new or changed."""
    state: dict[str, Any]
    """What the next increment starts from; JSON."""
    gone: frozenset[str] = frozenset()
    """Ids of known runs that were deleted, or left the experiments; empty where everything was read."""


class Reader(ABC):
    """Reads runs from one store, and never writes to it. Every reader gives equal runs for the same store.

    Raises StoreError: the store cannot be reached or is not MLflow's, or an experiment does not exist.
    """

    @abstractmethod
    def read(self, experiments: Sequence[str] | None, metrics: Sequence[str], *, resumable: bool = False) -> Reading:
        """Read all undeleted runs of some experiments (names; None: all that are not deleted).

        `metrics` names those whose curves are wanted; `resumable`, whether an increment will follow: only then
        is there a state.
        """

    @abstractmethod
    def increment(
        self, experiments: Sequence[str] | None, metrics: Sequence[str], known: "Known", state: Mapping[str, Any]
    ) -> Reading | None:
        """Read what is new or changed since `known`; None where that cannot be told and all must be read."""


@dataclass(frozen=True)
class Known:
    """Runs that were read earlier."""

    load: Callable[[], pa.Table]

    @cached_property
    def table(self) -> pa.Table:
        """One row a run: see `packing`."""
        return self.load()

    @cached_property
    def status(self) -> dict[str, str]:
        """Id to status."""
        return dict(zip(self.table["id"].to_pylist(), self.table["status"].to_pylist(), strict=True))

    def rows(self, runs: Iterable[str]) -> dict[str, int]:
        """Those of some runs that are known, and their rows."""
        found = pc.indices_nonzero(pc.is_in(self.table["id"], value_set=pa.array(sorted(set(runs)), pa.string())))
        return dict(zip(self.table["id"].take(found).to_pylist(), found.to_pylist(), strict=True))

    def tags(self, runs: Sequence[str], names: Sequence[str]) -> int:
        """How many of some tags, each of a run, were there."""
        rows = self.rows(runs)
        return sum(run in rows and self._has_tag(rows[run], name) for run, name in zip(runs, names, strict=True))

    def _has_tag(self, row: int, name: str) -> bool:
        if f"t:{name}" in self.table.column_names and self.table[f"t:{name}"][row].is_valid:
            return True
        return any(each["name"] == name for each in self.table["few:t"][row].as_py() or ())


@dataclass
class Logged:
    """One run, as a reader met it."""

    id: str
    experiment: str
    name: str
    status: str
    start: int
    end: int
    user: str
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    inputs: list[DataSet] = field(default_factory=list)
    curves: dict[str, Curve] = field(default_factory=dict)


def hide(text: str) -> str:
    """Blot out the credentials of URIs in a text."""
    return re.sub(r"://[^/@\s]+@", "://***@", text)


@contextmanager
def explained(uri: str, *kinds: type[Exception]) -> Iterator[None]:
    """Turn some kinds of exception into a StoreError that says what to do."""
    try:
        yield
    except kinds as error:
        from forerun.tracking.store import advise  # brings MLflow: a second that only errors cost

        raise StoreError(f"cannot read the runs of {hide(uri)}: {advise(error)}") from error


def together(found: Iterable[Logged], metrics: Sequence[str]) -> Runs:
    """Make columns of runs that were read one by one; `metrics` names the curves."""
    runs = sorted(found, key=lambda run: (run.end or np.inf, run.id))
    shared: dict[str, str] = {}  # most texts repeat: keep one copy

    def texts(kind: str) -> Columns[np.object_]:
        cells: dict[str, tuple[list[int], list[str]]] = {}
        for row, run in enumerate(runs):
            for name, value in getattr(run, kind).items():
                rows, values = cells.setdefault(name, ([], []))
                rows.append(row)
                values.append(shared.setdefault(value, value))
        return Columns(
            len(runs), {k: (np.array(r, np.int64), np.array(v, dtype=object)) for k, (r, v) in cells.items()}
        )

    numbers: dict[str, tuple[list[int], list[float]]] = {}
    for row, run in enumerate(runs):
        for name, value in run.metrics.items():
            rows, values = numbers.setdefault(name, ([], []))
            rows.append(row)
            values.append(number(value))
    cells = {k: (np.array(r, np.int64), np.array(v, dtype=np.float64)) for k, (r, v) in numbers.items()}
    nan = {k: r[np.isnan(v)] for k, (r, v) in sorted(cells.items())}
    return Runs(
        ids=[run.id for run in runs],
        experiment=[run.experiment for run in runs],
        name=[run.name for run in runs],
        status=[run.status for run in runs],
        start=np.array([run.start for run in runs], dtype=np.int64),
        end=np.array([run.end for run in runs], dtype=np.int64),
        user=[run.user for run in runs],
        params=texts("params"),
        tags=texts("tags"),
        metrics=Columns(len(runs), cells),
        logged_nan={k: r for k, r in nan.items() if len(r)},
        curves={name: {i: run.curves[name] for i, run in enumerate(runs) if name in run.curves} for name in metrics},
        inputs={i: in_order(run.inputs) for i, run in enumerate(runs) if run.inputs},
    )


def number(value: float) -> float:
    """A metric's value; infinity again where a database could not hold it."""
    return float("inf") if value >= HUGE else float("-inf") if value <= -HUGE else float(value)


def curve(points: Iterable[tuple[int, int, float]]) -> Curve:
    """Put (step, timestamp, value) points in order; of equal ones NaN is the last."""
    ordered = sorted(points, key=lambda point: (point[0], point[1], np.isnan(point[2]), point[2]))
    return [(step, number(value)) for step, _, value in ordered]


def in_order(inputs: Iterable[DataSet]) -> list[DataSet]:
    """Data sets of a run, sorted by their fields."""
    return sorted(inputs, key=lambda each: (each.name, each.digest, each.context, each.source))


def chosen(known: Mapping[str, str], wanted: Sequence[str] | None, label: str) -> dict[str, str]:
    """Pick experiments: id to name, of those in `known` (id to name). Raises StoreError for unknown names."""
    if wanted is None:
        return dict(known)
    missing = sorted(set(wanted) - set(known.values()))
    if missing:
        some = ", ".join(repr(name) for name in sorted(known.values())[:5]) or "none"
        raise StoreError(
            f"the experiments to read must be in {label} and not deleted; {missing[0]!r} is not. "
            f"It has {len(known)}: {some}{', ...' if len(known) > 5 else ''}"
        )
    return {identity: name for identity, name in known.items() if name in set(wanted)}


def renamed(before: Mapping[str, str], now: Mapping[str, str]) -> bool:
    """Whether an experiment (id to name) has another name than before."""
    return any(now.get(identity, name) != name for identity, name in before.items())
