"""Nearest neighbours."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from forerun.learners.fitted import ScikitLearner
from forerun.space import ALWAYS, Categorical, Condition, Configuration, Domain, Integer, Ordinal


class Knn(ScikitLearner):
    """Nearest neighbours on the standardised matrix; with fewer rows than `n_neighbors`, all rows are neighbours."""

    name: ClassVar[str] = "knn"

    def domains(self, kind: str) -> Mapping[str, tuple[Domain, Condition]]:
        """Return the hyperparameters of this learner."""
        return {
            "knn.n_neighbors": (Integer(1, 50, log=True), ALWAYS),
            "knn.weights": (Categorical(("uniform", "distance")), ALWAYS),
            "knn.p": (Ordinal((1, 2)), ALWAYS),
        }

    def defaults(self, kind: str) -> Configuration:
        """Return the library's own defaults."""
        return {"knn.n_neighbors": 5, "knn.weights": "uniform", "knn.p": 2}

    def estimator(self, own: Mapping[str, Any], Z: np.ndarray, kind: str, fidelity: float, seed: int) -> BaseEstimator:
        """Make the estimator."""
        cls = KNeighborsRegressor if kind == "regression" else KNeighborsClassifier
        return cls(n_neighbors=min(own["n_neighbors"], len(Z)), weights=own["weights"], p=own["p"], n_jobs=1)
