"""A task as networks see it, and a network that was fitted to it."""

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from forerun.errors import DataError
from forerun.learners.architectures.architecture import Architecture, Parameters
from forerun.learners.architectures.training import Rows
from forerun.learners.fitted import standardisation
from forerun.learners.mlp import prediction
from forerun.space import Configuration
from forerun.tasks import Task
from forerun.tasks.task import Part


class Transformer(Protocol):
    """What makes the arrays that a network takes of raw frames."""

    def fit_transform(self, X: pd.DataFrame, y: np.ndarray) -> np.ndarray:
        """Learn from the training part, and transform it."""
        ...

    def transform(self, X: pd.DataFrame) -> np.ndarray:
        """Return an array (n, ...) of floats."""
        ...


@dataclass(frozen=True)
class Prepared:
    """A task as networks see it."""

    rows: Rows
    transformer: Transformer
    classes: int
    """0 for regression."""
    offset: float
    scale: float
    """Targets of a regression are (y - offset) / scale."""

    @classmethod
    def of(cls, task: Task, transformer: Transformer) -> Self:
        """Fit a transformer to the training part, and transform what networks see of the task."""
        offset, scale = standardisation(task.train.y, task.kind)
        X = tensor(transformer.fit_transform(task.train.X, task.train.y))
        X_validation = tensor(transformer.transform(task.validation.X))
        y, y_validation = (_target(part, task.kind, offset, scale) for part in (task.train, task.validation))
        weights = _balanced(task) if task.classes else None
        return cls(Rows(X, y, X_validation, y_validation, weights), transformer, len(task.classes), offset, scale)

    @property
    def inputs(self) -> int:
        """Columns, or the side of an image's square."""
        return int(self.rows.X.shape[-1])

    @property
    def outputs(self) -> int:
        """One a class; one for regression."""
        return self.classes or 1


@dataclass(frozen=True)
class FittedArchitecture:
    """A transformer, and an architecture with weights; satisfies `learners.base.Model`."""

    transformer: Transformer
    configuration: Configuration
    """What the architecture is, with its family as `learner`."""
    inputs: int
    """As `Prepared.inputs`."""
    architecture: Architecture
    parameters: Parameters
    classes: int
    offset: float
    scale: float

    @torch.inference_mode()
    def scores(self, X: pd.DataFrame) -> Tensor:
        """Return logits or standardised targets (n, outputs) of raw rows."""
        return self.architecture.scores(self.parameters, tensor(self.transformer.transform(X)))

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Predict class codes (n,), the most probable ones, or target values (n,)."""
        return prediction(self.scores(X), self.classes, self.offset, self.scale)

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """Predict class probabilities (n, classes)."""
        if not self.classes:
            raise DataError("class probabilities need a classification task; this model is of a regression task")
        return self.scores(X).double().softmax(dim=1).numpy()


def metric_loss(task: Task, prepared: Prepared, scores: Tensor) -> float:
    """Loss of the task's metric on the validation part, of scores (n, outputs)."""
    predicted = prediction(scores, prepared.classes, prepared.offset, prepared.scale)
    proba = scores.double().softmax(dim=1).numpy() if task.metric.needs_proba else None
    return task.metric.loss(task.metric.value(task.validation.y, predicted, proba))


def tensor(array: np.ndarray) -> Tensor:
    """Floats as torch has them."""
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))


def _target(part: Part, kind: str, offset: float, scale: float) -> Tensor:
    if kind == "regression":
        return tensor((part.y - offset) / scale)
    return torch.from_numpy(part.y.astype(np.int64))


def _balanced(task: Task) -> Tensor:
    """Weights (classes,) under which every class counts the same, as it does in balanced accuracy."""
    counts = np.bincount(task.train.y, minlength=len(task.classes))
    return tensor(len(task.train) / (np.count_nonzero(counts) * np.maximum(counts, 1)))
