"""A learned optimizer as a rule: one small network, the same for every coordinate of whatever it trains.

Notation: B networks that are trained at once (rows), P parameters each, K momenta, W weights of the rule (`moments`).
The weights do not know how many parameters there are: a rule learned on hundreds moves millions.

    update = -STEP * size * exp(magnitude) * sum_k share_k * direction_k

The network says the magnitude and the shares, which are those of Adam where it says nothing: there it starts. This is
the form of Metz et al. ("Understanding and correcting pathologies in the training of learned optimizers", ICML 2019)
with momenta for directions, so a parameter without a gradient stays where it is, and an update is bounded.

`size` is that of the parameters of a network at the beginning, so that wide networks, whose weights begin small, make
small steps. It is told from absolute values: with squares, the few gains of a normalisation, which begin at 1, would
drown the weights.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from typing import ClassVar

import torch
from torch import Tensor

from forerun.optimizers.moments import MAIN, MOMENTUM_DECAYS, Moments, Seen, look

STEP = 0.03
"""Of the Adam that a rule starts as, in sizes of the parameters."""
SPREAD = 2 / sqrt(3)
"""Root mean square over mean absolute value of what is uniform around zero, as weights begin."""
SMALLEST = 0.01
"""Size of parameters that begin smaller, or at zero."""
LARGEST = 3.0
"""Of the magnitude: a step is at most exp(LARGEST) times the first."""
OUTPUTS = 1 + len(MOMENTUM_DECAYS)

Weights = Mapping[str, Tensor]
"""Name -> (R, rows, columns), where R is 1, or B when every network is trained by a rule of its own."""


@dataclass
class State:
    """What a rule remembers of a training."""

    moments: Moments
    size: Tensor
    """(B, 1): of the parameters at the beginning."""
    hidden: Tensor
    """(B, memory, P): what else the rule remembers; replaced, never changed, so gradients go through it."""


@dataclass(frozen=True)
class Rule(ABC):
    """A family of rules; which one of them is said by its weights."""

    form: ClassVar[str]
    """Its name in the registry."""
    units: int = 8

    @property
    @abstractmethod
    def shapes(self) -> dict[str, tuple[int, int]]:
        """Shape of each array of weights, in the order in which they are laid out; 'out' and 'out_bias' come last."""

    @property
    def memory(self) -> int:
        """Numbers that it remembers of a coordinate, besides moments."""
        return 0

    @abstractmethod
    def speak(self, weights: Weights, seen: Seen, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Return the outputs (B, OUTPUTS, P), and what is remembered (B, memory, P) from now on."""

    @cached_property
    def size(self) -> int:
        """W."""
        return sum(rows * columns for rows, columns in self.shapes.values())

    def views(self, flat: Tensor) -> Weights:
        """Return weights (R, W) as views."""
        pieces = torch.split(flat, [rows * columns for rows, columns in self.shapes.values()], dim=1)
        return {
            name: piece.view(len(flat), *shape)
            for (name, shape), piece in zip(self.shapes.items(), pieces, strict=True)
        }

    def initial(self, generator: torch.Generator) -> Tensor:
        """Draw weights (1, W), normal over the root of the inputs; the outputs are zero, so the rule is Adam."""
        flat = torch.zeros(1, self.size)
        for name, array in self.views(flat).items():
            if not name.startswith("out") and not name.endswith("bias"):
                array.normal_(std=array.shape[2] ** -0.5, generator=generator)
        return flat

    def begin(self, rows: Tensor) -> State:
        """Return the state before the first step, for parameters (B, P)."""
        size = (SPREAD * rows.abs().mean(dim=1, keepdim=True)).clamp_min(SMALLEST)
        return State(Moments.zeros(rows), size, rows.new_zeros(len(rows), self.memory, rows.shape[1]))

    def update(self, weights: Weights, state: State, gradient: Tensor, block: int | None = None) -> Tensor:
        """Return what to add to the parameters (B, P) on a gradient (B, P), and advance the state.

        The network is asked about `block` coordinates at a time, about all at once if there is none.
        Differentiable in the weights, through what is remembered too; the gradient is taken as given (Andrychowicz
        et al., "Learning to learn by gradient descent by gradient descent", NeurIPS 2016, section 2.1).
        """
        seen = look(state.moments, gradient)
        pieces = zip(*(torch.split(t, block or t.shape[2], dim=2) for t in (seen.own, state.hidden)), strict=True)
        said = [self.speak(weights, Seen(seen.directions, own, seen.shared), hidden) for own, hidden in pieces]
        outputs, state.hidden = (torch.cat(parts, dim=2) for parts in zip(*said, strict=True))
        magnitude = LARGEST * torch.tanh(outputs[:, 0] / LARGEST)
        direction = seen.directions[:, MAIN] + (outputs[:, 1:] * seen.directions).sum(dim=1)
        return -STEP * state.size * magnitude.exp() * direction


def affine(weights: Weights, layer: str, x: Tensor, bias: Tensor | None = None) -> Tensor:
    """Apply a layer to x (B, inputs, P), with the bias (B, units, 1) of the layer or the one that is given."""
    added = weights[f"{layer}_bias"] if bias is None else bias
    return torch.baddbmm(added.expand(len(x), -1, -1), weights[layer].expand(len(x), -1, -1), x)
