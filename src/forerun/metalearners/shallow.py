"""An ensemble of shallow ReLU networks, trained as one: M members share batches and matrix products.

Notation: n trials, d encoded columns, q task coordinates, M members, H units, b trials of a batch.

Every member is trained without its own share of the families; what it says of those is *out of bag*, an
honest sample of what the ensemble is worth on a new task. Task coordinates are jittered while training:
there are few tasks, and a network that sees them exactly learns them by heart.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import cos, pi
from typing import Protocol, Self

import numpy as np
import torch

from forerun.metadata import MetaDataset
from forerun.metalearners.base import Floats
from forerun.metalearners.components import Components
from forerun.metalearners.gap import Boxes, needed

EVERY = 4
"""Steps from one look at the gap to the next, for then it costs little time; between, momentum remembers it."""


class Objective(Protocol):
    """What the members are trained for."""

    def batches(self, generator: torch.Generator) -> Iterator[torch.Tensor]:
        """The row numbers (b,) of an epoch's batches."""
        ...

    def loss(self, outputs: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """The loss of outputs (b, M) for a batch of rows (b,); members must not see each other in it."""
        ...


@dataclass(frozen=True)
class Settings:
    """How the networks are built and trained."""

    members: int = 5
    units: int = 32
    columns: int = 64
    """Most components of the encoding that they see."""
    features: int = 4
    """Most task coordinates that they see."""
    epochs: int = 18
    rate: float = 0.02
    """Of Adam, falling to zero by a cosine."""
    decay: float = 1e-4
    jitter: float = 0.5
    """Standard deviation of the noise on task coordinates, whose own is 1."""
    gap: float = 0.01
    """Weight of the penalty that lets search certify optima of large spaces (see `gap`)."""
    seed: int = 0


@dataclass(frozen=True)
class Ensemble:
    """Trained networks in float64: member m says max(0, x A + c B + a) v_m + level_m."""

    inputs: Components
    """Of encoded configurations."""
    A: Floats
    """(inputs, M H), on components"""
    B: Floats
    """(q, M H), on task coordinates"""
    a: Floats
    """(M H,)"""
    v: Floats
    """(M, H)"""
    level: Floats
    """(M,)"""

    def hidden(self, X: Floats, coordinates: Floats) -> Floats:
        """Hidden units (n, M H) of encodings X (n, d), of tasks with coordinates (q,) or (n, q)."""
        return np.maximum(self.inputs.of(X) @ self.A + (coordinates @ self.B + self.a), 0.0)

    def outputs(self, hidden: Floats) -> Floats:
        """What each member says, (n, M)."""
        split = hidden.reshape(len(hidden), *self.v.shape)
        return np.asarray(np.einsum("nmh,mh->nm", split, self.v) + self.level)

    def scaled(self, spread: float, center: float) -> Self:
        """The ensemble whose members say spread times as much, plus center."""
        return type(self)(self.inputs, self.A, self.B, self.a, self.v * spread, self.level * spread + center)

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything, by name."""
        found = {name: getattr(self, name) for name in ("A", "B", "a", "v", "level")}
        return found | {"center": self.inputs.center, "axes": self.inputs.axes}

    @classmethod
    def of_arrays(cls, arrays: dict[str, np.ndarray]) -> Self:
        """The inverse of `arrays`."""
        own = (arrays[name] for name in ("A", "B", "a", "v", "level"))
        return cls(Components(arrays["center"], arrays["axes"]), *own)


def train(meta: MetaDataset, coordinates: Floats, objective: Objective, settings: Settings) -> Ensemble:
    """Train on the trials of a meta-dataset, whose tasks have coordinates (n, q)."""
    generator = torch.Generator().manual_seed(settings.seed)
    inputs = Components.fit(meta.X, settings.columns)
    data = torch.from_numpy(np.hstack([inputs.of(meta.X), coordinates]).astype(np.float32))
    # minor components stay minor: a floor, not a division by next to nothing
    scale = data.std(dim=0, correction=0).clamp_min(0.1)
    data /= scale
    seen = Components(inputs.center, inputs.axes / scale[: inputs.size].numpy())
    boxes = Boxes.of(meta.space, meta.X, seen) if settings.gap and needed(meta.space) else None
    members = _Members(data.shape[1], settings, generator)
    # fused: with layers this small, most of a step is the optimizer's own overhead
    optimizer = torch.optim.AdamW(members.parameters(), lr=settings.rate, weight_decay=settings.decay, fused=True)
    batches = [rows for _ in range(settings.epochs) for rows in objective.batches(generator)]
    for step, rows in enumerate(batches):
        optimizer.param_groups[0]["lr"] = settings.rate * (1 + cos(pi * step / len(batches))) / 2
        x = data[rows]
        x[:, inputs.size :] += settings.jitter * torch.randn(len(rows), coordinates.shape[1], generator=generator)
        optimizer.zero_grad()
        loss = objective.loss(members(x), rows)
        if boxes and step % EVERY == 0:
            loss = loss + EVERY * settings.gap * members.gap(boxes)
        torch.autograd.backward(loss)
        optimizer.step()
    return members.ensemble(inputs, scale)


class _Members(torch.nn.Module):
    """All members as one module."""

    def __init__(self, width: int, settings: Settings, generator: torch.Generator) -> None:
        super().__init__()
        shape = (settings.members, settings.units)
        first = torch.randn(width, shape[0] * shape[1], generator=generator) * (2 / width) ** 0.5
        self.first = torch.nn.Parameter(first)
        self.offset = torch.nn.Parameter(torch.zeros(shape[0] * shape[1]))
        self.last = torch.nn.Parameter(torch.randn(shape, generator=generator) / shape[1] ** 0.5)
        self.level = torch.nn.Parameter(torch.zeros(shape[0]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs (b, M) of inputs (b, i)."""
        hidden = torch.relu(x @ self.first + self.offset).view(len(x), *self.last.shape)
        return (hidden * self.last).sum(dim=2) + self.level

    def gap(self, boxes: Boxes) -> torch.Tensor:
        """What the bounds of the members are off by, for a task at coordinates zero."""
        return boxes.gap(self.first[: boxes.rows.shape[1]], self.offset, self.last.view(-1))

    def ensemble(self, inputs: Components, scale: torch.Tensor) -> Ensemble:
        """What was learned, with the inputs' scale in the first layer."""
        first = (self.first.detach() / scale[:, None]).double().numpy()
        offset, last, level = (p.detach().double().numpy() for p in (self.offset, self.last, self.level))
        A, B = np.ascontiguousarray(first[: inputs.size]), np.ascontiguousarray(first[inputs.size :])
        return Ensemble(inputs, A, B, offset, last, level)
