"""What a learned optimizer sees of a gradient: running moments, made free of every scale.

Notation: B networks (rows), P parameters each, K decays, g gradient, m running means of g, v running means of g²,
n = m / sqrt(v), s the sign of n. The loss times a constant changes nothing of what is seen, and neither does the sign
of a parameter: everything is told relative to s, the way that the parameter goes anyway.

Inputs of a coordinate are its own (Metz et al., "Practical tradeoffs between memory, compute, and performance in
learned optimizers", CoLLAs 2022); those of a network are means over its coordinates and a clock. The means tell what a
single coordinate is too noisy for: whether steps go back and forth, and how much of the gradient is noise.
"""

from dataclasses import dataclass
from math import tanh

import torch
from torch import Tensor

MOMENTUM_DECAYS = (0.5, 0.9, 0.99)
SQUARE_DECAYS = (0.9, 0.99, 0.999)
MAIN = 1
"""Of the momenta: the one that Adam moves along."""
CLOCK = (3.0, 10.0, 30.0, 100.0)
"""Steps; the last is well below the length of the trainings practised on, so that all stand still beyond it."""
TINY = 1e-30
"""Added to squares: a parameter that never had a gradient stays where it is."""
CLIP = 3.0
"""Most that is seen of a ratio, and moved along."""
OWN = 7
SHARED = 6 + len(CLOCK)


@dataclass
class Moments:
    """Running moments of gradients (B, P)."""

    momenta: Tensor
    """(K, B, P); zero at first, the bias is corrected where they are read."""
    squares: Tensor
    """(K, B, P)."""
    steps: int = 0

    @classmethod
    def zeros(cls, like: Tensor) -> "Moments":
        """Moments before the first gradient, for parameters (B, P)."""
        return cls(like.new_zeros(len(MOMENTUM_DECAYS), *like.shape), like.new_zeros(len(SQUARE_DECAYS), *like.shape))


@dataclass(frozen=True)
class Seen:
    """What the network is shown, and what it mixes."""

    directions: Tensor
    """(B, K, P): momenta over the root of the slowest second moment, clipped."""
    own: Tensor
    """(B, OWN, P): inputs of a coordinate."""
    shared: Tensor
    """(B, SHARED, 1): inputs that all coordinates of a network share."""


@torch.no_grad()
def look(moments: Moments, gradient: Tensor) -> Seen:
    """Take a gradient (B, P) into the moments, in place, and tell what is seen."""
    moments.steps += 1
    decays, corrections, hands = _constants(gradient, moments.steps)
    momenta, squares = moments.momenta, moments.squares
    before = momenta[MAIN].clone()
    momenta.lerp_(gradient, 1 - decays[0])
    squares.lerp_(gradient.square(), 1 - decays[1])
    now_squares = squares / corrections[1] + TINY
    inverse = now_squares[-1].rsqrt()
    directions = (momenta * inverse).div_(corrections[0]).clamp_(-CLIP, CLIP)
    now = (gradient * inverse).clamp_(-CLIP, CLIP)
    # of the step before, whose bias a first step does not have
    before = (before * inverse).div_(max(1 - MOMENTUM_DECAYS[MAIN] ** (moments.steps - 1), 1e-3)).clamp_(-CLIP, CLIP)
    logs = now_squares.log().mul_(0.5)
    growth = (logs[:-1] - logs[-1]).clamp_(-CLIP, CLIP)
    size = (logs[-1] - now_squares[-1].mean(dim=1, keepdim=True).log() / 2).div_(2).clamp_(-CLIP, CLIP)
    sign = directions[MAIN].sign()
    shared = [directions.square().mean(dim=2).sqrt(), growth.mean(dim=2), (now * before).mean(dim=1)[None]]
    return Seen(
        directions.transpose(0, 1),
        torch.cat([directions * sign, (now * sign)[None], growth, size[None]]).transpose(0, 1),
        torch.cat([*shared, hands.expand(-1, len(gradient))]).T[..., None],
    )


def _constants(like: Tensor, steps: int) -> tuple[Tensor, Tensor, Tensor]:
    """Decays and 1 - decay ** steps (2, K, 1, 1); the clock's hands (., 1), tanh(t / scale) stretched to (-1, 1)."""
    decays = MOMENTUM_DECAYS + SQUARE_DECAYS
    hands = [2 * tanh(steps / scale) - 1 for scale in CLOCK]
    # one tensor: moving many small ones to a device takes longer than what is done with them
    told = like.new_tensor([*decays, *(1 - decay**steps for decay in decays), *hands])
    bare, corrections, turned = torch.split(told, [len(decays), len(decays), len(hands)])
    return bare.view(2, -1, 1, 1), corrections.view(2, -1, 1, 1), turned[:, None]
