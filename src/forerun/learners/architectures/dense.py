"""Dense networks for tables: depth, and for every layer its width, activation, normalisation and skip connection.

    h_0 = W_0 x + c_0
    h_i = h_{i-1} + V_i a_i(U_i N_i(h_{i-1}) + S_i x + b_i) + c_i        i = 1 ... depth

Residual networks for tables (ResNet of Gorishniy et al., NeurIPS 2021): every layer adds to a stream h that no layer
can cut, so that networks train well at any depth, and what is in a shorter one is in every longer one: that is what
makes inherited weights worth something. S_i is the skip connection from the data; a layer has it, or not. V_i starts at
zero, so that a layer changes nothing before it has learned to (Goyal et al. 2017). With eighteen layers that is over
10^40 architectures. Matrices are shared by all widths, activations and normalisations of a layer. Biases, gains and
shifts, which cost next to nothing, are those of an activation and a normalisation: what is too large for one is in the
middle of another.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - as torch names it everywhere

from forerun.learners.architectures.architecture import Architecture, Parameters
from forerun.learners.architectures.base import Family
from forerun.learners.architectures.fitted import Transformer
from forerun.learners.network import ACTIVATIONS, EPSILON
from forerun.learners.preprocessing import build
from forerun.space import ALWAYS, Categorical, Condition, Configuration, Domain, Integer, Ordinal
from forerun.tasks import Task

DEEPEST = 18
STREAM = 64
"""Width of what layers add to."""
WIDTHS = (4, 8, 12, 16, 24, 32, 48, 64)
FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {**ACTIVATIONS, "sigmoid": torch.sigmoid}
NORMALISATIONS = ("none", "layer", "rms")
SKIPS = ("none", "data")


@dataclass(frozen=True)
class Layer:
    """One hidden layer."""

    width: int
    activation: str
    normalisation: str
    skip: str


@dataclass(frozen=True)
class DenseArchitecture:
    """Hidden layers and a linear head."""

    inputs: int
    outputs: int
    layers: tuple[Layer, ...]

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """As `Architecture.shapes`; layers count from 1."""
        found: dict[str, tuple[int, ...]] = {"weight_0": (STREAM, self.inputs), "bias_0": (STREAM,)}
        for i, layer in enumerate(self.layers, start=1):
            own = f"{i}_{layer.activation}_{layer.normalisation}"
            found |= {f"weight_{i}": (layer.width, STREAM), f"bias_{own}": (layer.width,)}
            found |= {f"added_{i}": (STREAM, layer.width), f"bias_added_{own}": (STREAM,)}
            if layer.skip == "data":
                found[f"weight_data_{i}"] = (layer.width, self.inputs)
            if layer.normalisation != "none":
                found |= {f"gain_{own}": (STREAM,), f"shift_{own}": (STREAM,)}
        return found | {"weight_head": (self.outputs, STREAM), "bias_head": (self.outputs,)}

    def scores(self, parameters: Parameters, X: Tensor) -> Tensor:
        """As `Architecture.scores`."""
        return F.linear(self.features(parameters, X), parameters["weight_head"], parameters["bias_head"])

    def features(self, parameters: Parameters, X: Tensor) -> Tensor:
        """As `Architecture.features`, for X (n, inputs)."""
        h = F.linear(X, parameters["weight_0"], parameters["bias_0"])
        for i, layer in enumerate(self.layers, start=1):
            own, z = f"{i}_{layer.activation}_{layer.normalisation}", h
            if layer.normalisation != "none":
                z = _normalised(h, layer.normalisation, parameters[f"gain_{own}"], parameters[f"shift_{own}"])
            z = F.linear(z, parameters[f"weight_{i}"], parameters[f"bias_{own}"])
            if layer.skip == "data":
                z = z + F.linear(X, parameters[f"weight_data_{i}"])
            z = FUNCTIONS[layer.activation](z)
            h = h + F.linear(z, parameters[f"added_{i}"], parameters[f"bias_added_{own}"])
        return h


def _normalised(z: Tensor, how: str, gain: Tensor, shift: Tensor) -> Tensor:
    if how == "layer":
        return F.layer_norm(z, (z.shape[-1],), gain, shift, EPSILON)
    return F.rms_norm(z, (z.shape[-1],), gain, EPSILON) + shift


class Dense(Family):
    """Dense networks of up to eighteen layers."""

    name: ClassVar[str] = "dense"
    title: ClassVar[str] = "a dense network"
    length: ClassVar[str] = "dense.depth"

    def domains(self, kind: str) -> Mapping[str, tuple[Domain, Condition]]:
        """Return the choices; the first layer reads the data as they are."""
        found: dict[str, tuple[Domain, Condition]] = {"dense.depth": (Integer(1, DEEPEST, log=True), ALWAYS)}
        for i in range(1, DEEPEST + 1):
            deep = Condition.of({"dense.depth": f">= {i}"}) if i > 1 else ALWAYS
            found[f"dense.width_{i}"] = (Ordinal(WIDTHS), deep)
            found[f"dense.activation_{i}"] = (Categorical(tuple(FUNCTIONS)), deep)
            found[f"dense.normalisation_{i}"] = (Categorical(NORMALISATIONS), deep)
            if i > 1:
                found[f"dense.skip_{i}"] = (Categorical(SKIPS), deep)
        return found

    def defaults(self, kind: str) -> Configuration:
        """Two layers of 64 ReLUs, as `learners.mlp`."""
        return _uniform(2, 64)

    def covering(self) -> Sequence[Configuration]:
        """The deepest and widest ones: first that of ReLUs and layer normalisation, then those of all others."""
        teacher = _uniform(DEEPEST, WIDTHS[-1], "data")
        alike = [_uniform(DEEPEST, WIDTHS[-1], *layer) for layer in product(SKIPS, FUNCTIONS, NORMALISATIONS)]
        return [teacher, *(largest for largest in alike if largest != teacher)]

    def smallest(self, configuration: Configuration) -> Configuration:
        """One layer of the least width."""
        own = {name: value for name, value in configuration.items() if "_" not in name or name.endswith("_1")}
        return {**own, "dense.depth": 1, "dense.width_1": WIDTHS[0]}

    def transformer(self, task: Task) -> Transformer:
        """Numbers standardised, categories one-hot (`learners.preprocessing`)."""
        found: Transformer = build({}, task)
        return found

    def architecture(self, configuration: Configuration, inputs: int, outputs: int) -> Architecture:
        """As `Family.architecture`; inputs are columns."""
        layers = [_layer(configuration, i) for i in range(1, int(configuration["dense.depth"]) + 1)]  # type: ignore[arg-type]
        return DenseArchitecture(inputs, outputs, tuple(layers))


def _layer(configuration: Configuration, i: int) -> Layer:
    # a width may come back from a file as a float
    width = int(configuration[f"dense.width_{i}"])  # type: ignore[arg-type]
    names = [configuration.get(f"dense.{name}_{i}", "none") for name in ("activation", "normalisation", "skip")]
    return Layer(width, *map(str, names))


def _uniform(
    depth: int, width: int, skip: str = "none", activation: str = "relu", normalisation: str = "layer"
) -> Configuration:
    """All layers alike; as a rule ReLU and layer normalisation."""
    found: dict[str, int | str] = {"dense.depth": depth}
    for i in range(1, depth + 1):
        found |= {f"dense.width_{i}": width, f"dense.activation_{i}": activation}
        found |= {f"dense.normalisation_{i}": normalisation} | ({f"dense.skip_{i}": skip} if i > 1 else {})
    return found
