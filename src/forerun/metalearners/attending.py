"""Attention as a surrogate: followed where the history is believed; where not, a process of the target's own trials."""

from dataclasses import dataclass

import torch

from forerun.metalearners.attention import Attention, Prototypes, Tried, nothing
from forerun.metalearners.base import Floats
from forerun.metalearners.process import Points, ProcessSurrogate


@dataclass(frozen=True)
class Attending:
    """Attention on one task."""

    net: Attention
    known: Prototypes
    c: torch.Tensor
    """(1, q)"""

    @torch.no_grad()
    def moments(self, told: Tried, z: torch.Tensor) -> tuple[Floats, Floats]:
        """Mean of configurations z (n, i), and its variance without the noise."""
        mean, doubt = self.net(self.known, told, self.c, z[None])
        return mean[0].numpy(), doubt[0].numpy()

    @torch.no_grad()
    def points(self, z: torch.Tensor) -> Points:
        """Configurations (n, i) as processes see them, nothing told."""
        none = nothing(z[None])
        e = self.net.embed(z[None], self.net.code(none, self.c))
        return Points(e, torch.from_numpy(self.moments(none, z)[0]), z)


@dataclass(frozen=True, kw_only=True)
class MetricSurrogate(ProcessSurrogate):
    """Attention where the history is believed, a process where not."""

    attending: Attending

    def _moments(self, which: int, points: Points) -> tuple[Floats, Floats]:
        if not self.processes[which].believed:
            return super()._moments(which, points)
        told = nothing(points.z[None])
        if self.seen is not None:
            y, failed = (torch.from_numpy(a)[None] for a in (self.y, self.failed))
            told = Tried(self.seen.z[None], y, torch.ones_like(failed), failed)
        return self.attending.moments(told, points.z)
