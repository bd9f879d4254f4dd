"""What the scikit-learn learners share: from a configuration to a fitted model that takes raw frames."""

import time
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from forerun.errors import DataError
from forerun.learners.base import BaseLearner, Outcome, Report
from forerun.learners.preprocessing import build, training_part
from forerun.tasks.task import Task


@dataclass(frozen=True)
class Fitted:
    """A fitted transformer and estimator; satisfies `learners.base.Model`."""

    transformer: Pipeline
    estimator: BaseEstimator
    classes: int
    """Number of classes of the task; 0 for regression."""
    offset: float = 0.0
    scale: float = 1.0
    """The estimator was fitted to (y - offset) / scale; regression only."""

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Predict class codes (n,), the most probable ones, or target values (n,)."""
        if self.classes:
            return np.asarray(self.predict_proba(X).argmax(axis=1))
        return np.asarray(self.estimator.predict(self.transformer.transform(X)) * self.scale + self.offset)

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """Predict probabilities (n, classes); 0 for classes that were not in the training part."""
        if not self.classes:
            raise DataError("class probabilities need a classification task; this model is of a regression task")
        proba = np.zeros((len(X), self.classes))
        proba[:, self.estimator.classes_.astype(int)] = self._known(self.transformer.transform(X))
        return proba

    def _known(self, Z: np.ndarray) -> np.ndarray:
        return np.asarray(self.estimator.predict_proba(Z))


@dataclass(frozen=True)
class FittedMargins(Fitted):
    """A classifier with margins only: probabilities are their softmax, which orders but is not calibrated."""

    def _known(self, Z: np.ndarray) -> np.ndarray:
        margins = np.asarray(self.estimator.decision_function(Z))
        if margins.ndim == 1:
            margins = np.stack([np.zeros_like(margins), margins], axis=1)
        powers = np.exp(margins - margins.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))


class ScikitLearner(BaseLearner):
    """A base learner whose model is one scikit-learn estimator on one thread.

    The target of a regression is standardised first, so that C, alpha and epsilon mean the same whatever
    the unit of the target.
    """

    model: ClassVar[type[Fitted]] = Fitted

    @abstractmethod
    def estimator(self, own: Mapping[str, Any], Z: np.ndarray, kind: str, fidelity: float, seed: int) -> BaseEstimator:
        """Make the unfitted estimator from the learner's own settings (prefix removed) and the matrix Z (n, d)."""

    def train(
        self,
        configuration: Mapping[str, Any],
        task: Task,
        *,
        fidelity: float = 1.0,
        seed: int = 0,
        report: Report | None = None,
    ) -> Outcome:
        """Fit once; there are no epochs to report."""
        started = time.perf_counter()
        part = training_part(configuration, task)
        transformer = build(configuration, task)
        Z = transformer.fit_transform(part.X, part.y)
        offset, scale = standardisation(part.y, task.kind)
        estimator = self.estimator(own_settings(configuration, self.name), Z, task.kind, fidelity, seed)
        estimator.fit(Z, (part.y - offset) / scale if task.kind == "regression" else part.y)
        model = self.model(transformer, estimator, len(task.classes), offset, scale)
        return Outcome(model, time.perf_counter() - started)


def own_settings(configuration: Mapping[str, Any], learner: str) -> dict[str, Any]:
    """Return the entries of one learner, without their prefix.

    >>> own_settings({"learner": "svm", "svm.C": 2.0, "sample_fraction": 0.5}, "svm")
    {'C': 2.0}
    """
    return {k.removeprefix(f"{learner}."): v for k, v in configuration.items() if k.startswith(f"{learner}.")}


def standardisation(y: np.ndarray, kind: str) -> tuple[float, float]:
    """Return the mean and the standard deviation (1 where y does not vary) of a regression target; else 0 and 1."""
    if kind != "regression":
        return 0.0, 1.0
    return float(np.mean(y)), float(np.std(y)) or 1.0


def scaled(count: int, fidelity: float) -> int:
    """Scale a number of epochs, trees or rounds by a fidelity in (0, 1]; at least one."""
    return max(1, round(count * fidelity))
