"""Episodes: small contexts of a known task and other trials of it, to learn adapting from.

Notation: n trials, T tasks, i inputs, q task coordinates, M members, S episodes, L drawn trials of each.

An episode pretends that a known task is the target: its first `size` trials have been seen, the others are asked
for. What is seen is told as a target's trials are: their offset is unknown (networks must not look at it), and
their unit is good to a factor only (UNIT). A network that learns to adapt to true units learns a thing that no
target grants.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import torch

from forerun.metadata import LOSS, MetaDataset
from forerun.metalearners.base import Floats
from forerun.metalearners.components import Components
from forerun.metalearners.network import member_weights
from forerun.metalearners.shallow import Settings

EPISODES = 8
"""Of a batch."""
LARGEST = 10
"""Context."""
DRAWN = 24
"""Trials of an episode, seen or asked for."""
AGAIN = 8
"""After so many batches all trials are shuffled anew."""
UNIT = 0.3
"""Standard deviation of the logarithm by which the unit of what is seen is off."""


class Trials(NamedTuple):
    """Contexts that networks read, S of up to L trials."""

    x: torch.Tensor
    """(S, L, i) inputs."""
    y: torch.Tensor
    """(S, L) in target units."""
    known: torch.Tensor
    """(S, L) one where the training ended with a result, zero where it failed."""
    seen: torch.Tensor
    """(S, L) one where the trial may be read."""
    c: torch.Tensor
    """(S, q) task coordinates."""
    floats: bool
    """Whether unit and offset of known results are unknown (losses); else they are absolute (times)."""

    def of(self, count: int, start: int = 0) -> Self:
        """So many of the contexts."""
        k = slice(start, start + count)
        return type(self)(self.x[k], self.y[k], self.known[k], self.seen[k], self.c[k], self.floats)

    @classmethod
    def joined(cls, parts: Sequence["Trials"]) -> Self:
        """Contexts of one size as one batch."""
        x, y, known, seen, c = (torch.cat([getattr(part, name) for part in parts]) for name in cls._fields[:-1])
        return cls(x, y, known, seen, c, parts[0].floats)


class Episode(NamedTuple):
    """A batch of S episodes."""

    context: Trials
    """Of LARGEST trials at most, of which a random number is seen."""
    x: torch.Tensor
    """(S, L, i) inputs of all trials."""
    y: torch.Tensor
    """(S, L)"""
    weight: torch.Tensor
    """(S, M, L) how much each trial's error counts for each member; sums to about one over S and L."""


@dataclass
class Episodes:
    """Draws batches from a canonical meta-dataset, whose tasks have coordinates C (T, q)."""

    meta: MetaDataset
    inputs: Components
    C: Floats
    settings: Settings

    def __post_init__(self) -> None:
        meta = self.meta
        self._x = _single(self.inputs.of(meta.X))
        self._y, self._known = _single(meta.y), _single(~meta.failed if meta.target == LOSS else np.ones(len(meta)))
        self._count = torch.from_numpy(np.bincount(meta.task))
        self._start = self._count.cumsum(0) - self._count
        self._weight = member_weights(meta, self.settings)[self._start]
        self._c, self._task = _single(self.C), torch.from_numpy(meta.task)

    def batches(self, count: int, generator: torch.Generator) -> Iterator[Episode]:
        """So many batches."""
        for step in range(count):
            if step % AGAIN == 0:
                order = (self._task + torch.rand(len(self._task), generator=generator, dtype=torch.float64)).argsort()
            yield self._batch(order, generator)

    def _batch(self, order: torch.Tensor, generator: torch.Generator) -> Episode:
        task = torch.randint(len(self._count), (EPISODES,), generator=generator)
        count = self._count[task][:, None]
        first = (torch.rand(EPISODES, 1, generator=generator) * count).long()
        place = torch.arange(DRAWN)
        rows = order[self._start[task][:, None] + (first + place) % count]
        # 0 is among the sizes: without trials the network must be as good as ever
        most = count.clamp_max(LARGEST + 1)
        size = (torch.rand(EPISODES, 1, generator=generator) * most).long().clamp_max(LARGEST)
        seen, asked = (place < size).float(), ((place >= size) & (place < count)).float()
        x, y, known = self._x[rows], self._y[rows], self._known[rows]
        jitter = self.settings.jitter * torch.randn(EPISODES, self._c.shape[1], generator=generator)
        told = y
        if self.meta.target == LOSS:
            unit = torch.exp(UNIT * torch.randn(EPISODES, 1, generator=generator))
            told = torch.where(known > 0, unit * y, y)
        k = slice(LARGEST)
        context = Trials(x[:, k], told[:, k], known[:, k], seen[:, k], self._c[task] + jitter, self.meta.target == LOSS)
        weight = (
            self._weight[task][:, :, None] * (asked / asked.sum(dim=1, keepdim=True).clamp_min(1) / EPISODES)[:, None]
        )
        return Episode(context, x, y, weight)


def _single(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.asarray(array, dtype=np.float32))
