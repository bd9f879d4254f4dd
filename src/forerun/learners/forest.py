"""Random forests (Breiman, Machine Learning 2001)."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from forerun.learners.fitted import ScikitLearner, scaled
from forerun.space import ALWAYS, Categorical, Condition, Configuration, Domain, Integer, Real


class Forest(ScikitLearner):
    """Random forest; fidelity scales the number of trees.

    `forest.max_features` is an exponent: a split looks at d ** max_features of the d columns, so that 0.5 is
    the library's 'sqrt' and 1 is all of them (the convention of auto-sklearn, Feurer et al., NIPS 2015).
    """

    name: ClassVar[str] = "forest"

    def domains(self, kind: str) -> Mapping[str, tuple[Domain, Condition]]:
        """Return the hyperparameters of this learner."""
        found: dict[str, tuple[Domain, Condition]] = {
            "forest.n_estimators": (Integer(10, 100, log=True), ALWAYS),
            "forest.max_features": (Real(0.1, 1.0), ALWAYS),
            "forest.min_samples_leaf": (Integer(1, 20, log=True), ALWAYS),
            "forest.max_depth": (Integer(2, 64, log=True), ALWAYS),
            "forest.bootstrap": (Categorical((False, True)), ALWAYS),
            "forest.max_samples": (Real(0.2, 1.0), Condition.of({"forest.bootstrap": True})),
        }
        if kind == "regression":
            return found
        return {
            **found,
            "forest.criterion": (Categorical(("gini", "entropy")), ALWAYS),
            "forest.class_weight": (Categorical(("none", "balanced")), ALWAYS),
        }

    def defaults(self, kind: str) -> Configuration:
        """The library's, but for max_depth: 64 stands for its 'unlimited', as no tree of ours grows deeper."""
        shared = {
            "forest.n_estimators": 100,
            "forest.min_samples_leaf": 1,
            "forest.max_depth": 64,
            "forest.bootstrap": True,
            "forest.max_samples": 1.0,
        }
        if kind == "regression":
            return {**shared, "forest.max_features": 1.0}
        return {**shared, "forest.max_features": 0.5, "forest.criterion": "gini", "forest.class_weight": "none"}

    def estimator(self, own: Mapping[str, Any], Z: np.ndarray, kind: str, fidelity: float, seed: int) -> BaseEstimator:
        """Make the estimator."""
        shared = {
            "n_estimators": scaled(own["n_estimators"], fidelity),
            "max_features": max(1, int(Z.shape[1] ** own["max_features"])),
            "min_samples_leaf": own["min_samples_leaf"],
            "max_depth": own["max_depth"],
            "bootstrap": own["bootstrap"],
            "max_samples": own.get("max_samples"),
            "random_state": seed,
            "n_jobs": 1,
        }
        if kind == "regression":
            return RandomForestRegressor(**shared)
        weight = None if own["class_weight"] == "none" else own["class_weight"]
        return RandomForestClassifier(**shared, criterion=own["criterion"], class_weight=weight)
