"""Meta-features: what a data set looks like before anything real is trained on it.

Four groups: general (sizes, types, what is missing), the target, statistical and information-theoretic (see
`statistical`), and landmarking (see `landmarks`). Computed from the training part only. None depends on the
order of the rows or on the names of columns; the units of columns matter only in which rows fall into which
sample and fold (see `table`). What is not defined for a data set is NaN, which the `FeatureScaler` reads as
"ordinary".
"""

import math

import numpy as np

from forerun.metadata.landmarks import landmarks
from forerun.metadata.statistical import entropy, informational, mean, moments, statistical
from forerun.metadata.table import Table
from forerun.tasks import Task


def metafeatures(task: Task) -> dict[str, float]:
    """Describe a task's training part by some forty numbers, finite or NaN, by name.

    >>> from forerun.tasks import builtin_task
    >>> found = metafeatures(builtin_task("iris"))
    >>> found["log10_columns"], found["class_balance"], found["landmark_linear"] < 0.3
    (0.6020599913279624, 1.0, True)
    """
    table = Table.of(task)
    found = general(task) | values(table) | target(table) | statistical(table) | informational(table) | landmarks(table)
    return {name: float(value) if math.isfinite(value) else float("nan") for name, value in found.items()}


def general(task: Task) -> dict[str, float]:
    """Sizes (of all rows and columns, sampled or not), types and missing values."""
    X = task.train.X
    rows, columns = X.shape
    missing = X.isna().to_numpy()
    categories = [len(X[c].cat.categories) for c in task.categorical]
    numeric = columns - len(categories)
    return {
        "log10_rows": math.log10(rows),
        "log10_columns": math.log10(columns),
        "log10_rows_per_column": math.log10(rows / columns),
        "log10_rows_per_encoded_column": math.log10(rows / (numeric + sum(categories))),
        "categorical_share": len(categories) / columns,
        "log10_categories_mean": math.log10(max(float(np.mean(categories)), 1.0)) if categories else 0.0,
        "missing_share": float(missing.mean()),
        "rows_with_missing_share": float(missing.any(axis=1).mean()),
        "columns_with_missing_share": float(missing.any(axis=0).mean()),
        "is_regression": float(task.kind == "regression"),
        "is_binary": float(task.kind == "binary"),
        "log2_classes": math.log2(len(task.classes)) if task.classes else float("nan"),
    }


def values(table: Table) -> dict[str, float]:
    """How many different values columns have (of the sampled rows)."""
    distinct = np.array([len(np.unique(c[np.isfinite(c)])) for c in table.numeric.T])
    codes = np.array([len(np.unique(c[c >= 0])) for c in table.codes.T])
    return {
        "two_valued_share": float(np.mean(np.concatenate([distinct, codes]) == 2)),
        "distinct_share_mean": mean(distinct / len(table)),
    }


def target(table: Table) -> dict[str, float]:
    """Balance of the classes, or the shape of a regression's target."""
    nan = float("nan")
    if table.regression:
        y = np.asarray(table.y, dtype=float)[:, None]
        skewness, kurtosis = moments(y / (np.abs(y).max() or 1.0))
        shape = {"target_skewness": mean(skewness), "target_kurtosis": mean(kurtosis)}
        return {**shape, "target_distinct_share": len(np.unique(y)) / len(y), "class_balance": nan, "rarest_class": nan}
    counts = np.bincount(table.strata)
    balance = entropy(table.strata) / math.log2(len(counts)) if len(counts) > 1 else nan
    shape = dict.fromkeys(("target_skewness", "target_kurtosis", "target_distinct_share"), nan)
    return {**shape, "class_balance": balance, "rarest_class": math.log10(counts.min() / len(table))}
