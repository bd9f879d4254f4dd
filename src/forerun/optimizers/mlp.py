"""The rule without a memory but moments: two small layers on what is seen now (Metz et al., CoLLAs 2022).

Called small_fc_lopt there, and as small: a few hundred weights. What all coordinates share enters as a bias of the
first layer, once a network instead of once a coordinate.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from forerun.optimizers.moments import OWN, SHARED, Seen
from forerun.optimizers.rule import OUTPUTS, Rule, Weights, affine


@dataclass(frozen=True)
class Mlp(Rule):
    """A multilayer perceptron for every coordinate."""

    form: ClassVar[str] = "mlp"

    @property
    def shapes(self) -> dict[str, tuple[int, int]]:
        """Shape of each array of weights."""
        units = self.units
        return {
            "shared": (units, SHARED),
            "shared_bias": (units, 1),
            "own": (units, OWN),
            "middle": (units, units),
            "middle_bias": (units, 1),
            "out": (OUTPUTS, units),
            "out_bias": (OUTPUTS, 1),
        }

    def speak(self, weights: Weights, seen: Seen, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Return the outputs (B, OUTPUTS, P); nothing is remembered."""
        first = torch.relu(affine(weights, "own", seen.own, affine(weights, "shared", seen.shared)))
        second = torch.relu(affine(weights, "middle", first))
        return affine(weights, "out", second), hidden
