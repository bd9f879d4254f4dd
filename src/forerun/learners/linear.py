"""Linear models: logistic regression, and least squares with or without a penalty."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.linear_model import ElasticNet, LinearRegression, LogisticRegression, Ridge

from forerun.learners.fitted import ScikitLearner
from forerun.space import ALWAYS, Categorical, Condition, Configuration, Domain, Real

PENALISED = ["l1", "l2", "elasticnet"]


class Linear(ScikitLearner):
    """Logistic regression (lbfgs, or saga where the penalty has an l1 part); ridge, lasso, elastic net."""

    name: ClassVar[str] = "linear"

    def domains(self, kind: str) -> Mapping[str, tuple[Domain, Condition]]:
        """Return the hyperparameters of this learner."""
        penalised = Condition.of({"linear.penalty": PENALISED})
        shared: dict[str, tuple[Domain, Condition]] = {
            "linear.penalty": (Categorical(("none", "l1", "l2", "elasticnet")), ALWAYS),
            "linear.l1_ratio": (Real(0.05, 0.95), Condition.of({"linear.penalty": "elasticnet"})),
        }
        if kind == "regression":
            # lasso's alpha is per row, ridge's is not; one wide range holds both
            return {**shared, "linear.alpha": (Real(1e-4, 1e2, log=True), penalised)}
        return {
            **shared,
            "linear.C": (Real(1e-4, 1e4, log=True), penalised),
            "linear.class_weight": (Categorical(("none", "balanced")), ALWAYS),
        }

    def defaults(self, kind: str) -> Configuration:
        """Return the library's own defaults."""
        if kind == "regression":
            return {"linear.penalty": "l2", "linear.alpha": 1.0}
        return {"linear.penalty": "l2", "linear.C": 1.0, "linear.class_weight": "none"}

    def estimator(self, own: Mapping[str, Any], Z: np.ndarray, kind: str, fidelity: float, seed: int) -> BaseEstimator:
        """Make the estimator."""
        l1_ratio = {"none": 0.0, "l2": 0.0, "l1": 1.0}.get(own["penalty"], own.get("l1_ratio", 0.5))
        if kind == "regression":
            if own["penalty"] == "none":
                return LinearRegression()
            if own["penalty"] == "l2":
                return Ridge(own["alpha"])
            return ElasticNet(own["alpha"], l1_ratio=l1_ratio, random_state=seed)
        return LogisticRegression(
            C=own.get("C", np.inf),
            l1_ratio=l1_ratio,
            # saga converges slowly; 1e-3 instead of 1e-4 halves the time and leaves the losses as they are
            solver="saga" if l1_ratio > 0 else "lbfgs",
            tol=1e-3 if l1_ratio > 0 else 1e-4,
            class_weight=None if own["class_weight"] == "none" else own["class_weight"],
            random_state=seed,
        )
