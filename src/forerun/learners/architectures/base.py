"""The contract of architecture families: what may be built, and how one of them is trained from scratch.

A family declares its choices as ordinary domains, so that an architecture is a configuration like any other, and a
family is a base learner like any other: `train` trains one architecture. Its networks are functions of named
parameters, and a parameter of a smaller network is the leading corner of the largest one's (slimmable networks: Yu et
al., ICLR 2019; Once-for-all: Cai et al., ICLR 2020). So the parameters of a network that covers all others, cut to
the shapes of an architecture, *are* that architecture's: `forerun.supernets` trains all of them at once.
"""

import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from torch import Tensor

from forerun.errors import TrainingError
from forerun.learners.architectures.architecture import Architecture, Parameters
from forerun.learners.architectures.fitted import FittedArchitecture, Prepared, Transformer, metric_loss
from forerun.learners.architectures.training import Recipe, train_alone
from forerun.learners.base import BaseLearner, Outcome, Report
from forerun.learners.fitted import scaled
from forerun.learners.mlp import LARGEST_SCORE
from forerun.space import ALWAYS, Categorical, Condition, Configuration, SearchSpace
from forerun.tasks import Task


@dataclass(frozen=True)
class Family(BaseLearner):
    """Architectures of one kind, as one base learner."""

    title: ClassVar[str]
    """One of them, in a sentence."""
    length: ClassVar[str]
    """The choice of how many layers or cells stand one after the other."""
    recipe: Recipe = Recipe()  # noqa: RUF009 - frozen
    """How one of them is trained from scratch."""

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
        """The task as this family's networks see it."""
        return Prepared.of(task, self.transformer(task))

    def fitted(self, configuration: Configuration, prepared: Prepared, parameters: Parameters) -> FittedArchitecture:
        """Join an architecture and its weights to the transformer of a task."""
        return FittedArchitecture(
            transformer=prepared.transformer,
            configuration={**configuration, "learner": self.name},
            inputs=prepared.inputs,
            architecture=self.architecture(configuration, prepared.inputs, prepared.outputs),
            parameters=parameters,
            classes=prepared.classes,
            offset=prepared.offset,
            scale=prepared.scale,
        )

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
        return Outcome(self.fitted(configuration, prepared, parameters), time.perf_counter() - started, tuple(curve))


@cache
def _space(family: Family, kind: str) -> SearchSpace:
    declared = {"learner": (Categorical((family.name,)), ALWAYS), **family.domains(kind)}
    conditions: dict[str, Condition] = {name: condition for name, (_, condition) in declared.items()}
    return SearchSpace(f"{family.name}-architectures", {n: domain for n, (domain, _) in declared.items()}, conditions)
