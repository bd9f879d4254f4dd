"""Outer gradients: in which direction the weights of a rule should go, from trainings that are under way.

Notation: B trainings, K steps of an unroll, W weights, sigma the spread of their moves.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from forerun.metatraining.practice import Practice
from forerun.metatraining.problems import Problem
from forerun.optimizers.rule import Rule

Draw = Callable[[], Problem]


@dataclass
class Outer(ABC):
    """Keeps some problems in training, each at another stage, and goes on with one of them at a time."""

    rule: Rule
    draw: Draw
    rng: np.random.Generator
    problems: int = 6
    """That are in training."""
    steps: ClassVar[int]
    """K."""
    practices: list[Practice] = field(default_factory=list)

    @abstractmethod
    def begin(self, problem: Problem) -> Practice:
        """Begin to train a problem."""

    @abstractmethod
    def gradient(self, weights: Tensor) -> tuple[Tensor, float]:
        """Return an estimate (1, W) of the gradient at weights (1, W), and the mean cost of a step."""

    def next(self) -> Practice:
        """The problem that has waited longest, a new one for one that is over."""
        if len(self.practices) < self.problems:
            self.practices.append(self.begin(self.draw()))
            return self.practices[-1]
        practice = self.practices.pop(0)
        self.practices.append(self.begin(self.draw()) if practice.over else practice)
        return self.practices[-1]


@dataclass
class Truncated(Outer):
    """Backpropagation through K steps (Andrychowicz et al., NeurIPS 2016).

    Gradients of the trained networks are taken as given. What update s does to the cost of step t > s is then its
    product with the gradient at t, so one pass forward has all that is needed: the sum of the gradients after s.
    """

    steps = 40

    def begin(self, problem: Problem) -> Practice:
        """Every network is trained once."""
        return Practice.begin(problem, self.rule, 1, self.rng)

    def gradient(self, weights: Tensor) -> tuple[Tensor, float]:
        """Unroll, and go back."""
        practice, leaf = self.next(), weights.clone().requires_grad_()
        views = self.rule.views(leaf)
        updates, slopes, total = [], [], 0.0
        practice.state.hidden = practice.state.hidden.detach()
        for _ in range(self.steps):
            costs, gradients, factors = practice.look()
            updates.append(practice.move(self.rule, views, gradients))
            slopes.append(gradients * factors)
            total += costs.mean().item()
        later = torch.stack(slopes[1:]).flip(0).cumsum(0).flip(0)
        surrogate = (torch.stack(updates[:-1]) * later).sum() / (len(practice.problem.X) * self.steps)
        (found,) = torch.autograd.grad(surrogate, leaf)
        return found, total / self.steps


@dataclass
class Persistent(Outer):
    """Persistent evolution strategies (Vicol, Metz & Sohl-Dickstein, ICML 2021).

    Every network is trained twice, by the rule moved to one side and to the other, and every unroll moves it anew. What
    a training has cost is due to all moves since it began, whose sum the estimate is made of: no truncation bias.
    """

    steps = 20
    sigma: float = 0.02

    def begin(self, problem: Problem) -> Practice:
        """Every network is trained by both of a pair."""
        return Practice.begin(problem, self.rule, 2, self.rng)

    def gradient(self, weights: Tensor) -> tuple[Tensor, float]:
        """Unroll both of each pair, and compare."""
        practice = self.next()
        B = len(practice.problem.X)
        move = torch.from_numpy(self.rng.normal(0, self.sigma, (B, self.rule.size)).astype(np.float32))
        practice.moved = practice.moved + move
        views = self.rule.views(torch.cat([weights + move, weights - move]))
        costs = torch.zeros(2 * B)
        with torch.no_grad():
            for _ in range(self.steps):
                cost, gradients, _ = practice.look()
                practice.move(self.rule, views, gradients)
                costs += cost / self.steps
        difference = (costs[:B] - costs[B:]) / 2
        found = (difference[:, None] * practice.moved).mean(dim=0, keepdim=True) / self.sigma**2
        return found, costs.mean().item()


OUTER: dict[str, type[Outer]] = {"truncated": Truncated, "persistent": Persistent}
