"""Task features: raw meta-features and hardware facts made comparable, for old tasks and new ones alike.

A column is taken to its logarithm where it is heavy-tailed, then centred by its median, divided by a
robust spread and cut at +-CUT. A missing value becomes 0, the median. Columns that say nothing about the
tasks at hand (constant, or never known) are left out.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from forerun.errors import FormatError
from forerun.space import Floats

CUT = 3.0
"""A new task may lie far outside; a linear model must not follow it there."""
HEAVY = 2.0
"""Skewness from which a column is taken to its logarithm."""


@dataclass(frozen=True)
class Column:
    """How one feature is standardised."""

    name: str
    """'mf_...' or 'hw_...'."""
    log: bool
    """Whether x becomes sign(x) log(1 + |x|) first."""
    center: float
    spread: float
    """Positive."""

    def apply(self, values: Floats) -> Floats:
        """Standardise raw values of any shape; NaN becomes 0."""
        x = _logarithm(values) if self.log else values
        return np.nan_to_num(np.clip((x - self.center) / self.spread, -CUT, CUT))


@dataclass(frozen=True)
class FeatureScaler:
    """Makes a task's row of features; small, and saved with the meta-dataset and with every meta-learner."""

    columns: tuple[Column, ...]

    @property
    def names(self) -> list[str]:
        """The m features, in order."""
        return [c.name for c in self.columns]

    @classmethod
    def fit(cls, raw: pd.DataFrame) -> Self:
        """Learn from the raw features of T tasks, one row each; NaN where unknown."""
        found = (_fit_column(str(name), raw[name].to_numpy(dtype=float)) for name in raw.columns)
        return cls(tuple(column for column in found if column is not None))

    def apply(self, raw: pd.DataFrame) -> Floats:
        """Standardise the raw features of many tasks, (T, m)."""
        known = raw.reindex(columns=self.names).to_numpy(dtype=float)
        rows = np.zeros((len(raw), len(self.columns)))
        for i, column in enumerate(self.columns):
            rows[:, i] = column.apply(known[:, i])
        return rows

    def transform(self, metafeatures: Mapping[str, float], hardware: Mapping[str, object] | None = None) -> Floats:
        """Make the row (m,) of a new task: meta-features without their prefix, hardware facts as in a trial."""
        from forerun.metadata.hardware import hardware_features

        raw = {f"mf_{k}": v for k, v in metafeatures.items()}
        raw |= {f"hw_{k}": v for k, v in hardware_features(hardware or {}).items()}
        row: Floats = self.apply(pd.DataFrame([raw]))[0]
        return row

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {"columns": [asdict(c) for c in self.columns]}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        try:
            return cls(tuple(Column(**c) for c in raw["columns"]))
        except (KeyError, TypeError) as error:
            raise FormatError(f"a feature scaler must have columns of name, log, center, spread; got {raw}") from error


def _logarithm(x: Floats) -> Floats:
    return np.asarray(np.sign(x) * np.log1p(np.abs(x)))


def _fit_column(name: str, values: Floats) -> Column | None:
    known = values[np.isfinite(values)]
    if not len(known):
        return None
    log = _skewness(known) > HEAVY > _skewness(_logarithm(known))
    x = _logarithm(known) if log else known
    low, center, high = np.quantile(x, [0.25, 0.5, 0.75])
    noise = 1e-9 * max(float(np.abs(x).max()), 1e-300)
    # a rare class (is_regression) has no quartile range; its standard deviation still says what it is
    spread = max((high - low) / 1.349, float(x.std()) / 2)
    return Column(name, bool(log), float(center), float(spread)) if spread > noise else None


def _skewness(x: Floats) -> float:
    z = x - x.mean()
    std = float(x.std())
    return abs(float(np.mean(z**3))) / std**3 if std > 1e-12 * np.abs(x).max() else 0.0
