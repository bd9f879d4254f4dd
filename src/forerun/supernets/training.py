"""Training all architectures of a family at once.

A super-network is trained by uniform path sampling (Guo et al., ECCV 2020) under the sandwich rule with in-place
distillation (Yu & Huang, ICCV 2019; BigNAS: Yu et al., ECCV 2020): each mini-batch trains the largest network on the
labels, then the smallest one and a few random ones on the labels and on what the largest said, each in a step of its
own: four steps cost hardly more than one along the sum of four gradients.
Nothing else is needed at the end: no normalisation here keeps running statistics, so none is computed anew for a path.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from forerun.learners.architectures import Architecture, Recipe
from forerun.learners.architectures.architecture import Parameters
from forerun.learners.architectures.training import Rows, epochs_of, initial


@dataclass(frozen=True)
class Sandwich(Recipe):
    """How a super-network is trained."""

    epochs: int = 8
    learning_rate: float = 0.005
    paths: int = 2
    """Random architectures in every step, beside the largest and the smallest."""
    labels: float = 0.8
    """Share of the labels in what all but the largest learn from; the rest is what the largest says."""


SANDWICHES: dict[str, Sandwich] = {"dense": Sandwich(), "cells": Sandwich(epochs=10, learning_rate=0.02)}
"""How the super-network of each family is trained."""


def cut(parameters: Parameters, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """The leading corners of parameters: what an architecture with these shapes inherits (views, no copies)."""
    return {name: parameters[name][tuple(slice(size) for size in shape)] for name, shape in shapes.items()}


def train_shared(
    shapes: Mapping[str, tuple[int, ...]],
    teacher: Architecture,
    students: Iterator[Sequence[Architecture]],
    rows: Rows,
    sandwich: Sandwich,
    *,
    seed: int,
) -> dict[str, Tensor]:
    """Train parameters of these shapes as those of many architectures; return them.

    `teacher` is the largest one, and `students` are for each step those that it teaches.
    """
    generator = torch.Generator().manual_seed(seed)
    parameters = initial(shapes, generator)
    for _, batches in epochs_of(parameters, rows, sandwich, sandwich.epochs, generator, turns=sandwich.paths + 2):
        for chosen in batches:
            X, y = rows.X[chosen], rows.y[chosen]
            scores = _scores(teacher, parameters, X)
            rows.loss(scores, y).backward()  # type: ignore[no-untyped-call]
            said = scores.detach()
            for student in next(students):
                next(batches)  # the same rows, after a step
                scores = _scores(student, parameters, X)
                loss = sandwich.labels * rows.loss(scores, y)
                loss = loss + (1 - sandwich.labels) * rows.distilled(scores, said)
                loss.backward()  # type: ignore[no-untyped-call]
    return {name: p.detach() for name, p in parameters.items()}


def _scores(architecture: Architecture, parameters: Parameters, X: Tensor) -> Tensor:
    return architecture.scores(cut(parameters, architecture.shapes), X)
