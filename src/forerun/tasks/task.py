"""A task: a data set, what to predict in it, how it is split and how a prediction is scored.

The test part is touched once, at the very end: base learners, meta-features and searches are handed
`train` and `validation`; only `tuning.final` reads `test`.
"""

from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
import pandas as pd

from forerun.tasks.metrics import Metric

KINDS = ("binary", "multiclass", "regression")


@dataclass(frozen=True)
class Part:
    """One part of a split: features X (n, columns) and target y (n,).

    y holds integer class codes (positions in `Task.classes`), or floats for regression.
    """

    X: pd.DataFrame
    y: np.ndarray

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True)
class Task:
    """What a configuration is tried on. Columns of X are numeric (float, NaN for missing) or categorical."""

    name: str
    """Unique among the tasks of a history; letters, digits, '_', '-' and '.'."""
    family: str
    """Tasks that share rows or columns share a family, and no split parts a family."""
    kind: str
    """'binary', 'multiclass' or 'regression'."""
    target: str
    metric: Metric
    """Validation and test loss; lower is better."""
    train: Part
    validation: Part
    test: Part = field(repr=False)
    classes: tuple[str, ...] = ()
    """Class labels in code order; empty for regression."""
    source: str = ""
    """Where the data came from, with its citation."""
    digest: str = ""
    """Hash of the content (all rows, before splitting)."""
    labels: tuple[object, ...] = ()
    """The classes as they stood in the data (their own type), in code order."""

    @property
    def columns(self) -> list[str]:
        """Names of the feature columns."""
        return list(self.train.X.columns)

    @property
    def categorical(self) -> list[str]:
        """Names of the categorical feature columns."""
        return [c for c in self.columns if isinstance(self.train.X[c].dtype, pd.CategoricalDtype)]

    def with_all_training_data(self) -> Self:
        """The same task with train and validation merged into `train`, for the last fit of a winner."""
        merged = Part(
            pd.concat([self.train.X, self.validation.X], ignore_index=True),
            np.concatenate([self.train.y, self.validation.y]),
        )
        return replace(self, train=merged)
