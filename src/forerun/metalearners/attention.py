"""Attention over what was tried, in a metric that is learned: configurations that perform alike lie close.

Notation: B tasks with contexts of L trials and Q configurations asked for; K prototypes, trials of the history;
z a configuration's inputs (i,), c a task's coordinates (q,), y targets, p dimensions of the metric space.

    task       tau = [c, sum_j g(z_j, y_j) / (L + n_0)]                                (deep sets, Zaheer et al. 2017)
    place      e(z, tau), one hidden layer
    attention  w_j ~ exp(-|e - e_j|^2 / 2 + bonus of the target's own trials),  sum_j w_j = 1
    mean       sum_j w_j y_j over prototypes and context     (matching networks, Vinyals et al. 2016, for regression)
    variance   noise + spread of the attended values + doubt that falls with the weight on the target's own trials

A task's embedding is learned from its trials as well as its features; that of an empty context is its features'.
"""

from typing import NamedTuple

import torch

from forerun.metalearners.hierarchy import LEAST_NOISE

CODE = 12
"""Of what trials tell of a task."""


class Tried(NamedTuple):
    """Contexts (B, L), or the history's prototypes as B = T contexts."""

    z: torch.Tensor
    """(B, L, i)"""
    y: torch.Tensor
    """(B, L)"""
    seen: torch.Tensor
    """(B, L) whether there is such a trial."""
    failed: torch.Tensor
    """(B, L)"""


class Prototypes(NamedTuple):
    """What of the history is attended to."""

    e: torch.Tensor
    """(K, p)"""
    y: torch.Tensor
    """(K,)"""
    weight: torch.Tensor
    """(B, K) or (1, K) logarithms; minus infinity where it may not be seen."""


class Attention(torch.nn.Module):
    """The metric, and what is read in it."""

    def __init__(self, inputs: int, coordinates: int, units: int, dimensions: int, generator: torch.Generator) -> None:
        super().__init__()

        def normal(rows: int, columns: int, scale: float = 1.0) -> torch.nn.Parameter:
            drawn = torch.randn(rows, columns, generator=generator, dtype=torch.float64)
            return torch.nn.Parameter(scale * drawn / max(rows, 1) ** 0.5)

        def scalar(value: float) -> torch.nn.Parameter:
            return torch.nn.Parameter(torch.tensor(value, dtype=torch.float64))

        self.pair, self.pair_offset = normal(inputs + 1, CODE, 1.4), torch.nn.Parameter(torch.zeros(CODE).double())
        self.first = normal(inputs + coordinates + CODE, units, 1.4)
        self.offset = torch.nn.Parameter(torch.zeros(units).double())
        self.last = normal(units, dimensions, 1.4)
        self.log_prior, self.bonus, self.log_luck = scalar(1.0), scalar(1.0), scalar(-1.0)
        self.log_noise, self.log_spread, self.log_doubt = scalar(-2.0), scalar(-1.0), scalar(-2.0)

    @property
    def noise(self) -> torch.Tensor:
        """Variance of a training's result."""
        return torch.exp(self.log_noise) + LEAST_NOISE

    def code(self, trials: Tried, c: torch.Tensor) -> torch.Tensor:
        """tau (B, q + CODE) of tasks with coordinates c (B, q)."""
        pairs = torch.relu(torch.cat([trials.z, trials.y[..., None]], dim=-1) @ self.pair + self.pair_offset)
        total = (pairs * trials.seen[..., None]).sum(dim=-2)
        return torch.cat([c, total / (trials.seen.sum(dim=-1, keepdim=True) + torch.exp(self.log_prior))], dim=-1)

    def embed(self, z: torch.Tensor, tau: torch.Tensor) -> torch.Tensor:
        """e (B, n, p) of configurations (B, n, i) on tasks (B, q + CODE)."""
        split = z.shape[-1]
        hidden = z @ self.first[:split] + (tau @ self.first[split:] + self.offset)[..., None, :]
        return torch.relu(hidden) @ self.last

    def weights(self, prototypes: Prototypes, context: Tried, tau: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        """(B, Q, K + L) how much each prototype, then each trial of the context is attended to; sums to one."""
        e = self.embed(z, tau)
        own = self.bonus + torch.where(context.failed, self.log_luck.clamp_max(0.0), 0.0)
        own = torch.where(context.seen, own, -torch.inf)
        near = _closeness(e, self.embed(context.z, tau)) + own[:, None]
        far = _closeness(e, prototypes.e) + prototypes.weight[:, None]
        return torch.softmax(torch.cat([far, near], dim=-1), dim=-1)

    def forward(
        self, prototypes: Prototypes, context: Tried, c: torch.Tensor, z: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean of configurations z (B, Q, i), and its variance without the noise, (B, Q)."""
        w = self.weights(prototypes, context, self.code(context, c), z)
        known = len(prototypes.y)
        old, own = w[..., :known], w[..., known:]
        mean = old @ prototypes.y + (own @ context.y[..., None])[..., 0]
        square = old @ prototypes.y**2 + (own @ context.y[..., None] ** 2)[..., 0]
        spread = (square - mean**2).clamp_min(0.0)
        strange = 1 - own.sum(dim=-1)
        return mean, torch.exp(self.log_spread) * spread + torch.exp(self.log_doubt) * strange


def _closeness(one: torch.Tensor, two: torch.Tensor) -> torch.Tensor:
    """-|e - e'|^2 / 2 up to a term that attention does not see, (B, n, k)."""
    return one @ two.mT - (two**2).sum(-1)[..., None, :] / 2


def nothing(z: torch.Tensor) -> Tried:
    """Empty contexts of the tasks that configurations (B, n, i) are of."""
    none = z.new_zeros(len(z), 0)
    return Tried(z[:, :0], none, none.bool(), none.bool())
