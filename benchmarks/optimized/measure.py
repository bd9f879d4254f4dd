"""Losses of one network on one data set, by many optimizers and seeds at once, in stacks.

All optimizers start from the same parameters and see the same mini-batches, seed by seed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - as torch names it everywhere

from forerun.learners.network import Architecture, Statistics
from forerun.learners.optimizers import OPTIMIZERS, Learned, Optimizer
from forerun.metatraining import Table

BATCH = 32
ADAM_RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
SGD_RATES = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0)
MOMENTUM = 0.9
LOST = 1e30
"""A loss that is larger, or no number: JSON knows no infinity."""
DECAY = {"adamw": 0.01}
"""Weight decay: torch's default."""


@dataclass(frozen=True)
class Contender:
    """An optimizer with its learning rate, 1 for a learned one."""

    optimizer: str
    rate: float = 1.0
    rule: str = ""
    """Name or folder of a learned one."""

    def make(self, rows: Tensor) -> Optimizer:
        """The optimizer of parameters (m, P)."""
        sort = type("Own", (Learned,), {"rule": self.rule}) if self.rule else OPTIMIZERS[self.optimizer]
        column = rows.new_ones(len(rows), 1)
        return sort(rows, column * DECAY.get(self.optimizer, 0.0), column * MOMENTUM)


def tuned() -> list[Contender]:
    """Every other optimizer at seven learning rates."""
    found = [Contender("sgd", rate) for rate in SGD_RATES]
    return found + [Contender(name, rate) for name in ("adam", "adamw") for rate in ADAM_RATES]


def curves(
    tables: Sequence[Table],
    architecture: Architecture,
    contenders: Sequence[Contender],
    seeds: Sequence[int],
    shown: Sequence[int],
) -> np.ndarray:
    """Losses (tables, contenders, seeds, shown) on all rows of tables; the first of these is trained on.

    `shown` are the steps after which losses are taken; they must rise.
    """
    starts = architecture.initial([torch.Generator().manual_seed(seed) for seed in seeds])
    rows = starts.repeat(len(contenders), 1)
    parts = [slice(i * len(seeds), (i + 1) * len(seeds)) for i in range(len(contenders))]
    optimizers = [contender.make(rows[part]) for contender, part in zip(contenders, parts, strict=True)]
    rates = [rows.new_full((len(seeds), 1), contender.rate) for contender in contenders]
    statistics = architecture.initial_statistics(len(rows))
    data = [_tensors(table) for table in tables]
    X, y = data[0]
    batches, found = _Batches(len(X), seeds), []
    for before, after in pairwise((0, *shown)):
        for _ in range(after - before):
            chosen = batches.next().repeat(len(contenders), 1)
            gradient = _gradient(architecture, rows, statistics, X[chosen], y[chosen])
            for part, optimizer, rate in zip(parts, optimizers, rates, strict=True):
                optimizer.step(rows[part], gradient[part], rate)
        found.append([_losses(architecture, rows, statistics, *pair) for pair in data])
    return np.stack(found, axis=-1).reshape(len(tables), len(contenders), len(seeds), len(shown))


def _tensors(table: Table) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(table.X), torch.from_numpy(table.y if table.classes else table.y.astype(np.float32))


class _Batches:
    """Mini-batches (seeds, b), epoch by epoch, of each seed's own."""

    def __init__(self, n: int, seeds: Sequence[int]) -> None:
        self.n, self.batch = n, min(BATCH, n)
        self.generators = [torch.Generator().manual_seed(1_000 + seed) for seed in seeds]
        self.left = torch.empty(len(seeds), 0, dtype=torch.int64)

    def next(self) -> Tensor:
        if self.left.shape[1] < self.batch:
            self.left = torch.stack([torch.randperm(self.n, generator=g) for g in self.generators])
        chosen, self.left = self.left[:, : self.batch], self.left[:, self.batch :]
        return chosen


def _each(scores: Tensor, y: Tensor) -> Tensor:
    if y.is_floating_point():
        return (scores[..., 0] - y).square()
    return F.cross_entropy(scores.flatten(0, 1), y.flatten(), reduction="none").view_as(y)


def _gradient(architecture: Architecture, rows: Tensor, statistics: Statistics, X: Tensor, y: Tensor) -> Tensor:
    leaves = {name: view.detach().requires_grad_() for name, view in architecture.views(rows).items()}
    loss = _each(architecture.scores(leaves, X, statistics, training=True), y).mean(dim=1).sum()
    return torch.cat([g.flatten(1) for g in torch.autograd.grad(loss, list(leaves.values()))], dim=1)


@torch.no_grad()
def _losses(architecture: Architecture, rows: Tensor, statistics: Statistics, X: Tensor, y: Tensor) -> np.ndarray:
    count = len(rows)
    scores = architecture.scores(architecture.views(rows), X.expand(count, -1, -1), statistics)
    losses = _each(scores, y.expand(count, -1)).mean(dim=1).double()
    return losses.nan_to_num(nan=LOST, posinf=LOST).clamp_max(LOST).numpy()
