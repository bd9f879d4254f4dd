"""Runs as columns: what every reader of a store fills, and all understanding starts from.

Texts stay as they were logged; what they mean is settled later. Many cells hold the same text, and share
one object: a cell costs eight bytes.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Generic, Self, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Texts = npt.NDArray[np.object_]
"""(n,) of str, or None where a run has no such entry."""
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Curve = list[tuple[int, float]]
"""(step, value) pairs by step, then by the time they were logged; a step may recur."""
SPARSE = 8
"""A name that fewer than one run in so many has is kept as its cells, not as a column."""

Kind = TypeVar("Kind", np.object_, np.float64)


class Columns(Mapping[str, npt.NDArray[Kind]], Generic[Kind]):
    """Name to column (n,), in the order of names; None or NaN where there is nothing.

    Columns of names that few runs have are made when asked for: one run with 10,000 parameters among
    200,000 runs would otherwise take 16 GB.
    """

    def __init__(self, n: int, cells: Mapping[str, tuple[Integers | None, npt.NDArray[Kind]]]) -> None:
        """`cells` are the rows that have a value, and the values; None for a whole column (n,)."""
        self.n = n
        self._cells: dict[str, tuple[Integers | None, npt.NDArray[Kind]]] = {}
        for name in sorted(cells):
            rows, values = cells[name]
            if rows is None:
                self._cells[name] = None, values
                continue
            sparse = len(rows) * SPARSE < n
            self._cells[name] = (rows, values) if sparse else (None, self._column(rows, values))

    def _column(self, rows: Integers, values: npt.NDArray[Kind]) -> npt.NDArray[Kind]:
        column = np.full(self.n, None if values.dtype == object else np.nan, dtype=values.dtype)
        column[rows] = values
        return column

    def __getitem__(self, name: str) -> npt.NDArray[Kind]:
        rows, values = self._cells[name]
        return values if rows is None else self._column(rows, values)

    def __iter__(self) -> Iterator[str]:
        return iter(self._cells)

    def __len__(self) -> int:
        return len(self._cells)

    def kept(self, name: str) -> tuple[Integers, npt.NDArray[Kind]] | None:
        """Rows and values where only cells are kept; None where the column is."""
        rows, values = self._cells[name]
        return None if rows is None else (rows, values)


@dataclass(frozen=True)
class Coded:
    """A column of texts (n,) as a file keeps it. Objects are made when they are asked for: they cost the most."""

    texts: pa.ChunkedArray
    """(d,) strings; those that recur mostly stand there once, and some may be no run's."""
    codes: Integers
    """(n,) which of the texts a run has; -1 where it has none."""

    @cached_property
    def column(self) -> Texts:
        """The texts of all runs (n,)."""
        made = self.texts.to_numpy(zero_copy_only=False)
        found: Texts = np.concatenate([made, np.array([None])])[self.codes]
        return found


class CodedColumns(Columns[np.object_]):
    """Columns of texts, most of them as a file keeps them."""

    def __init__(
        self, n: int, cells: Mapping[str, tuple[Integers | None, Texts]], coded: Mapping[str, Coded] | None = None
    ) -> None:
        """`cells` are as of `Columns`; no name is in both."""
        super().__init__(n, cells)
        self.coded = dict(coded or {})
        self._names = sorted({*self._cells, *self.coded})

    def __getitem__(self, name: str) -> Texts:
        return self.coded[name].column if name in self.coded else super().__getitem__(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def kept(self, name: str) -> tuple[Integers, Texts] | None:
        """Rows and values where only cells are kept; None where the column is."""
        return None if name in self.coded else super().kept(name)


def coded(columns: Mapping[str, Texts], name: str) -> Coded | None:
    """A column as a file keeps it; None where there are only its objects."""
    return columns.coded.get(name) if isinstance(columns, CodedColumns) else None


def rows_of(columns: Mapping[str, Texts], name: str) -> Integers:
    """The rows of a column that hold something, ascending."""
    found = coded(columns, name)
    return cells(columns, name)[0] if found is None else np.flatnonzero(found.codes >= 0)


def cells(columns: Mapping[str, npt.NDArray[Kind]], name: str) -> tuple[Integers, npt.NDArray[Kind]]:
    """The rows of a column that hold something, ascending, and what they hold; NaN is nothing."""
    if isinstance(columns, Columns) and (kept := columns.kept(name)) is not None:
        rows, values = kept
        at, found = _filled(values)
        return rows[at], found
    return _filled(columns[name])


def _filled(column: npt.NDArray[Kind]) -> tuple[Integers, npt.NDArray[Kind]]:
    given = column != np.array([None], dtype=object) if column.dtype == object else column == column  # noqa: PLR0124 - not NaN
    rows = np.flatnonzero(given)
    return rows, column[rows]


def _taken(columns: Mapping[str, npt.NDArray[Kind]], chosen: Integers, always: Iterable[str] = ()) -> Columns[Kind]:
    """The cells of some rows; names without any drop out, but for those of `always`."""
    found = {name: _filled(columns[name][chosen]) for name in columns}
    return Columns(len(chosen), {k: (rows, v) for k, (rows, v) in found.items() if len(rows) or k in always})


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set that was logged as a run's input: texts as MLflow holds them, "" where there is none."""

    name: str
    digest: str
    source: str
    """JSON, mostly; its form depends on the program that logged it."""
    schema: str
    """JSON of the columns and their types."""
    profile: str
    """JSON of sizes and the like."""
    context: str
    """What it was used for: "training", "eval", ..."""


@dataclass(frozen=True)
class Runs:
    """n undeleted runs as columns, by end, then by id; those that have not ended come last.

    Names of parameters, tags and metrics are those of all runs together, sorted; each has a value somewhere.
    """

    ids: list[str]
    experiment: list[str]
    """Names of experiments, one a run."""
    name: list[str]
    status: list[str]
    """RUNNING, SCHEDULED, FINISHED, FAILED or KILLED."""
    start: Integers
    """(n,), milliseconds since 1970; 0 where unknown."""
    end: Integers
    """(n,), milliseconds since 1970; 0 where a run has not ended."""
    user: list[str]
    params: Mapping[str, Texts] = field(default_factory=dict)
    tags: Mapping[str, Texts] = field(default_factory=dict)
    metrics: Mapping[str, Floats] = field(default_factory=dict)
    """Last values (n,): NaN where a run has none, and where the value is NaN."""
    logged_nan: dict[str, Integers] = field(default_factory=dict)
    """Metric to the rows, ascending, whose value is a NaN that was logged; only metrics that have such rows."""
    curves: dict[str, dict[int, Curve]] = field(default_factory=dict)
    """Metric to row to all that was logged; every metric asked for is a key."""
    inputs: dict[int, list[DataSet]] = field(default_factory=dict)
    """Row to the run's data sets, sorted by their fields; rows without any are absent."""

    def __post_init__(self) -> None:
        lists = (self.ids, self.experiment, self.name, self.status, self.user)
        lengths = {len(column) for column in lists} | {len(self.start), len(self.end)}
        for columns in (self.params, self.tags, self.metrics):
            lengths |= {columns.n} if isinstance(columns, Columns) else {len(column) for column in columns.values()}
        if len(lengths) > 1:
            raise ValueError(f"all columns of runs must be of one length; got {sorted(lengths)}")

    def __len__(self) -> int:
        return len(self.ids)

    def param(self, name: str) -> Texts:
        """Texts of a parameter (n,); all None where no run has it."""
        return self.params.get(name, np.full(len(self), None, dtype=object))

    def tag(self, name: str) -> Texts:
        """Texts of a tag (n,); all None where no run has it."""
        return self.tags.get(name, np.full(len(self), None, dtype=object))

    def metric(self, name: str) -> Floats:
        """Last values of a metric (n,); all NaN where no run has it."""
        return self.metrics.get(name, np.full(len(self), np.nan))

    def take(self, rows: npt.ArrayLike) -> Self:
        """The runs of some rows (m,), in the order given; names that none of them has drop out."""
        chosen = np.asarray(rows, dtype=np.int64)
        place = {int(row): i for i, row in enumerate(chosen)}

        def pick(column: list[str]) -> list[str]:
            return [column[row] for row in chosen]

        nan = {k: sorted(place[row] for row in v.tolist() if row in place) for k, v in self.logged_nan.items()}
        nan = {k: v for k, v in nan.items() if v}
        return type(self)(
            ids=pick(self.ids),
            experiment=pick(self.experiment),
            name=pick(self.name),
            status=pick(self.status),
            start=self.start[chosen],
            end=self.end[chosen],
            user=pick(self.user),
            params=_taken(self.params, chosen),
            tags=_taken(self.tags, chosen),
            metrics=_taken(self.metrics, chosen, nan),
            logged_nan={k: np.array(v, dtype=np.int64) for k, v in nan.items()},
            curves={k: {place[r]: c for r, c in v.items() if r in place} for k, v in self.curves.items()},
            inputs={place[row]: found for row, found in self.inputs.items() if row in place},
        )
