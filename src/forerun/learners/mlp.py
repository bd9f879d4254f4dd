"""Small multilayer perceptrons in torch; a training is a batch of one.

`train_many` trains every configuration of one architecture in one stack (`learners.stacked`), and `train` is
`train_many` of one, so both give the same results by construction.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from sklearn.pipeline import Pipeline
from torch import Tensor

from forerun.errors import DataError, TrainingError
from forerun.learners.base import BaseLearner, Outcome, Report
from forerun.learners.fitted import own_settings, scaled, standardisation
from forerun.learners.network import ACTIVATIONS, Architecture, Network
from forerun.learners.optimizers import SCHEDULES, UNRATED
from forerun.learners.preprocessing import build, training_part
from forerun.learners.stacked import Member, Rows, train_stack
from forerun.space import ALWAYS, Categorical, Condition, Configuration, Domain, Integer, Ordinal, Real
from forerun.tasks.task import Part, Task

DEEPEST = 4
WIDTHS = (16, 32, 64, 128)
DEFAULT_WIDTH = 64

SEARCHED = ("sgd", "adam", "adamw")
"""Optimizers that the default space offers: those that the shipped history tried."""
LARGEST_SCORE = 1e6
"""Of a logit, or of a target in standard deviations; beyond it a training counts as diverged."""

PER_MEMBER = frozenset(
    f"mlp.{name}"
    for name in ("optimizer", "learning_rate", "momentum", "schedule", "weight_decay", "dropout", "class_weight")
)
"""Settings in which the members of one stack may differ; all others shape the computation or the data."""


@dataclass(frozen=True)
class FittedNetwork:
    """A fitted transformer and network; satisfies `learners.base.Model`."""

    transformer: Pipeline
    network: Network
    classes: int
    """Number of classes of the task; 0 for regression."""
    offset: float = 0.0
    scale: float = 1.0
    """The network was fitted to (y - offset) / scale; regression only."""

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Predict class codes (n,), the most probable ones, or target values (n,)."""
        return prediction(
            self.network.scores(_matrix(self.transformer.transform(X))), self.classes, self.offset, self.scale
        )

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """Predict class probabilities (n, classes)."""
        if not self.classes:
            raise DataError("class probabilities need a classification task; this model is of a regression task")
        return self.network.scores(_matrix(self.transformer.transform(X))).double().softmax(dim=1).numpy()


def prediction(scores: Tensor, classes: int, offset: float, scale: float) -> np.ndarray:
    """Turn scores (n, outputs) into class codes (n,) or target values (n,)."""
    if classes:
        return scores.argmax(dim=1).numpy()
    return scores[:, 0].double().numpy() * scale + offset


@dataclass(frozen=True)
class Mlp(BaseLearner):
    """Multilayer perceptron trained for a fixed number of epochs; fidelity scales their number.

    The curve holds the loss of the task's metric on the validation part. Residual connections join hidden
    layers of equal width. A training whose validation scores explode has diverged.
    """

    name: ClassVar[str] = "mlp"
    optimizers: tuple[str, ...] = SEARCHED
    """That the space offers. All of `learners.optimizers` train: `Mlp(tuple(OPTIMIZERS))` offers "learned" too, which
    has no learning rate."""

    def domains(self, kind: str) -> Mapping[str, tuple[Domain, Condition]]:
        """Return the hyperparameters of this learner."""
        found: dict[str, tuple[Domain, Condition]] = {
            "mlp.depth": (Integer(1, DEEPEST), ALWAYS),
            **{
                f"mlp.width_{i}": (Ordinal(WIDTHS), Condition.of({"mlp.depth": f">= {i}"}) if i > 1 else ALWAYS)
                for i in range(1, DEEPEST + 1)
            },
            "mlp.activation": (Categorical(tuple(ACTIVATIONS)), ALWAYS),
            "mlp.normalisation": (Categorical(("none", "layer", "batch")), ALWAYS),
            "mlp.dropout": (Real(0.0, 0.5), ALWAYS),
            "mlp.residual": (Categorical((False, True)), Condition.of({"mlp.depth": ">= 2"})),
            "mlp.optimizer": (Categorical(self.optimizers), ALWAYS),
            **self._of_optimizers(),
            "mlp.schedule": (Categorical(tuple(SCHEDULES)), ALWAYS),
            "mlp.batch_size": (Ordinal((32, 64, 128, 256)), ALWAYS),
            "mlp.weight_decay": (Real(1e-6, 1e-1, log=True), ALWAYS),
            "mlp.epochs": (Integer(5, 40, log=True), ALWAYS),
        }
        if kind == "regression":
            return found
        return {**found, "mlp.class_weight": (Categorical(("none", "balanced")), ALWAYS)}

    def _of_optimizers(self) -> dict[str, tuple[Domain, Condition]]:
        """Learning rate and momentum, where an optimizer that is offered has them."""
        rated = tuple(name for name in self.optimizers if name not in UNRATED)
        if not rated:
            return {}
        # where all have a rate there is no condition, as in the history
        condition = ALWAYS if rated == self.optimizers else Condition.of({"mlp.optimizer": rated})
        found: dict[str, tuple[Domain, Condition]] = {"mlp.learning_rate": (Real(1e-4, 1e-1, log=True), condition)}
        if "sgd" in rated:
            found["mlp.momentum"] = Real(0.0, 0.99), Condition.of({"mlp.optimizer": "sgd"})
        return found

    def defaults(self, kind: str) -> Configuration:
        """Our own, as torch has none: two layers of 64 ReLUs, AdamW at 0.003 with a cosine schedule."""
        shared: Configuration = {
            "mlp.depth": 2,
            "mlp.width_1": DEFAULT_WIDTH,
            "mlp.width_2": DEFAULT_WIDTH,
            "mlp.activation": "relu",
            "mlp.normalisation": "none",
            "mlp.dropout": 0.0,
            "mlp.residual": False,
            "mlp.optimizer": "adamw",
            "mlp.learning_rate": 0.003,
            "mlp.schedule": "cosine",
            "mlp.batch_size": 32,
            "mlp.weight_decay": 0.01,
            "mlp.epochs": 40,
        }
        return shared if kind == "regression" else {**shared, "mlp.class_weight": "none"}

    def train(
        self,
        configuration: Mapping[str, Any],
        task: Task,
        *,
        fidelity: float = 1.0,
        seed: int = 0,
        report: Report | None = None,
    ) -> Outcome:
        """Train a stack of one."""
        reports = None if report is None else [report]
        (outcome,) = self.train_many([configuration], task, [seed], fidelity=fidelity, reports=reports)
        if isinstance(outcome, TrainingError):
            raise outcome
        return outcome

    def train_many(
        self,
        configurations: Sequence[Mapping[str, Any]],
        task: Task,
        seeds: Sequence[int],
        *,
        fidelity: float = 1.0,
        reports: Sequence[Report] | None = None,
    ) -> list[Outcome | TrainingError]:
        """Train one network a configuration and seed; all that share a `stack_key` are trained as one stack.

        Results come in the order of the configurations, and are those of one by one. A training that diverges
        is a TrainingError in its place. `fit_seconds` of a member is its equal share of its stack's.
        """
        found: dict[int, Outcome | TrainingError] = {}
        stacks: dict[str, list[int]] = {}
        for i, configuration in enumerate(configurations):
            stacks.setdefault(stack_key(configuration), []).append(i)
        for indices in stacks.values():
            # stable, and members with the same optimizer must stand side by side
            indices.sort(key=lambda i: str(configurations[i]["mlp.optimizer"]))
            stack = _Stack([configurations[i] for i in indices], task, [seeds[i] for i in indices])
            outcomes = stack.train(fidelity, None if reports is None else [reports[i] for i in indices])
            found.update(zip(indices, outcomes, strict=True))
        return [found[i] for i in range(len(configurations))]


def stack_key(configuration: Mapping[str, Any]) -> str:
    """What configurations must share to be trained in one stack, as one string."""
    return repr(sorted((k, v) for k, v in configuration.items() if k not in PER_MEMBER))


class _Stack:
    """Configurations of one `stack_key` on one task, prepared and trained together."""

    def __init__(self, configurations: list[Mapping[str, Any]], task: Task, seeds: list[int]) -> None:
        self.started = time.perf_counter()
        self.task = task
        self.shared = own_settings(configurations[0], "mlp")
        part = training_part(configurations[0], task)
        self.transformer = build(configurations[0], task)
        self.offset, self.scale = standardisation(part.y, task.kind)
        self.rows = self._rows(part)
        self.members = [
            self._member(own_settings(c, "mlp"), part.y, s) for c, s in zip(configurations, seeds, strict=True)
        ]
        self.failures: dict[int, TrainingError] = {}
        self.curves: list[list[tuple[int, float]]] = [[] for _ in seeds]

    def _rows(self, part: Part) -> Rows:
        X = _matrix(self.transformer.fit_transform(part.X, part.y))
        X_validation = _matrix(self.transformer.transform(self.task.validation.X))
        if self.task.kind == "regression":
            y = torch.from_numpy(((part.y - self.offset) / self.scale).astype(np.float32))
        else:
            y = torch.from_numpy(part.y.astype(np.int64))
        return Rows(X, y, X_validation)

    def _member(self, own: Mapping[str, Any], y: np.ndarray, seed: int) -> Member:
        weights = None
        if self.task.kind != "regression":
            counts = np.bincount(y, minlength=len(self.task.classes))
            balanced = len(y) / (np.count_nonzero(counts) * np.maximum(counts, 1))
            weights = torch.tensor(balanced if own["class_weight"] == "balanced" else np.ones(len(counts))).float()
        return Member(
            optimizer=own["optimizer"],
            learning_rate=UNRATED[own["optimizer"]] if own["optimizer"] in UNRATED else own["learning_rate"],
            momentum=own.get("momentum", 0.0),
            schedule=own["schedule"],
            weight_decay=own["weight_decay"],
            dropout=own["dropout"],
            class_weights=weights,
            seed=seed,
        )

    def train(self, fidelity: float, reports: list[Report] | None) -> list[Outcome | TrainingError]:
        own = self.shared
        architecture = Architecture(
            inputs=self.rows.X.shape[1],
            # A regression needs one output, but bmm multiplies by a single column with another kernel for a
            # stack of one than for more, and their roundings differ; the second column stays unread.
            outputs=max(len(self.task.classes), 2),
            # a width between the listed ones may come back from a file as a float
            widths=tuple(int(own.get(f"width_{i}", DEFAULT_WIDTH)) for i in range(1, own["depth"] + 1)),
            activation=own["activation"],
            normalisation=own["normalisation"],
            residual=own.get("residual", False),
        )

        def watch(epoch: int, scores: Tensor) -> bool:
            for i, loss in self._losses(epoch, scores):
                self.curves[i].append((epoch, loss))
                if reports is not None:
                    reports[i](epoch, loss)
            return len(self.failures) < len(self.members)

        networks = train_stack(
            architecture,
            self.members,
            self.rows,
            epochs=scaled(own["epochs"], fidelity),
            batch_size=int(own["batch_size"]),
            watch=watch,
        )
        return self._outcomes(networks)

    def _losses(self, epoch: int, scores: Tensor) -> list[tuple[int, float]]:
        """Validation losses of the members that are still well; those that are not become failures."""
        task, found = self.task, []
        # also false where a score is nan
        well = (scores.abs() < LARGEST_SCORE).flatten(1).all(dim=1)
        for i in range(len(self.members)):
            if i in self.failures:
                continue
            if not well[i]:
                self.failures[i] = TrainingError(
                    f"diverged at epoch {epoch}: validation scores are not finite or above {LARGEST_SCORE:.0e}"
                )
                continue
            predicted = prediction(scores[i], len(task.classes), self.offset, self.scale)
            proba = scores[i].double().softmax(dim=1).numpy() if task.metric.needs_proba else None
            found.append((i, task.metric.loss(task.metric.value(task.validation.y, predicted, proba))))
        return found

    def _outcomes(self, networks: list[Network]) -> list[Outcome | TrainingError]:
        seconds = (time.perf_counter() - self.started) / len(self.members)
        found: list[Outcome | TrainingError] = []
        for i, network in enumerate(networks):
            model = FittedNetwork(self.transformer, network, len(self.task.classes), self.offset, self.scale)
            found.append(self.failures.get(i) or Outcome(model, seconds, tuple(self.curves[i])))
        return found


def _matrix(Z: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(Z, dtype=np.float32))
