"""Functions to learn from: scores that say what they are made of, so that their gradients are known.

All of a family are ReLU networks of the same shape over encoded configurations, as `space.Additive` tells them; each is
brought to mean 0 and standard deviation 1 over random configurations, for the unit of a function says nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from forerun.search.base import Floats, Score
from forerun.space import Additive, Grid, Layers

DRAWN = 256
"""Random configurations that tell a function's mean and spread."""


@dataclass(frozen=True)
class Blend:
    """A weighted sum of ReLU networks of one shape, which is one too."""

    parts: Sequence[Score]
    weights: Sequence[float]

    def __call__(self, X: Floats) -> Floats:
        """Values (n,) of encoded configurations X (n, d)."""
        return np.asarray(sum(w * part(X) for w, part in zip(self.weights, self.parts, strict=True)))

    def layers(self) -> Layers:
        """As `Additive.layers`: the hidden units of all, side by side."""
        from scipy.linalg import block_diag

        first, *inner, last = zip(*(_layers(part) for part in self.parts), strict=True)
        outer = [(w * W, w * b) for w, (W, b) in zip(self.weights, last, strict=True)]
        return [
            (np.hstack([W for W, _ in first]), np.concatenate([b for _, b in first])),
            *((block_diag(*(W for W, _ in maps)), np.concatenate([b for _, b in maps])) for maps in inner),
            (np.vstack([W for W, _ in outer]), np.sum([b for _, b in outer], axis=0)),
        ]


class Family:
    """F functions as one."""

    def __init__(self, functions: Sequence[Score], grid: Grid, rng: np.random.Generator) -> None:
        layers = [_layers(function) for function in functions]
        X = grid.encode(grid.sample(rng, DRAWN))
        values = np.array([forward(maps, X) for maps in layers])
        self.location, self.scale = _single(values.mean(axis=1)), _single(values.std(axis=1)).clamp_min(1e-12)
        self.maps = [_stacked(maps) for maps in zip(*layers, strict=True)]

    def __len__(self) -> int:
        """How many there are."""
        return len(self.scale)

    def batch(self, which: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
        """Some functions (n,), by their numbers, as one that values encoded configurations X (n, d), row by row."""
        maps = [(weights[which], offset[which][:, None]) for weights, offset in self.maps]
        location, scale = self.location[which], self.scale[which]

        def values(X: torch.Tensor) -> torch.Tensor:
            z = X[:, None]
            for depth, (weights, offset) in enumerate(maps):
                z = torch.baddbmm(offset, z.relu() if depth else z, weights)
            return (z[:, 0, 0] - location) / scale

        return values


def forward(maps: Layers, X: Floats) -> Floats:
    """A network's values (n,) at encoded configurations X (n, d)."""
    z = X
    for depth, (weights, offset) in enumerate(maps):
        z = (np.maximum(z, 0) if depth else z) @ weights + offset
    return z[:, 0]


def _layers(function: Score) -> Layers:
    if not isinstance(function, Additive):
        raise ValueError(f"functions to learn from must say what they are made of (Additive); got {function!r}")
    return function.layers()


def _stacked(maps: Sequence[tuple[Floats, Floats]]) -> tuple[torch.Tensor, torch.Tensor]:
    return _single(np.stack([weights for weights, _ in maps])), _single(np.stack([offset for _, offset in maps]))


def _single(values: Floats) -> torch.Tensor:
    return torch.from_numpy(np.asarray(values, dtype=np.float32))
