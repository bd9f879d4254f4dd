"""The last fit: a winner trained on all training data and scored once on the test part.

This is the only place in the package that reads `task.test`. Whoever calls it has chosen.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from forerun.errors import TrainingError
from forerun.learners import TRAINABLE, BaseLearner, Model, Outcome
from forerun.space import Configuration
from forerun.tasks import Task, evaluate_all


@dataclass(frozen=True)
class Final:
    """A model of all training data and what it is worth."""

    configuration: Configuration
    outcome: Outcome = field(repr=False)
    loss: float
    """Test loss of the task's metric; lower is better."""
    metrics: Mapping[str, float]
    """The usual metrics on the test part, by name, each in its own direction."""

    @property
    def model(self) -> Model:
        """The fitted model; it takes raw frames."""
        return self.outcome.model


def final_score(
    task: Task, configuration: Configuration, *, seed: int = 0, learners: Mapping[str, BaseLearner] = TRAINABLE
) -> Final:
    """Fit on train and validation together, score on test. Raises TrainingError when the training fails."""
    learner = learners[str(configuration["learner"])]
    with warnings.catch_warnings():
        # what a learner warns of (no convergence, rare classes) shows in its score
        warnings.simplefilter("ignore")
        outcome = learner.train(configuration, task.with_all_training_data(), seed=seed)
        prediction, proba = _predict(task, outcome.model)
    loss = task.metric.loss(task.metric.value(task.test.y, prediction, proba))
    if not np.isfinite(loss):
        raise TrainingError(f"the test loss of {dict(configuration)} must be finite; got {loss}")
    scale = float(np.std(task.train.y)) or 1.0 if task.kind == "regression" else 1.0
    return Final(configuration, outcome, loss, evaluate_all(task.kind, task.test.y, prediction, proba, scale))


def _predict(task: Task, model: Model) -> tuple[np.ndarray, np.ndarray | None]:
    if task.kind == "regression":
        return model.predict(task.test.X), None
    proba = model.predict_proba(task.test.X)
    return proba.argmax(axis=1), proba
