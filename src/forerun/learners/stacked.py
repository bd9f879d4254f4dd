"""The training loop of stacked networks (see `network` for the notation)."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - as torch names it everywhere

from forerun.learners.network import Architecture, Network, Statistics
from forerun.learners.optimizers import OPTIMIZERS, SCHEDULES, Optimizer

Watch = Callable[[int, Tensor], bool]
"""Called once an epoch with the epoch (from 1) and the validation scores (B, n, outputs); False ends the training."""


@dataclass(frozen=True)
class Member:
    """The settings in which the members of a stack may differ."""

    optimizer: str
    learning_rate: float
    momentum: float
    schedule: str
    weight_decay: float
    dropout: float
    class_weights: Tensor | None
    """(outputs,); None for regression."""
    seed: int


@dataclass(frozen=True)
class Rows:
    """What all members learn from."""

    X: Tensor
    """(n, d)."""
    y: Tensor
    """(n,) class codes (int64), or standardised targets (float32)."""
    X_validation: Tensor


class Dropout:
    """Random masks, drawn by each member's own generator, so that no member depends on its companions."""

    def __init__(self, members: list[Member], widths: tuple[int, ...]) -> None:
        self.widths = widths
        self.generators = [torch.Generator().manual_seed(m.seed + 1_000_003) for m in members]
        # masks are drawn a byte at a time, eight times faster than floats: rates are multiples of 1/256
        levels = torch.tensor([[round(m.dropout * 256)] for m in members])
        self.levels = levels.to(torch.uint8)
        self.scales = 256 / (256 - levels.float())

    def masks(self, b: int) -> list[Tensor] | None:
        """Return one mask (B, b, width) a layer, or None when no member drops anything."""
        if not bool(self.levels.any()):
            return None
        total = b * sum(self.widths)
        words = torch.zeros(len(self.generators), -(-total // 8), dtype=torch.int64)
        for row, level, generator in zip(words, self.levels, self.generators, strict=True):
            if level:
                row.random_(-(2**63), None, generator=generator)
        kept = (words.view(torch.uint8)[:, :total] >= self.levels).float().mul_(self.scales)
        pieces = torch.split(kept, [b * w for w in self.widths], dim=1)
        return [p.reshape(len(kept), b, w) for p, w in zip(pieces, self.widths, strict=True)]


def train_stack(
    architecture: Architecture, members: list[Member], rows: Rows, *, epochs: int, batch_size: int, watch: Watch
) -> list[Network]:
    """Train all members at once; member i's network does not depend on the others.

    Members with the same optimizer must stand side by side. A last mini-batch that is not full is left out
    (every epoch another one), so that all steps have one shape.
    """
    generators = [torch.Generator().manual_seed(m.seed) for m in members]
    flat = architecture.initial(generators)
    statistics = architecture.initial_statistics(len(members))
    leaves = {name: view.detach().requires_grad_() for name, view in architecture.views(flat).items()}
    dropout = Dropout(members, architecture.widths)
    optimizers = _optimizers(members, flat)
    n, b = len(rows.X), min(batch_size, len(rows.X))
    steps = n // b
    rates = _learning_rates(members, epochs * steps)
    loss_of = _criterion(members)
    for epoch in range(epochs):
        order = torch.stack([torch.randperm(n, generator=g) for g in generators])
        for step in range(steps):
            chosen = order[:, step * b : (step + 1) * b]
            masks = dropout.masks(b)
            scores = architecture.scores(leaves, rows.X[chosen], statistics, masks, training=True)
            gradients = torch.autograd.grad(loss_of(scores, rows.y[chosen]), list(leaves.values()))
            gradient = torch.cat([g.flatten(1) for g in gradients], dim=1)
            rate = rates[epoch * steps + step]
            for part, optimizer in optimizers:
                optimizer.step(flat[part], gradient[part], rate[part])
        if not watch(epoch + 1, _validation_scores(architecture, leaves, rows, statistics, len(members))):
            break
    return _unstack(architecture, flat, statistics)


@torch.no_grad()
def _validation_scores(
    architecture: Architecture, leaves: dict[str, Tensor], rows: Rows, statistics: Statistics, members: int
) -> Tensor:
    return architecture.scores(leaves, rows.X_validation.expand(members, -1, -1), statistics)


def _optimizers(members: list[Member], flat: Tensor) -> list[tuple[slice, Optimizer]]:
    found, start = [], 0
    for name, group in groupby(members, key=lambda m: m.optimizer):
        own = list(group)
        part = slice(start, start + len(own))
        decay = torch.tensor([[m.weight_decay] for m in own])
        momentum = torch.tensor([[m.momentum] for m in own])
        found.append((part, OPTIMIZERS[name](flat[part], decay, momentum)))
        start = part.stop
    return found


def _learning_rates(members: list[Member], steps: int) -> Tensor:
    """Learning rates (steps, B, 1)."""
    share = torch.arange(steps) / steps
    return torch.stack([m.learning_rate * SCHEDULES[m.schedule](share) for m in members], dim=1)[..., None]


def _criterion(members: list[Member]) -> Callable[[Tensor, Tensor], Tensor]:
    """The sum over members of their mean losses; its gradient leaves each member its own."""

    def squared(scores: Tensor, y: Tensor) -> Tensor:
        return F.mse_loss(scores[..., 0], y, reduction="none").mean(dim=1).sum()

    def cross_entropy(scores: Tensor, y: Tensor) -> Tensor:
        losses = F.cross_entropy(scores.flatten(0, 1), y.flatten(), reduction="none").view_as(y)
        w = weights.gather(1, y)
        return ((losses * w).sum(dim=1) / w.sum(dim=1)).sum()

    if members[0].class_weights is None:
        return squared
    weights = torch.stack([m.class_weights for m in members if m.class_weights is not None])
    return cross_entropy


def _unstack(architecture: Architecture, flat: Tensor, statistics: Statistics) -> list[Network]:
    found = []
    for i in range(len(flat)):
        own = {name: view.clone() for name, view in architecture.views(flat[i : i + 1]).items()}
        found.append(
            Network(
                architecture, own, {k: (m[i : i + 1].clone(), v[i : i + 1].clone()) for k, (m, v) in statistics.items()}
            )
        )
    return found
