"""The rule with a memory of every coordinate: an LSTM (Andrychowicz et al., NeurIPS 2016).

It sees the gradient as they did, as its logarithm and its sign (their appendix A, with p = 4), but of the gradient over
its running root mean square, and the sign against that of the momentum, so that no scale and no direction is special.
It has no clock of its own: what time it is, it must remember.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from forerun.optimizers.moments import CLOCK, MOMENTUM_DECAYS, SHARED, Seen
from forerun.optimizers.rule import OUTPUTS, Rule, Weights, affine

SMALLEST = 4.0
"""p: gradients below exp(-p) are told by their value, larger ones by their logarithm."""
NOW = len(MOMENTUM_DECAYS)
"""Where the gradient of this step stands among a coordinate's own inputs; all before it are momenta."""
INPUTS = 2 + len(MOMENTUM_DECAYS)
UNTIMED = SHARED - len(CLOCK)


@dataclass(frozen=True)
class Lstm(Rule):
    """A long short-term memory for every coordinate."""

    form: ClassVar[str] = "lstm"

    @property
    def shapes(self) -> dict[str, tuple[int, int]]:
        """Shape of each array of weights."""
        units = self.units
        return {
            "shared": (4 * units, UNTIMED),
            "shared_bias": (4 * units, 1),
            "gates": (4 * units, INPUTS + units),
            "out": (OUTPUTS, units),
            "out_bias": (OUTPUTS, 1),
        }

    @property
    def memory(self) -> int:
        """Hidden units and cells."""
        return 2 * self.units

    def initial(self, generator: torch.Generator) -> Tensor:
        """As for every rule, and it begins by remembering (Jozefowicz et al., ICML 2015)."""
        flat = super().initial(generator)
        self.views(flat)["shared_bias"][:, self.units : 2 * self.units] = 1.0
        return flat

    def speak(self, weights: Weights, seen: Seen, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Return the outputs (B, OUTPUTS, P), and units and cells (B, 2 units, P) of every coordinate."""
        units, cells = torch.split(hidden, self.units, dim=1)
        inputs = torch.cat([_told(seen.own[:, NOW]), seen.own[:, :NOW], units], dim=1)
        shared = affine(weights, "shared", seen.shared[:, :UNTIMED])
        entry, keep, exit_, new = affine(weights, "gates", inputs, shared).chunk(4, dim=1)
        cells = keep.sigmoid() * cells + entry.sigmoid() * new.tanh()
        units = exit_.sigmoid() * cells.tanh()
        return affine(weights, "out", units), torch.cat([units, cells], dim=1)


def _told(gradient: Tensor) -> Tensor:
    """(B, 2, P): logarithm and sign of a gradient (B, P) that is already without a scale."""
    log = gradient.abs().clamp_min(torch.finfo(gradient.dtype).tiny).log() / SMALLEST
    large = log >= -1
    sign = torch.where(large, gradient.sign(), gradient * torch.tensor(SMALLEST).exp().item())
    return torch.stack([log.clamp_min(-1), sign], dim=1)
