"""Networks that are trained on whole tasks: M members with one hidden layer, a batch of a few tasks at a time.

Notation: T tasks, n trials, d encoded columns, q task coordinates, M members, H units, p outputs, i inputs; of a
batch B tasks with b trials each. A task with fewer than b trials is filled up by repeats that do not count.

As in `shallow`, every member is trained without its own share of the families, task coordinates are jittered,
and the steps are Adam's with a rate that falls to zero by a cosine. All is float64: a marginal likelihood goes
through a Cholesky factor, and what is left of rounding must not decide on a ranking.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import cos, pi
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from forerun.metadata import LOSS, MetaDataset
from forerun.metalearners.base import Floats
from forerun.metalearners.components import Components
from forerun.metalearners.head import importance

TASKS = 8
"""B, where there are so many."""
FLOOR = 0.1
"""Minor components stay minor: no input is divided by a spread below this."""


class Batch(NamedTuple):
    """Trials of a few tasks."""

    tasks: torch.Tensor
    """(B,)"""
    rows: torch.Tensor
    """(B, b)"""
    real: torch.Tensor
    """(B, b) whether it counts."""


def batches(
    meta: MetaDataset, trials: int, steps: int, generator: torch.Generator, tasks: int = TASKS
) -> Iterator[Batch]:
    """So many batches of a history whose trials stand task by task (`canonical`); all tasks come equally often."""
    counts = np.bincount(meta.task)
    starts = np.cumsum(counts) - counts
    several = min(tasks, len(counts))
    queue, places = torch.zeros(0, dtype=torch.int64), torch.arange(trials)
    for _ in range(steps):
        if len(queue) < several:
            queue = torch.cat([queue, torch.randperm(len(counts), generator=generator)])
        chosen, queue = queue[:several], queue[several:]
        drawn = [torch.randperm(int(counts[t]), generator=generator)[:trials] for t in chosen]
        rows = [int(starts[t]) + part[places % len(part)] for t, part in zip(chosen, drawn, strict=True)]
        yield Batch(chosen, torch.stack(rows), torch.stack([places < len(part) for part in drawn]))


def steps_for(meta: MetaDataset, trials: int, epochs: int, bounds: tuple[int, int]) -> int:
    """How many batches see every trial so often, within bounds."""
    return int(np.clip(epochs * len(meta) // (trials * min(TASKS, len(meta.tasks))), *bounds))


class Trials:
    """The trials of a history as tensors, as networks see them."""

    def __init__(self, meta: MetaDataset, coordinates: Floats, *, columns: int, jitter: float) -> None:
        """Coordinates (T, q) are the tasks'; columns bound the components of the encoding that are seen."""
        components = Components.fit(meta.X, columns)
        x = torch.from_numpy(components.of(meta.X))
        spread = x.std(dim=0, correction=0).clamp_min(FLOOR)
        self.inputs = Components(components.center, np.ascontiguousarray(components.axes / spread.numpy()))
        """Encodings to what networks see."""
        self.x, self.c = x / spread, torch.from_numpy(coordinates)
        self.y = torch.from_numpy(meta.y)
        failed = meta.failed if meta.target == LOSS else np.zeros(len(meta), dtype=bool)
        self.failed = torch.from_numpy(failed)
        self.jitter = jitter

    @property
    def width(self) -> int:
        """i"""
        return self.x.shape[1] + self.c.shape[1]

    def seen(self, batch: Batch, generator: torch.Generator) -> torch.Tensor:
        """Inputs (B, b, i); the coordinates of a task are moved alike for all its trials, to those of a new task."""
        c = self.c[batch.tasks]
        c = c + self.jitter * torch.randn(c.shape, generator=generator, dtype=c.dtype)
        return torch.cat([self.x[batch.rows], c[:, None].expand(*batch.rows.shape, -1)], dim=2)


class Trunk(torch.nn.Module):
    """M networks with one hidden layer of ReLU units, as one."""

    def __init__(self, width: int, members: int, units: int, outputs: int, generator: torch.Generator) -> None:
        super().__init__()

        def normal(*shape: int) -> torch.Tensor:
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        self.first = torch.nn.Parameter(normal(width, members * units) * (2 / max(width, 1)) ** 0.5)
        self.offset = torch.nn.Parameter(torch.zeros(members * units, dtype=torch.float64))
        self.last = torch.nn.Parameter(normal(members, units, outputs) / units**0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs (M, B, b, p) of inputs (B, b, i)."""
        members, units, _ = self.last.shape
        flat = x.flatten(0, 1)
        hidden = torch.relu(flat @ self.first + self.offset).view(len(flat), members, units)
        return (hidden.transpose(0, 1) @ self.last).view(members, *x.shape[:2], -1)

    def arrays(self, inputs: int) -> tuple[Floats, Floats, Floats, Floats]:
        """What was learned: first layer of so many inputs and of task coordinates, offset, last layer."""
        first, offset, last = (p.detach().numpy() for p in (self.first, self.offset, self.last))
        return first[:inputs].copy(), first[inputs:].copy(), offset.copy(), last.copy()


def descend(
    parameters: Iterable[torch.nn.Parameter],
    loss: Callable[[Batch, int], torch.Tensor],
    drawn: Sequence[Batch],
    rate: float,
    decay: float,
) -> None:
    """Minimise loss(batch, step) by Adam."""
    # fused: with layers this small, most of a step is the optimizer's own overhead
    optimizer = torch.optim.AdamW(parameters, lr=rate, weight_decay=decay, fused=True)
    for step, batch in enumerate(drawn):
        optimizer.param_groups[0]["lr"] = rate * (1 + cos(pi * step / len(drawn))) / 2
        optimizer.zero_grad()
        torch.autograd.backward(loss(batch, step))
        optimizer.step()


def shares(meta: MetaDataset, bag: npt.NDArray[np.int64], members: int) -> torch.Tensor:
    """(M, T) how much each task counts for each member; those of its own bag, of trials (n,), do not."""
    weight = importance(meta)
    first = bag[np.searchsorted(meta.task, np.arange(len(meta.tasks)))]
    return torch.from_numpy(weight / weight.mean() * (first != np.arange(members)[:, None]))
