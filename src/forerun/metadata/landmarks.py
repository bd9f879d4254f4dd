"""Landmarkers: how well some quick learners do, which tells more of a task than any description.

Source: Pfahringer, Bensusan & Giraud-Carrier, Meta-learning by landmarking various learning algorithms, ICML
2000. Errors are those of three-fold cross-validation on at most ROWS rows, in the units of the default losses:
1 - balanced accuracy, or rmse over the standard deviation of the target (at most CEILING). Each learner has a
form for both kinds of tasks. All are deterministic.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from forerun.metadata.table import Codes, Table, bins
from forerun.space import Floats
from forerun.tasks.metrics import balanced_accuracy, rmse

ROWS = 600
FOLDS = 3
CEILING = 3.0
"""Worse than three times the standard deviation is all the same."""

Learner = Callable[[Floats, Any, Floats], Floats]
"""Takes X and target of training rows and X of others; returns the prediction of those."""


def landmarks(table: Table) -> dict[str, float]:
    """Cross-validated error of every landmarker; NaN where there is nothing to tell apart."""
    table = table.head(ROWS)
    X, regression = table.encoded, table.regression
    learners = REGRESSORS if regression else CLASSIFIERS
    y = np.asarray(table.y, dtype=float) if regression else table.strata
    if len(y) < 2 * FOLDS or not X.shape[1] or np.ptp(y) == 0:
        return dict.fromkeys(learners, float("nan"))
    if regression:
        y = (y - y.mean()) / y.std()
    fold = folds(y)
    return {name: error(learner, X, y, fold, regression) for name, learner in learners.items()}


def folds(y: Floats | Codes) -> Codes:
    """Fold (n,) of each row, stratified: neighbours in the order of y go to different folds."""
    fold = np.empty(len(y), dtype=np.int64)
    fold[np.argsort(y, kind="stable")] = np.arange(len(y)) % FOLDS
    return fold


def error(learner: Learner, X: Floats, y: Floats | Codes, fold: Codes, regression: bool) -> float:
    """Loss of the pooled predictions of all folds."""
    prediction = np.empty(len(y))
    for k in range(FOLDS):
        held = fold == k
        prediction[held] = learner(X[~held], y[~held], X[held])
    if regression:
        return min(rmse(np.asarray(y, dtype=float), prediction), CEILING)
    return 1.0 - balanced_accuracy(y, prediction)


def nearest(X: Floats, y: Any, new: Floats) -> Floats:
    """The target of the nearest row."""
    distance = (new**2).sum(axis=1)[:, None] - 2 * new @ X.T + (X**2).sum(axis=1)
    return np.asarray(y[distance.argmin(axis=1)], dtype=float)


def linear(X: Floats, y: Any, new: Floats, regression: bool) -> Floats:
    """Ridge regression with a unit penalty; for classes on balanced one-hot targets, the largest wins."""
    weight = np.ones(len(y)) if regression else 1.0 / np.bincount(y)[y]
    weight = weight / weight.mean()
    Y = np.asarray(y, dtype=float)[:, None] if regression else np.eye(y.max() + 1)[y]
    center, level = weight @ X / len(y), weight @ Y / len(y)
    A = X - center
    beta = np.linalg.solve(A.T @ (weight[:, None] * A) + np.eye(X.shape[1]), A.T @ (weight[:, None] * (Y - level)))
    scores = level + (new - center) @ beta
    return np.asarray(scores[:, 0] if regression else scores.argmax(axis=1), dtype=float)


def naive_bayes(X: Floats, y: Any, new: Floats, regression: bool) -> Floats:
    """Gaussian naive Bayes with equal priors; a regression's target in fifths, predicted by their mean."""
    code = bins(y, 5) if regression else y
    kinds = np.unique(code)
    logs = np.empty((len(new), len(kinds)))
    for i, kind in enumerate(kinds):
        mine = X[code == kind]
        # a column that is constant within a class must not decide alone
        variance = mine.var(axis=0) + 0.01
        logs[:, i] = -0.5 * ((new - mine.mean(axis=0)) ** 2 / variance + np.log(variance)).sum(axis=1)
    if not regression:
        return np.asarray(kinds[logs.argmax(axis=1)], dtype=float)
    share = np.exp(logs - logs.max(axis=1, keepdims=True))
    means = np.array([y[code == kind].mean() for kind in kinds])
    return np.asarray(share @ means / share.sum(axis=1))


def tree(X: Floats, y: Any, new: Floats, regression: bool, leaves: int) -> Floats:
    """A decision tree with few leaves, classes balanced."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    if regression:
        model = DecisionTreeRegressor(max_leaf_nodes=leaves, random_state=0)
    else:
        model = DecisionTreeClassifier(max_leaf_nodes=leaves, class_weight="balanced", random_state=0)
    return np.asarray(model.fit(X, y).predict(new), dtype=float)


def forest(X: Floats, y: Any, new: Floats, regression: bool) -> Floats:
    """Twenty extremely randomised trees, each split chosen among the root of the number of columns."""
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

    if regression:
        model = ExtraTreesRegressor(n_estimators=20, max_features="sqrt", random_state=0)
    else:
        model = ExtraTreesClassifier(n_estimators=20, class_weight="balanced", random_state=0)
    return np.asarray(model.fit(X, y).predict(new), dtype=float)


def _learners(regression: bool) -> dict[str, Learner]:
    return {
        "landmark_nearest": nearest,
        "landmark_linear": partial(linear, regression=regression),
        "landmark_naive_bayes": partial(naive_bayes, regression=regression),
        "landmark_stump": partial(tree, regression=regression, leaves=2),
        "landmark_tree": partial(tree, regression=regression, leaves=16),
        "landmark_forest": partial(forest, regression=regression),
    }


CLASSIFIERS = _learners(regression=False)
REGRESSORS = _learners(regression=True)
