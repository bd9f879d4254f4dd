"""What learned optimizers practise on: small networks on real data, augmented until no two are alike.

Notation: B networks of one architecture, n rows and d inputs of each network's own data, b rows of a mini-batch, P
parameters. A problem is B trainings that run side by side; each has its own data set, drawn from the tasks and then

    rows     a sample with repetitions where there are too few
    inputs   d random columns, or a random projection; each then stretched or shrunk
    target   classes merged, or a number cut at quantiles; numbers to classes, or classes as numbers; noise
    step     each network's parameters on another scale, so that no one step size is right (Lv, Jiang & Li,
             "Learning gradient descent: better generalization and longer horizons", ICML 2017)

Networks are those of `learners.network`: one to three layers of 4 to 96, never residual, never with GELU.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - as torch names it everywhere

from forerun.learners.network import Architecture, Statistics
from forerun.learners.preprocessing import DEFAULTS, build
from forerun.tasks import Part, Task

ACTIVATIONS = ("relu", "tanh", "silu")
NORMALISATIONS = ("none", "none", "none", "layer", "batch")
NARROWEST, WIDEST, DEEPEST = 4, 96, 3
LARGEST = 6_000
"""P: larger networks are drawn again."""
COORDINATES = 12_000
"""B times P, about: of more networks when they are small."""
FEWEST, MOST = 2, 16
"""B."""
ROWS = (64, 128, 256, 512)
BATCHES = (16, 32, 64, 128)
LENGTHS = (50, 200)
"""Steps of a training; half of them are of the greatest length."""
SPREAD = 0.7
"""Standard deviation of the logarithm of what stretches inputs, and of what scales steps."""


@dataclass(frozen=True)
class Table:
    """A data set: inputs X (n, d), standardised, and a target y (n,), class codes or standardised numbers."""

    family: str
    X: np.ndarray
    y: np.ndarray
    classes: int
    """0 for regression."""

    @classmethod
    def of(cls, task: Task, part: Part | None = None) -> "Table":
        """A part of a task, by default the training part, as learners see it without optional preprocessing.

        What is standardised is standardised by the training part.
        """
        train, part = task.train, task.train if part is None else part
        X = build(DEFAULTS, task).fit(train.X, train.y).transform(part.X).astype(np.float32)
        y = part.y if task.classes else (part.y - train.y.mean()) / train.y.std()
        return cls(task.family, X, y, len(task.classes))

    @property
    def blind(self) -> float:
        """The loss of who does not look at the inputs: entropy of the classes, or variance, which is 1."""
        return entropy(self.y) if self.classes else 1.0


@dataclass(frozen=True)
class Problem:
    """B trainings side by side."""

    architecture: Architecture
    X: Tensor
    """(B, n, d)."""
    y: Tensor
    """(B, n): class codes, or standardised numbers."""
    blind: Tensor
    """(B,): the loss of who does not look at the inputs, entropy or variance."""
    scale: Tensor
    """(B, 1): of the parameters, were they written in another unit; an update is multiplied by it."""
    batch: int
    """b."""
    length: int
    """Steps."""

    def initial(self, seed: int) -> Tensor:
        """Draw parameters (B, P)."""
        return self.architecture.initial([torch.Generator().manual_seed(seed * 1_000 + i) for i in range(len(self.X))])

    def losses(self, parameters: Tensor, statistics: Statistics, chosen: Tensor) -> tuple[Tensor, Tensor]:
        """Return losses (R B,) of parameters (R B, P) on rows `chosen` (B, b), and their gradients (R B, P).

        R networks may share one data set: network i has that of i modulo B.
        """
        copies = len(parameters) // len(self.X)
        members = torch.arange(len(self.X))[:, None]
        X, y = self.X[members, chosen].repeat(copies, 1, 1), self.y[members, chosen].repeat(copies, 1)
        leaves = {name: view.detach().requires_grad_() for name, view in self.architecture.views(parameters).items()}
        with torch.enable_grad():
            scores = self.architecture.scores(leaves, X, statistics, training=True)
            losses = self._each(scores, y).mean(dim=1)
            gradients = torch.autograd.grad(losses.sum(), list(leaves.values()))
        return losses.detach(), torch.cat([g.flatten(1) for g in gradients], dim=1)

    def _each(self, scores: Tensor, y: Tensor) -> Tensor:
        if y.is_floating_point():
            return (scores[..., 0] - y).square()
        return F.cross_entropy(scores.flatten(0, 1), y.flatten(), reduction="none").view_as(y)


def draw(tables: Sequence[Table], rng: np.random.Generator) -> Problem:
    """Draw a problem; every family of data sets is as likely as any other."""
    outputs = int(rng.choice([0, 2, 3, 5, 8]))  # 0: regression
    architecture = _architecture(outputs, rng)
    while architecture.size > LARGEST:
        architecture = _architecture(outputs, rng)
    count = int(np.clip(COORDINATES // architecture.size, FEWEST, MOST))
    families = sorted({table.family for table in tables})
    n, drawn = int(rng.choice(ROWS)), []
    for family in rng.choice(families, count):
        own = [table for table in tables if table.family == family]
        drawn.append(augmented(own[rng.integers(len(own))], n, architecture.inputs, outputs, rng))
    y = np.stack([target for _, target in drawn])
    return Problem(
        architecture,
        torch.from_numpy(np.stack([X for X, _ in drawn]).astype(np.float32)),
        torch.from_numpy(y if outputs else y.astype(np.float32)),
        torch.tensor([entropy(target) if outputs else 1.0 for target in y]),
        torch.from_numpy(np.exp(rng.normal(0, SPREAD, (count, 1))).astype(np.float32)),
        batch=min(n, int(rng.choice(BATCHES))),
        length=LENGTHS[1] if rng.random() < 0.5 else int(rng.integers(LENGTHS[0], LENGTHS[1])),
    )


def _architecture(outputs: int, rng: np.random.Generator) -> Architecture:
    depth = int(rng.integers(1, DEEPEST + 1))
    return Architecture(
        inputs=int(rng.integers(2, 25)),
        outputs=max(outputs, 1),
        widths=tuple(round(float(np.exp(w))) for w in rng.uniform(np.log(NARROWEST), np.log(WIDEST), depth)),
        activation=str(rng.choice(ACTIVATIONS)),
        normalisation=str(rng.choice(NORMALISATIONS)),
        residual=False,
    )


def augmented(
    table: Table, n: int, inputs: int, outputs: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw inputs X (n, inputs) and a target (n,) from a table: class codes below `outputs`, or numbers if it is 0."""
    rows = rng.choice(len(table.X), n, replace=len(table.X) < n)
    X, d = table.X[rows], table.X.shape[1]
    if d >= inputs and rng.random() < 0.5:
        X = X[:, rng.choice(d, inputs, replace=False)]
    else:
        X = X @ rng.normal(0, d**-0.5, (d, inputs)).astype(np.float32)
    X = X * np.exp(rng.normal(0, SPREAD, inputs))
    noise = rng.uniform(0, 0.5) if rng.random() < 0.5 else 0.0
    if not outputs:
        y = rng.normal(size=table.classes)[table.y[rows]] if table.classes else table.y[rows]
        y = y + rng.normal(0, noise + 1e-3, n)
        return X, (y - y.mean()) / y.std()
    if table.classes:
        y = rng.permutation(np.arange(max(table.classes, outputs)) % outputs)[table.y[rows]]
    else:
        y = np.searchsorted(np.quantile(table.y, np.arange(1, outputs) / outputs), table.y[rows])
    wrong = rng.random(n) < noise / 2
    return X, np.where(wrong, rng.integers(0, outputs, n), y).astype(np.int64)


def entropy(y: np.ndarray) -> float:
    """Cross-entropy of the shares of the classes; a tenth at least, so that one class alone is no division by zero."""
    shares = np.bincount(y) / len(y)
    return max(float(-(shares[shares > 0] * np.log(shares[shares > 0])).sum()), 0.1)
