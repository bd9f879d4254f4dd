"""Many small networks of one architecture as one batched computation.

Notation: B networks (members), n rows, b rows of a mini-batch, d inputs, P parameters of one network.
All parameters live in one tensor (B, P); the layers are views of it, so that a layer of all members is one
`baddbmm` and an optimizer step is a few operations on (B, P). Members never mix: member i's numbers are what
they would be if it were alone. `torch.func`'s vmap(grad) of one
network's loss does the same at half the speed (`benchmarks/batched_training.py`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - as torch names it everywhere

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "gelu": F.gelu,
    "tanh": torch.tanh,
    "silu": F.silu,
}
EPSILON = 1e-5
"""Added to variances before a square root (torch's own value)."""
MOMENTUM = 0.1
"""Of the running statistics of batch normalisation (torch's own value)."""

Statistics = dict[int, tuple[Tensor, Tensor]]
"""Layer -> running mean and variance (B, 1, width) of batch normalisation."""


@dataclass(frozen=True)
class Architecture:
    """Hidden layers: linear, normalisation, activation, dropout; then a linear head.

    With `residual`, a hidden layer's input is added to its output wherever the two have one width.
    """

    inputs: int
    outputs: int
    widths: tuple[int, ...]
    activation: str
    normalisation: str
    """'none', 'layer' or 'batch'."""
    residual: bool

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each parameter of one member, in the order in which they are laid out."""
        sizes = (self.inputs, *self.widths, self.outputs)
        found: dict[str, tuple[int, ...]] = {}
        for layer, (width_in, width_out) in enumerate(pairwise(sizes)):
            found[f"weight_{layer}"] = (width_in, width_out)
            found[f"bias_{layer}"] = (1, width_out)
            if self.normalisation != "none" and layer < len(self.widths):
                found[f"gain_{layer}"] = (1, width_out)
                found[f"shift_{layer}"] = (1, width_out)
        return found

    @cached_property
    def size(self) -> int:
        """P."""
        return sum(rows * columns for rows, columns in self.shapes.values())

    def views(self, flat: Tensor) -> dict[str, Tensor]:
        """Return the parameters (B, ...) as views of flat (B, P)."""
        found, start = {}, 0
        for name, shape in self.shapes.items():
            stop = start + shape[0] * shape[1]
            found[name] = flat[:, start:stop].view(len(flat), *shape)
            start = stop
        return found

    def initial(self, generators: list[torch.Generator]) -> Tensor:
        """Draw parameters (B, P), each member from its own generator; uniform within 1 / sqrt(inputs), as Linear."""
        flat = torch.empty(len(generators), self.size)
        for row, generator in zip(flat, generators, strict=True):
            row.uniform_(-1.0, 1.0, generator=generator)
        views = self.views(flat)
        for layer in range(len(self.widths) + 1):
            bound = max(self.shapes[f"weight_{layer}"][0], 1) ** -0.5
            views[f"weight_{layer}"].mul_(bound)
            views[f"bias_{layer}"].mul_(bound)
            if f"gain_{layer}" in views:
                views[f"gain_{layer}"].fill_(1.0)
                views[f"shift_{layer}"].zero_()
        return flat

    def initial_statistics(self, members: int) -> Statistics:
        """Zero means and unit variances; empty without batch normalisation."""
        if self.normalisation != "batch":
            return {}
        return {i: (torch.zeros(members, 1, w), torch.ones(members, 1, w)) for i, w in enumerate(self.widths)}

    def scores(
        self,
        parameters: Mapping[str, Tensor],
        X: Tensor,
        statistics: Statistics,
        masks: list[Tensor] | None = None,
        training: bool = False,
    ) -> Tensor:
        """Return logits or standardised targets (B, b, outputs) for X (B, b, d).

        masks (one (B, b, width) a layer) multiply the hidden layers; `training` updates `statistics`.
        """
        h = X
        for layer, width in enumerate(self.widths):
            z = torch.baddbmm(parameters[f"bias_{layer}"], h, parameters[f"weight_{layer}"])
            if self.normalisation != "none":
                z = self._normalise(z, layer, statistics, training)
                z = torch.addcmul(parameters[f"shift_{layer}"], z, parameters[f"gain_{layer}"])
            z = ACTIVATIONS[self.activation](z)
            if masks is not None:
                z = z * masks[layer]
            h = h + z if self.residual and layer > 0 and h.shape[-1] == width else z
        last = len(self.widths)
        return torch.baddbmm(parameters[f"bias_{last}"], h, parameters[f"weight_{last}"])

    def _normalise(self, z: Tensor, layer: int, statistics: Statistics, training: bool) -> Tensor:
        if self.normalisation == "layer":
            return F.layer_norm(z, (z.shape[-1],), eps=EPSILON)
        mean, variance = statistics[layer]
        if training:
            now_variance, now_mean = torch.var_mean(z, dim=1, correction=0, keepdim=True)
            mean.lerp_(now_mean.detach(), MOMENTUM)
            variance.lerp_(now_variance.detach(), MOMENTUM)
            mean, variance = now_mean, now_variance
        return (z - mean) * torch.rsqrt(variance + EPSILON)


@dataclass(frozen=True)
class Network:
    """One trained network."""

    architecture: Architecture
    parameters: Mapping[str, Tensor]
    """As `Architecture.shapes`, each with a leading axis of one."""
    statistics: Statistics

    @torch.inference_mode()
    def scores(self, X: Tensor) -> Tensor:
        """Return logits or standardised targets (n, outputs) for X (n, d)."""
        return self.architecture.scores(self.parameters, X[None], self.statistics)[0]
