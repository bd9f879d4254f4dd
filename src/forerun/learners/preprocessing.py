"""From a task's raw columns to a matrix: what every learner does before it learns.

Always: medians for missing numbers, standardised numbers, one-hot categories (a missing value is a
category of its own, rare ones share one, unknown ones are zeros), constant columns dropped. The optional
steps are elements of the set-valued domain `preprocessing`, applied in the order of `STEPS`:

    missing_indicator   a 0/1 column for each numeric column that has gaps
    quantile            numbers to normal scores
    interactions        pairwise products of the (at most) ten numbers that tell most about the target
    select              the half of the columns that tells most about the target (F test)
    pca                 as many principal components as hold 95 % of the variance
"""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectPercentile, VarianceThreshold, f_classif, f_regression
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, QuantileTransformer, StandardScaler

from forerun.errors import DataError
from forerun.space import ALWAYS, Condition, Configuration, Domain, Real, Subset
from forerun.tasks.splits import sample, strata_of
from forerun.tasks.task import Part, Task

STEPS = ("missing_indicator", "quantile", "interactions", "select", "pca")

DOMAINS: Mapping[str, tuple[Domain, Condition]] = {
    "preprocessing": (Subset(STEPS), ALWAYS),
    "sample_fraction": (Real(0.1, 1.0, log=True), ALWAYS),
}
"""Settings that every learner shares; `features` joins them where the columns are known (`default_space`)."""

DEFAULTS: Configuration = {"preprocessing": (), "sample_fraction": 1.0}

STRONGEST = 10
"""Numeric columns that may interact: their 45 products bound the width of the matrix."""
RARE = 3
"""A category with fewer rows in the training part shares a column with the other rare ones."""
MOST_CATEGORIES = 20
"""Columns per categorical feature, at most."""


class Interactions(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Append the pairwise products of the columns that tell most about the target."""

    def __init__(self, classification: bool, strongest: int = STRONGEST) -> None:
        self.classification = classification
        self.strongest = strongest

    def fit(self, X: np.ndarray, y: np.ndarray) -> Self:
        """Rank the columns of X (n, d) by their F statistic; columns without variance come last."""
        with np.errstate(all="ignore"):
            varies = np.ptp(X, axis=0) > 0
            power = np.full(X.shape[1], -1.0)
            if varies.any():
                test = f_classif if self.classification else f_regression
                power[varies] = np.nan_to_num(test(X[:, varies], y)[0])
        self.chosen_ = np.sort(np.argsort(-power, kind="stable")[: self.strongest])
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return X (n, d) with up to 45 products to its right."""
        first, second = np.triu_indices(len(self.chosen_), k=1)
        return np.hstack([X, X[:, self.chosen_[first]] * X[:, self.chosen_[second]]])


def training_part(configuration: Mapping[str, Any], task: Task) -> Part:
    """Return the rows to train on: a stratified `sample_fraction` of the training part.

    Which rows does not depend on the seed of the training: a fraction names the same rows for every
    configuration, so that trainings which differ in their settings alone share their data.
    """
    fraction = float(configuration.get("sample_fraction", 1.0))
    train = task.train
    if fraction >= 1.0:
        return train
    strata = strata_of(train.y, task.kind)
    # a sample needs room for up to three rows of each class
    least = int(np.minimum(np.unique(strata, return_counts=True)[1], 3).sum())
    rows = sample(strata, max(least, round(fraction * len(train))), seed=0)
    return Part(train.X.iloc[rows], train.y[rows])


def build(configuration: Mapping[str, Any], task: Task) -> Pipeline:
    """Make the unfitted transformer: a raw frame (n, columns) in, a float matrix (n, d) out.

    Its `fit` takes y too. Raises DataError when `features` names no column, or one that the task lacks.
    """
    steps = set(configuration.get("preprocessing", ()))
    columns = _columns(configuration, task)
    categorical = [c for c in columns if c in set(task.categorical)]
    numeric = [c for c in columns if c not in set(categorical)]
    parts: list[tuple[str, Any, list[str]]] = []
    if numeric:
        parts.append(("numeric", _numeric(steps, configuration, task), numeric))
        if "missing_indicator" in steps:
            parts.append(("missing", MissingIndicator(error_on_new=False), numeric))
    if categorical:
        parts.append(("categorical", _one_hot(), categorical))
    chain: list[tuple[str, Any]] = [
        ("columns", ColumnTransformer(parts, sparse_threshold=0.0, verbose_feature_names_out=False)),
        ("varying", VarianceThreshold()),
    ]
    if "select" in steps:
        chain.append(
            ("select", SelectPercentile(f_regression if task.kind == "regression" else f_classif, percentile=50))
        )
    if "pca" in steps:
        chain.append(("pca", PCA(0.95, svd_solver="full")))
    return Pipeline(chain)


def _columns(configuration: Mapping[str, Any], task: Task) -> list[str]:
    chosen = configuration.get("features")
    if chosen is None:
        return task.columns
    unknown = [c for c in chosen if c not in set(task.columns)]
    if unknown or not chosen:
        raise DataError(
            f"features of a training on {task.name!r} must name at least one of {task.columns}; got {chosen}"
        )
    return [c for c in task.columns if c in set(chosen)]


def _numeric(steps: set[str], configuration: Mapping[str, Any], task: Task) -> Pipeline:
    # a column without any value in the training part becomes zeros, and falls out as constant
    chain: list[tuple[str, Any]] = [("impute", SimpleImputer(strategy="median", keep_empty_features=True))]
    if "quantile" in steps:
        points = min(100, len(training_part(configuration, task)))
        chain.append(
            ("quantile", QuantileTransformer(n_quantiles=points, output_distribution="normal", random_state=0))
        )
    chain.append(("scale", StandardScaler()))
    if "interactions" in steps:
        chain.append(("interactions", Interactions(task.kind != "regression")))
    return Pipeline(chain)


def _one_hot() -> OneHotEncoder:
    return OneHotEncoder(
        handle_unknown="infrequent_if_exist", min_frequency=RARE, max_categories=MOST_CATEGORIES, sparse_output=False
    )
