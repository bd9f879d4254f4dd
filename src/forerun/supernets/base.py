"""The contract of architecture families: what may be built, how it computes, what all of it shares.

Notation: n rows, classes c, a configuration names one architecture (a path through the super-network).

A family declares its choices as ordinary domains, so that an architecture is a configuration like any other. Its
networks are functions of named parameters, and a parameter of a smaller network is the leading corner of the
largest one's (slimmable networks: Yu et al., ICLR 2019; Once-for-all: Cai et al., ICLR 2020). So the parameters of
a super-network, cut to the shapes of an architecture, *are* that architecture with inherited weights.

A family is a base learner too: `train` trains one architecture from scratch.
"""

import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from forerun.errors import DataError, TrainingError
from forerun.learners import BaseLearner, Outcome, Report
from forerun.learners.fitted import scaled, standardisation
from forerun.learners.mlp import LARGEST_SCORE, prediction
from forerun.space import ALWAYS, Categorical, Condition, Configuration, SearchSpace
from forerun.supernets.training import Recipe, Rows, Sandwich, train_alone
from forerun.tasks import Task
from forerun.tasks.task import Part

Parameters = Mapping[str, Tensor]


class Architecture(Protocol):
    """One network without its weights."""

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of each parameter that it uses, by name."""
        ...

    def features(self, parameters: Parameters, X: Tensor) -> Tensor:
        """Return what the last hidden layer makes of X, (n, width); parameters have its `shapes`."""
        ...

    def scores(self, parameters: Parameters, X: Tensor) -> Tensor:
        """Return logits or standardised targets (n, outputs): a linear head ('head') on the features."""
        ...


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


@dataclass(frozen=True)
class Family(BaseLearner):
    """Architectures that can share their weights."""

    recipe: Recipe = Recipe()  # noqa: RUF009 - frozen
    """How one of them is trained from scratch."""
    sandwich: Sandwich = Sandwich()  # noqa: RUF009 - frozen
    """How all of them are trained as one."""

    @abstractmethod
    def architecture(self, configuration: Configuration, inputs: int, outputs: int) -> Architecture:
        """Build the network of a configuration for so many inputs (see `Prepared.inputs`) and outputs."""

    @abstractmethod
    def covering(self) -> Sequence[Configuration]:
        """The largest configurations, which together use every parameter; the first one teaches all others."""

    @abstractmethod
    def smallest(self, configuration: Configuration) -> Configuration:
        """The same choices at the least size."""

    @abstractmethod
    def transformer(self, task: Task) -> Transformer:
        """Make the unfitted transformer. Raises DataError for a task that the family cannot take."""

    def space(self, kind: str) -> SearchSpace:
        """Return what may be built for a kind of task; `learner` names the family, as in the joint space."""
        return _space(self, kind)

    def prepare(self, task: Task) -> Prepared:
        """Fit the transformer to the training part, and transform what networks see of the task."""
        transformer = self.transformer(task)
        offset, scale = standardisation(task.train.y, task.kind)
        X = tensor(transformer.fit_transform(task.train.X, task.train.y))
        X_validation = tensor(transformer.transform(task.validation.X))
        y, y_validation = (_target(part, task.kind, offset, scale) for part in (task.train, task.validation))
        weights = _balanced(task) if task.classes else None
        return Prepared(Rows(X, y, X_validation, y_validation, weights), transformer, len(task.classes), offset, scale)

    def train(
        self,
        configuration: Mapping[str, Any],
        task: Task,
        *,
        fidelity: float = 1.0,
        seed: int = 0,
        report: Report | None = None,
    ) -> Outcome:
        """Train one architecture from scratch; the curve holds the loss of the task's metric."""
        started = time.perf_counter()
        prepared = self.prepare(task)
        architecture = self.architecture(configuration, prepared.inputs, prepared.outputs)
        curve: list[tuple[int, float]] = []

        def watch(epoch: int, scores: Tensor) -> None:
            # also true where a score is nan
            if not bool((scores.abs() < LARGEST_SCORE).all()):
                raise TrainingError(
                    f"diverged at epoch {epoch}: validation scores exceed {LARGEST_SCORE:.0e} or are nan"
                )
            curve.append((epoch, metric_loss(task, prepared, scores)))
            if report is not None:
                report(*curve[-1])

        epochs = scaled(self.recipe.epochs, fidelity)
        parameters = train_alone(architecture, prepared.rows, self.recipe, epochs, seed=seed, watch=watch)
        return Outcome(fitted(prepared, architecture, parameters), time.perf_counter() - started, tuple(curve))


def fitted(prepared: Prepared, architecture: Architecture, parameters: Parameters) -> FittedArchitecture:
    """Join an architecture and its weights to the transformer of a task."""
    own = prepared.transformer, architecture, parameters
    return FittedArchitecture(*own, prepared.classes, prepared.offset, prepared.scale)


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


@cache
def _space(family: Family, kind: str) -> SearchSpace:
    declared = {"learner": (Categorical((family.name,)), ALWAYS), **family.domains(kind)}
    conditions: dict[str, Condition] = {name: condition for name, (_, condition) in declared.items()}
    return SearchSpace(f"{family.name}-architectures", {n: domain for n, (domain, _) in declared.items()}, conditions)
