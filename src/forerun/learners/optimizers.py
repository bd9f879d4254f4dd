"""Optimizers of stacked networks, and their schedules.

Notation: m members of the stack that share an optimizer, P parameters each. An optimizer works in place on
their rows (m, P) of the stack; every setting is a column (m, 1), so members differ in their settings freely.
"""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from forerun.optimizers.rule import STEP
from forerun.optimizers.saved import load


class Optimizer(ABC):
    """The rule of one step; made for the rows that it will move."""

    def __init__(self, rows: Tensor, weight_decay: Tensor, momentum: Tensor) -> None:
        self.weight_decay = weight_decay
        self.momentum = momentum

    @abstractmethod
    def step(self, rows: Tensor, gradient: Tensor, learning_rate: Tensor) -> None:
        """Move rows (m, P) in place by one step along gradient (m, P), which it may overwrite."""


class Sgd(Optimizer):
    """Stochastic gradient descent with momentum; weight decay is a part of the gradient (as torch.optim.SGD)."""

    def __init__(self, rows: Tensor, weight_decay: Tensor, momentum: Tensor) -> None:
        super().__init__(rows, weight_decay, momentum)
        self.velocity = torch.zeros_like(rows)

    def step(self, rows: Tensor, gradient: Tensor, learning_rate: Tensor) -> None:
        """Move rows in place."""
        gradient.addcmul_(rows, self.weight_decay)
        self.velocity.mul_(self.momentum).add_(gradient)
        rows.addcmul_(self.velocity, -learning_rate)


class Adam(Optimizer):
    """Adam (Kingma & Ba, ICLR 2015) with torch's default constants; weight decay is a part of the gradient."""

    decoupled: ClassVar[bool] = False

    def __init__(self, rows: Tensor, weight_decay: Tensor, momentum: Tensor) -> None:
        super().__init__(rows, weight_decay, momentum)
        self.first, self.second = torch.zeros_like(rows), torch.zeros_like(rows)
        self.steps = 0

    def step(self, rows: Tensor, gradient: Tensor, learning_rate: Tensor) -> None:
        """Move rows in place."""
        self.steps += 1
        if self.decoupled:
            rows.mul_(1 - learning_rate * self.weight_decay)
        else:
            gradient.addcmul_(rows, self.weight_decay)
        self.first.lerp_(gradient, 0.1)
        self.second.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
        root = (self.second / (1 - 0.999**self.steps)).sqrt_().add_(1e-8)
        rows.addcmul_(self.first / root, -learning_rate / (1 - 0.9**self.steps))


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov & Hutter, ICLR 2019)."""

    decoupled: ClassVar[bool] = True


class Learned(Optimizer):
    """A learned rule (`forerun.optimizers`), which needs no learning rate: the one it is given multiplies its step.

    Weight decay is decoupled, at the step that the rule starts from.
    """

    rule: ClassVar[str | Path] = "mlp"

    def __init__(self, rows: Tensor, weight_decay: Tensor, momentum: Tensor) -> None:
        super().__init__(rows, weight_decay, momentum)
        self.trained = load(self.rule)
        self.state = self.trained.rule.begin(rows)

    @torch.no_grad()
    def step(self, rows: Tensor, gradient: Tensor, learning_rate: Tensor) -> None:
        """Move rows in place."""
        rows.mul_(1 - learning_rate * STEP * self.state.size * self.weight_decay)
        update = self.trained.rule.update(self.trained.rule.views(self.trained.weights), self.state, gradient)
        rows.addcmul_(update, learning_rate)


OPTIMIZERS: dict[str, type[Optimizer]] = {"sgd": Sgd, "adam": Adam, "adamw": AdamW, "learned": Learned}
UNRATED = {"learned": 1.0}
"""Optimizers without a learning rate, and what stands in its place."""


def _constant(share: Tensor) -> Tensor:
    return torch.ones_like(share)


def _cosine(share: Tensor) -> Tensor:
    return 0.5 * (1 + torch.cos(torch.pi * share))


def _step(share: Tensor) -> Tensor:
    """A tenth after half of the training, a hundredth after three quarters."""
    return torch.where(share < 0.5, 1.0, torch.where(share < 0.75, 0.1, 0.01))


SCHEDULES = {"constant": _constant, "cosine": _cosine, "step": _step}
"""Factor of the learning rate, from the share of the training (in [0, 1)) that is behind."""
