"""A problem that is being trained: unrolled a few steps at a time, by a rule or several.

The loss of step t is told as log(loss / blind + FLOOR), where `blind` is that of who does not look at the inputs: tasks
weigh alike whatever their unit, and what is learned to the last digit counts no more than what is nearly learned.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from forerun.learners.network import Statistics
from forerun.metatraining.problems import Problem
from forerun.optimizers.rule import Rule, State, Weights

FLOOR = 0.01
WORST = 3.0
"""Most that a step may cost, exp(3) times the blind loss: a training that diverged says no more than that."""


@dataclass
class Practice:
    """B trainings, each by R rules, after `steps` steps."""

    problem: Problem
    parameters: Tensor
    """(R B, P); network i has the data of i modulo B."""
    state: State
    statistics: Statistics
    rng: np.random.Generator
    moved: Tensor
    """(B, W) or (1, 1): sum of the moves of the weights so far, where they are moved (`outer.Persistent`)."""
    steps: int = 0

    @classmethod
    def begin(cls, problem: Problem, rule: Rule, copies: int, rng: np.random.Generator) -> Self:
        """All copies begin at the same parameters."""
        parameters = problem.initial(int(rng.integers(1 << 30))).repeat(copies, 1)
        statistics = problem.architecture.initial_statistics(len(parameters))
        return cls(problem, parameters, rule.begin(parameters), statistics, rng, torch.zeros(1, 1))

    @property
    def over(self) -> bool:
        """Whether it has made all of its steps."""
        return self.steps >= self.problem.length

    def look(self) -> tuple[Tensor, Tensor, Tensor]:
        """Draw mini-batches; return costs (R B,), gradients (R B, P) of the loss and factors (R B, 1).

        Times its factor, the gradient of a loss is that of a cost: zero where the cost is at its worst.
        """
        B, n, _ = self.problem.X.shape
        chosen = torch.from_numpy(self.rng.integers(0, n, (B, self.problem.batch)))
        losses, gradients = self.problem.losses(self.parameters, self.statistics, chosen)
        blind = self.problem.blind.repeat(len(losses) // B)
        relative = (losses / blind).nan_to_num(nan=np.inf) + FLOOR
        costs = relative.log().clamp_max(WORST)
        factors = torch.where(costs < WORST, 1 / (relative * blind), 0.0)
        return costs, gradients.nan_to_num(0.0, 0.0, 0.0), factors[:, None]

    def move(self, rule: Rule, weights: Weights, gradients: Tensor) -> Tensor:
        """Step along the gradients; return the updates (R B, P), which remember how they depend on the weights."""
        scale = self.problem.scale.repeat(len(gradients) // len(self.problem.X), 1)
        updates = rule.update(weights, self.state, gradients) * scale
        self.parameters = self.parameters + updates.detach()
        self.steps += 1
        return updates
