"""How a prediction is scored. Whatever a metric measures, its loss is lower-is-better.

Notation: n rows, c classes; y (n,) integer class codes or target values, prediction (n,) the same,
proba (n, c) class probabilities. Every metric is defined where a part of a split lacks some classes.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from forerun.errors import DataError

Array = npt.NDArray[Any]

CLASSIFICATION = ("binary", "multiclass")
REGRESSION = ("regression",)


@dataclass(frozen=True)
class Metric:
    """A score, its direction, and the loss made of it."""

    name: str
    kinds: tuple[str, ...]
    """Kinds of tasks that it can score."""
    higher_is_better: bool
    """True only of metrics whose best value is 1."""
    function: Callable[[Array, Array], float]
    """Takes y and the prediction, or y and the probabilities."""
    needs_proba: bool = False
    scale: float = 1.0
    """The unit of errors: values are divided by it. For nrmse, the standard deviation of the training target."""

    def value(self, y: Array, prediction: Array | None = None, proba: Array | None = None) -> float:
        """Score a prediction, in the metric's own direction; NaN where it is undefined (AUC of one class)."""
        given = proba if self.needs_proba else prediction
        if given is None:
            raise DataError(f"metric {self.name!r} needs {'proba' if self.needs_proba else 'prediction'}; got None")
        return self.function(np.asarray(y), np.asarray(given)) / self.scale

    def loss(self, value: float) -> float:
        """Turn a value into a loss: 1 - value where higher is better, else the value itself."""
        return 1.0 - value if self.higher_is_better else value

    def in_units_of(self, scale: float) -> Self:
        """The same metric with errors measured in units of scale (> 0)."""
        return replace(self, scale=scale)


def accuracy(y: Array, prediction: Array) -> float:
    """Share of rows predicted right, in [0, 1]."""
    return float(np.mean(y == prediction))


def balanced_accuracy(y: Array, prediction: Array) -> float:
    """Mean recall of the classes that occur in y, in [0, 1] (Brodersen et al., ICPR 2010)."""
    return float(np.mean([np.mean(prediction[y == code] == code) for code in np.unique(y)]))


def f1_macro(y: Array, prediction: Array) -> float:
    """Mean F1 of the classes that occur in y or in the prediction, in [0, 1]."""
    from sklearn.metrics import f1_score

    return float(f1_score(y, prediction, average="macro", zero_division=0))


def log_loss(y: Array, proba: Array) -> float:
    """Mean negative log-likelihood in nats; probabilities are kept from 0 by the machine epsilon."""
    likelihood = proba[np.arange(len(y)), y.astype(np.intp)]
    return float(-np.mean(np.log(np.clip(likelihood, np.finfo(np.float64).eps, 1.0))))


def roc_auc(y: Array, proba: Array) -> float:
    """Area under the ROC curve; for more classes the mean of one against the rest, over classes in y."""
    from sklearn.metrics import roc_auc_score

    codes = np.unique(y)
    if len(codes) < 2:
        return float("nan")
    if proba.shape[1] == 2:
        return float(roc_auc_score(y == 1, proba[:, 1]))
    return float(np.mean([roc_auc_score(y == code, proba[:, int(code)]) for code in codes]))


def rmse(y: Array, prediction: Array) -> float:
    """Root mean squared error, in the unit of the target."""
    return float(np.sqrt(np.mean((y - prediction) ** 2)))


def mae(y: Array, prediction: Array) -> float:
    """Mean absolute error, in the unit of the target."""
    return float(np.mean(np.abs(y - prediction)))


def r2(y: Array, prediction: Array) -> float:
    """Share of the variance of y that is explained, at most 1; NaN where y does not vary."""
    total = float(np.sum((y - np.mean(y)) ** 2))
    return 1.0 - float(np.sum((y - prediction) ** 2)) / total if total > 0 else float("nan")


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("balanced_accuracy", CLASSIFICATION, True, balanced_accuracy),
        Metric("accuracy", CLASSIFICATION, True, accuracy),
        Metric("f1_macro", CLASSIFICATION, True, f1_macro),
        Metric("log_loss", CLASSIFICATION, False, log_loss, needs_proba=True),
        Metric("roc_auc", CLASSIFICATION, True, roc_auc, needs_proba=True),
        Metric("nrmse", REGRESSION, False, rmse),
        Metric("rmse", REGRESSION, False, rmse),
        Metric("mae", REGRESSION, False, mae),
        Metric("r2", REGRESSION, True, r2),
    )
}

DEFAULT_METRIC = {"binary": "balanced_accuracy", "multiclass": "balanced_accuracy", "regression": "nrmse"}
"""The metric of a task that names none, by kind."""


def metric_for(kind: str, name: str | None, scale: float) -> Metric:
    """The metric called name (None: the default) for a kind of task; scale is the spread of its training target.

    Raises DataError for an unknown metric, or one that cannot score this kind.
    """
    name = DEFAULT_METRIC[kind] if name is None else name
    allowed = [metric.name for metric in METRICS.values() if kind in metric.kinds]
    if name not in allowed:
        raise DataError(f"metric of a {kind} task must be one of {', '.join(allowed)}; got {name!r}")
    return METRICS[name].in_units_of(scale) if name == "nrmse" else METRICS[name]


def evaluate_all(
    kind: str, y: Array, prediction: Array, proba: Array | None = None, scale: float = 1.0
) -> dict[str, float]:
    """The usual metrics of a kind of task, by name, each in its own direction.

    Left out are those that need probabilities where none are given, and those undefined on this y.
    scale is the standard deviation of the training target (regression only).
    """
    usable = (m for m in METRICS.values() if kind in m.kinds and not (m.needs_proba and proba is None))
    values = {m.name: metric_for(kind, m.name, scale).value(y, prediction, proba) for m in usable}
    return {name: value for name, value in values.items() if not np.isnan(value)}
