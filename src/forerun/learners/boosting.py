"""Histogram gradient boosting (after LightGBM: Ke et al., NIPS 2017)."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from forerun.learners.fitted import ScikitLearner, scaled
from forerun.space import ALWAYS, Categorical, Condition, Configuration, Domain, Integer, Real


class Boosting(ScikitLearner):
    """Histogram gradient boosting without early stopping; fidelity scales the number of rounds.

    It has no `n_jobs`: `learners.trial` and `learners.pool` hold its OpenMP threads at one.
    """

    name: ClassVar[str] = "boosting"

    def domains(self, kind: str) -> Mapping[str, tuple[Domain, Condition]]:
        """Return the hyperparameters of this learner."""
        found: dict[str, tuple[Domain, Condition]] = {
            "boosting.max_iter": (Integer(10, 100, log=True), ALWAYS),
            "boosting.learning_rate": (Real(0.01, 1.0, log=True), ALWAYS),
            "boosting.max_leaf_nodes": (Integer(3, 64, log=True), ALWAYS),
            "boosting.min_samples_leaf": (Integer(1, 100, log=True), ALWAYS),
            "boosting.l2_regularization": (Real(1e-8, 10.0, log=True), ALWAYS),
            "boosting.max_features": (Real(0.1, 1.0), ALWAYS),
        }
        if kind == "regression":
            return found
        return {**found, "boosting.class_weight": (Categorical(("none", "balanced")), ALWAYS)}

    def defaults(self, kind: str) -> Configuration:
        """The library's, with 1e-8 for its l2_regularization of 0: a log domain has no 0."""
        shared = {
            "boosting.max_iter": 100,
            "boosting.learning_rate": 0.1,
            "boosting.max_leaf_nodes": 31,
            "boosting.min_samples_leaf": 20,
            "boosting.l2_regularization": 1e-8,
            "boosting.max_features": 1.0,
        }
        return shared if kind == "regression" else {**shared, "boosting.class_weight": "none"}

    def estimator(self, own: Mapping[str, Any], Z: np.ndarray, kind: str, fidelity: float, seed: int) -> BaseEstimator:
        """Make the estimator."""
        shared = {
            **{k: v for k, v in own.items() if k != "class_weight"},
            "max_iter": scaled(own["max_iter"], fidelity),
            "early_stopping": False,
            "random_state": seed,
        }
        if kind == "regression":
            return HistGradientBoostingRegressor(**shared)
        weight = None if own["class_weight"] == "none" else own["class_weight"]
        return HistGradientBoostingClassifier(**shared, class_weight=weight)
