"""Support vector machines (libsvm)."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.svm import SVC, SVR

from forerun.learners.fitted import Fitted, FittedMargins, ScikitLearner
from forerun.space import ALWAYS, Categorical, Condition, Configuration, Domain, Integer, Real

MOST_ITERATIONS = 20_000
"""Per two-class problem. A hard margin on noisy rows may never converge; what it has by then is its answer."""


class Svm(ScikitLearner):
    """SVC and SVR.

    `svm.gamma` multiplies scikit-learn's 'scale', 1 / (d * variance of the matrix), so that 1 is the library's
    default on every data set.
    """

    name: ClassVar[str] = "svm"
    model: ClassVar[type[Fitted]] = FittedMargins

    def domains(self, kind: str) -> Mapping[str, tuple[Domain, Condition]]:
        """Return the hyperparameters of this learner."""
        polynomial = Condition.of({"svm.kernel": "poly"})
        found: dict[str, tuple[Domain, Condition]] = {
            "svm.kernel": (Categorical(("linear", "rbf", "poly", "sigmoid")), ALWAYS),
            "svm.C": (Real(1e-2, 1e2, log=True), ALWAYS),
            "svm.gamma": (Real(1e-2, 1e1, log=True), Condition.of({"svm.kernel": ["rbf", "poly", "sigmoid"]})),
            "svm.degree": (Integer(2, 4), polynomial),
            "svm.coef0": (Real(0.0, 1.0), Condition.of({"svm.kernel": ["poly", "sigmoid"]})),
        }
        if kind == "regression":
            return {**found, "svm.epsilon": (Real(1e-3, 1.0, log=True), ALWAYS)}
        return {**found, "svm.class_weight": (Categorical(("none", "balanced")), ALWAYS)}

    def defaults(self, kind: str) -> Configuration:
        """Return the library's own defaults."""
        shared: Configuration = {"svm.kernel": "rbf", "svm.C": 1.0, "svm.gamma": 1.0}
        if kind == "regression":
            return {**shared, "svm.epsilon": 0.1}
        return {**shared, "svm.class_weight": "none"}

    def estimator(self, own: Mapping[str, Any], Z: np.ndarray, kind: str, fidelity: float, seed: int) -> BaseEstimator:
        """Make the estimator."""
        scale = 1.0 / (Z.shape[1] * (float(Z.var()) or 1.0))
        shared = {
            "kernel": own["kernel"],
            "C": own["C"],
            "gamma": own.get("gamma", 1.0) * scale,
            "degree": own.get("degree", 3),
            "coef0": own.get("coef0", 0.0),
            "max_iter": MOST_ITERATIONS,
        }
        if kind == "regression":
            return SVR(**shared, epsilon=own["epsilon"])
        return SVC(**shared, class_weight=None if own["class_weight"] == "none" else own["class_weight"])
