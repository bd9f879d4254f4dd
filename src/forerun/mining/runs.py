"""Runs as columns: what every reader of a store fills, and all understanding starts from.

Texts stay as they were logged; what they mean is settled later. Many cells hold the same text, and share
one object: a cell costs eight bytes.
"""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
import numpy.typing as npt

Texts = npt.NDArray[np.object_]
"""(n,) of str, or None where a run has no such entry."""
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Curve = list[tuple[int, float]]
"""(step, value) pairs by step, then by the time they were logged; a step may recur."""


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
    params: dict[str, Texts] = field(default_factory=dict)
    tags: dict[str, Texts] = field(default_factory=dict)
    metrics: dict[str, Floats] = field(default_factory=dict)
    """Last values (n,): NaN where a run has none, and where the value is NaN."""
    logged_nan: dict[str, Integers] = field(default_factory=dict)
    """Metric to the rows, ascending, whose value is a NaN that was logged; only metrics that have such rows."""
    curves: dict[str, dict[int, Curve]] = field(default_factory=dict)
    """Metric to row to all that was logged; every metric asked for is a key."""
    inputs: dict[int, list[DataSet]] = field(default_factory=dict)
    """Row to the run's data sets, sorted by their fields; rows without any are absent."""

    def __post_init__(self) -> None:
        lists = (self.ids, self.experiment, self.name, self.status, self.user)
        arrays = (self.start, self.end, *self.params.values(), *self.tags.values(), *self.metrics.values())
        lengths = {len(column) for column in lists} | {len(column) for column in arrays}
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

        def texts(columns: dict[str, Texts]) -> dict[str, Texts]:
            parts = {name: column[chosen] for name, column in columns.items()}
            return {name: part for name, part in parts.items() if any(text is not None for text in part)}

        nan = {k: sorted(place[row] for row in v.tolist() if row in place) for k, v in self.logged_nan.items()}
        nan = {k: v for k, v in nan.items() if v}
        metrics = {k: v[chosen] for k, v in self.metrics.items()}
        return type(self)(
            ids=pick(self.ids),
            experiment=pick(self.experiment),
            name=pick(self.name),
            status=pick(self.status),
            start=self.start[chosen],
            end=self.end[chosen],
            user=pick(self.user),
            params=texts(self.params),
            tags=texts(self.tags),
            metrics={k: v for k, v in metrics.items() if k in nan or not np.isnan(v).all()},
            logged_nan={k: np.array(v, dtype=np.int64) for k, v in nan.items()},
            curves={k: {place[r]: c for r, c in v.items() if r in place} for k, v in self.curves.items()},
            inputs={place[row]: found for row, found in self.inputs.items() if row in place},
        )
