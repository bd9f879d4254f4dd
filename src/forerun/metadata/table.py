"""A task's training part as arrays, in an order that does not depend on the order of its rows.

Notation: n rows, p numeric columns, q categorical columns, D encoded columns.

Rows are sorted by a hash of their content. Every sample and every fold taken from the front of that order is
as good as random, and yet the same however the rows were shuffled: no seed is needed.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from forerun.space import Floats
from forerun.tasks import Task

Codes = npt.NDArray[np.int64]

MAX_ROWS = 5_000
"""Larger training parts are sampled to this."""
MAX_COLUMNS = 100
"""Of wide data, this many numeric and as many categorical columns are looked at, evenly spread."""
MAX_CATEGORIES = 10
"""Of a categorical column, the most frequent ones are encoded."""
MAX_ENCODED = 100
"""Of all encoded columns, this many are used, evenly spread."""


@dataclass(frozen=True)
class Table:
    """At most MAX_ROWS rows and MAX_COLUMNS columns of each type."""

    numeric: Floats
    """(n, p); NaN where missing; each column divided by its largest magnitude, lest a moment overflow."""
    codes: Codes
    """(n, q) categories as integers from 0; -1 where missing."""
    y: npt.NDArray[np.generic]
    """(n,) class codes, or floats for regression."""
    regression: bool

    @classmethod
    def of(cls, task: Task) -> "Table":
        """Read the training part; the other parts are not looked at."""
        X, y = task.train.X, task.train.y
        categorical = task.categorical
        numeric = _looked_at([c for c in task.columns if c not in categorical])
        categorical = _looked_at(categorical)
        columns = [X[c].to_numpy(dtype=float) for c in numeric] + [X[c].cat.codes.to_numpy() for c in categorical]
        content = pd.util.hash_pandas_object(pd.DataFrame(dict(enumerate([*columns, y]))), index=False)
        order = np.argsort(content.to_numpy(), kind="stable")[:MAX_ROWS]
        sampled = np.array([c[order] for c in columns], dtype=float).reshape(len(columns), len(order)).T
        numbers = np.where(np.isfinite(sampled), sampled, np.nan)[:, : len(numeric)]
        largest = np.nan_to_num(np.abs(numbers)).max(axis=0, initial=0.0)
        codes = sampled[:, len(numeric) :].astype(np.int64)
        return cls(numbers / np.where(largest > 0, largest, 1.0), codes, y[order], task.kind == "regression")

    def __len__(self) -> int:
        return len(self.y)

    @cached_property
    def encoded(self) -> Floats:
        """(n, D) standardised numbers, missing ones at the median, and one-hot categories; constants left out."""
        middle = np.array([np.nanmedian(c) if np.isfinite(c).any() else 0.0 for c in self.numeric.T])
        blocks = [np.where(np.isnan(self.numeric), middle, self.numeric)]
        for code in self.codes.T:
            counts = np.bincount(code[code >= 0], minlength=1)
            # stable: ties go to the category that sorts first
            frequent = np.argsort(-counts, kind="stable")[:MAX_CATEGORIES]
            blocks.append((code[:, None] == frequent).astype(float))
        Z = np.concatenate(blocks, axis=1)
        Z = Z[:, spread(Z.shape[1], MAX_ENCODED)]
        Z = Z - Z.mean(axis=0)
        std = Z.std(axis=0)
        varies = std > 1e-12
        return np.asarray(Z[:, varies] / std[varies])

    @cached_property
    def strata(self) -> Codes:
        """(n,) classes, or fifths of a regression's target, numbered from 0."""
        if not self.regression:
            return ranked(self.y)
        return bins(np.asarray(self.y, dtype=float), 5)

    def head(self, rows: int) -> "Table":
        """The first rows, which are a random sample."""
        return Table(self.numeric[:rows], self.codes[:rows], self.y[:rows], self.regression)


def bins(values: Floats, count: int) -> Codes:
    """Cut values (n,) into at most count equally frequent bins; few distinct values and NaN are bins of their own."""
    known = np.isfinite(values)
    distinct = np.unique(values[known])
    edges = distinct[1:]
    if len(distinct) > count:
        edges = np.unique(np.quantile(values[known], np.arange(1, count) / count))
    codes = np.searchsorted(edges, np.where(known, values, 0.0), side="right").astype(np.int64)
    codes[~known] = len(edges) + 1
    return ranked(codes)


def ranked(values: npt.NDArray[np.generic]) -> Codes:
    """Number the distinct values from 0, in their order."""
    return np.asarray(np.unique(values, return_inverse=True)[1], dtype=np.int64)


def spread(width: int, most: int) -> Codes:
    """Positions of at most `most` of so many columns, evenly spread."""
    return np.linspace(0, width - 1, min(width, most)).round().astype(np.int64)


def _looked_at(names: list[str]) -> list[str]:
    return [names[i] for i in spread(len(names), MAX_COLUMNS)]
