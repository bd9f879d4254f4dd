"""The contract of base learners: train one configuration on one task, for real.

A learner is one file: a dataclass with its hyperparameters declared as domains, and `train`. It never
sees the test part of a task. It raises `TrainingError` when a training diverges; whatever else it raises
is caught at the one boundary where a training becomes a trial (`learners.trial.run_trial`).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np
import pandas as pd

from forerun.space import Condition, Configuration, Domain
from forerun.tasks import Task

Report = Callable[[int, float], None]
"""`report(epoch, validation loss)`, called once per epoch; epochs count from 1."""


class Model(Protocol):
    """A fitted model. It takes raw frames, with the columns of the task, in any order."""

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Predict classes (n,) as integer codes of `task.classes`, or target values (n,) as floats."""
        ...

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """Predict class probabilities (n, classes), rows summing to 1; classification only."""
        ...


@dataclass(frozen=True)
class Outcome:
    """What one successful training leaves behind."""

    model: Model
    fit_seconds: float
    """Wall-clock seconds of fitting, preprocessing included."""
    curve: Sequence[tuple[int, float]] = field(default_factory=tuple)
    """(epoch, validation loss) pairs; empty for learners without epochs."""


class BaseLearner(ABC):
    """Trains configurations of one family of models."""

    name: ClassVar[str]
    """The value of the `learner` domain that selects this learner."""
    images: ClassVar[bool] = False
    """Whether it takes images only: columns that are pixels, named by row and column as 'pixel_3_5'."""

    @abstractmethod
    def domains(self, kind: str) -> Mapping[str, tuple[Domain, Condition]]:
        """Declare the learner's own hyperparameters for a task kind ('binary', 'multiclass', 'regression').

        Keys are prefixed with the learner's name ('svm.C'). A condition speaks of the learner's own
        parents only ('svm.kernel'); that the learner itself is selected is added by the joint space.
        """

    @abstractmethod
    def defaults(self, kind: str) -> Configuration:
        """The library's default configuration, every active domain given."""

    @abstractmethod
    def train(
        self,
        configuration: Mapping[str, Any],
        task: Task,
        *,
        fidelity: float = 1.0,
        seed: int = 0,
        report: Report | None = None,
    ) -> Outcome:
        """Fit on `task.train`; watch `task.validation` for the curve only.

        fidelity in (0, 1] scales the number of epochs, trees or boosting rounds (at least one).
        Same seed, same outcome. Raises TrainingError when the training diverges.
        """
