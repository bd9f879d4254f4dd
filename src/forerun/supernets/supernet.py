"""A super-network: all architectures of a family in one set of weights, trained once for a task.

Its score of an architecture is the validation loss with inherited weights: cheap, and biased, as the weights are a
compromise of all. So scores are recorded as trials of a task of their own, "digits, shared weights", and a
meta-learner finds out by real trainings on the target how far that task can be trusted: a related task among others.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from forerun.learners.architectures import Architecture, Family, FittedArchitecture
from forerun.learners.architectures.architecture import Parameters
from forerun.learners.architectures.fitted import Prepared
from forerun.learners.architectures.training import refitted_head
from forerun.space import Configuration, Floats, SearchSpace, Value
from forerun.supernets.training import SANDWICHES, Sandwich, cut, train_shared
from forerun.tasks import Task

FITTED = 512
"""Training rows, at most, by which the head of an architecture is fitted anew."""
DRAWN = 4_096
"""Random architectures drawn at once, for training."""


@dataclass(frozen=True)
class SuperNet:
    """One set of weights for every architecture of a family."""

    family: Family
    task: Task
    prepared: Prepared
    parameters: Parameters
    seed: int
    fit_seconds: float
    """Processor time of the training."""

    @classmethod
    def fit(cls, family: Family, task: Task, *, sandwich: Sandwich | None = None, seed: int = 0) -> "SuperNet":
        """Train the super-network of a family for a task; same seed, same weights."""
        began = time.process_time()
        prepared = family.prepare(task)
        sandwich = sandwich or SANDWICHES.get(family.name, Sandwich())
        teacher, *others = (_built(family, prepared, configuration) for configuration in family.covering())
        shapes = {name: shape for largest in (teacher, *others) for name, shape in largest.shapes.items()}
        students = _students(family, prepared, task.kind, sandwich.paths, np.random.default_rng([seed, 0x5A]))
        parameters = train_shared(shapes, teacher, students, prepared.rows, sandwich, seed=seed)
        return cls(family, task, prepared, parameters, seed, time.process_time() - began)

    @cached_property
    def space(self) -> SearchSpace:
        """The architectures."""
        return self.family.space(self.task.kind)

    def extract(self, configuration: Configuration) -> FittedArchitecture:
        """Cut one architecture out, with inherited weights of its own; raises SpaceError for one of another space."""
        self.space.check(configuration)
        architecture, rows = _built(self.family, self.prepared, configuration), self.prepared.rows
        own = {name: p.clone() for name, p in cut(self.parameters, architecture.shapes).items()}
        with torch.no_grad():
            own |= refitted_head(architecture.features(own, rows.X[:FITTED]), rows)
        return self.family.fitted(configuration, self.prepared, own)

    def outputs(self, configurations: Sequence[Configuration]) -> Iterator[Tensor]:
        """Logits or standardised targets (m, outputs) of the m validation rows, of each network cut out."""
        for configuration in configurations:
            model = self.extract(configuration)
            with torch.inference_mode():
                yield model.architecture.scores(model.parameters, self.prepared.rows.X_validation)

    def score(self, configurations: Sequence[Configuration]) -> Floats:
        """Validation losses (n,) with inherited weights: those of the networks cut out, as `extract` gives them.

        They are those that are trained by, cross entropy or squared error, as accuracies of many a pair are equal.
        """
        rows = self.prepared.rows
        return np.array([float(rows.loss(said, rows.y_validation)) for said in self.outputs(configurations)])


def _built(family: Family, prepared: Prepared, configuration: Configuration) -> Architecture:
    return family.architecture(configuration, prepared.inputs, prepared.outputs)


def _students(
    family: Family, prepared: Prepared, kind: str, paths: int, rng: np.random.Generator
) -> Iterator[list[Architecture]]:
    """Without end: the smallest architecture with random choices, and so many random ones, of every length as often.

    What is long learns slowly where weights are shared, and is underrated where it is drawn as often as what is short.
    """
    space = family.space(kind)
    while True:
        drawn: dict[Value, list[Configuration]] = {}
        for configuration in space.sample(rng, DRAWN):
            drawn.setdefault(configuration[family.length], []).append(configuration)
        # in order, so that the same seed draws the same
        alike = [drawn[length] for length in sorted(drawn, key=float)]  # type: ignore[arg-type]
        for _ in range(DRAWN // (paths + 1)):
            first, *others = (
                alike[i][int(rng.integers(len(alike[i])))] for i in rng.integers(len(alike), size=paths + 1)
            )
            yield [_built(family, prepared, c) for c in (family.smallest(first), *others)]
