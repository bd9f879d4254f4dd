"""Small convolutional networks for square images: cells with a choice of operation for every edge.

A cell is that of NAS-Bench-201 (Dong & Yang, ICLR 2020): four nodes, node 0 the cell's input, and

    node_j = sum over i < j of op_ij(node_i)      j = 1, 2, 3;  the cell's output is node_3

Up to three cells stand one after the other, each with its own operations; between two of them the image is halved. A
convolution is ReLU, convolution, normalisation over all channels and pixels (group normalisation of one group), so
that no running statistics depend on the path.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - as torch names it everywhere

from forerun.learners.architectures.architecture import Architecture, Parameters
from forerun.learners.architectures.base import Family
from forerun.learners.architectures.fitted import Transformer
from forerun.learners.architectures.images import Images
from forerun.learners.architectures.training import Recipe
from forerun.learners.network import ACTIVATIONS, EPSILON
from forerun.space import ALWAYS, Categorical, Condition, Configuration, Domain, Integer, Ordinal
from forerun.tasks import Task

MOST_CELLS = 3
CHANNELS = (4, 8, 16)
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
SIDES = {"conv1": 1, "conv3": 3}
"""Side of each convolution's kernel."""
OPERATIONS = ("none", "skip", "pool", *SIDES)
EDGE = re.compile(r"\.\d_\d\d$")


@dataclass(frozen=True)
class CellArchitecture:
    """A stem, cells, and a linear head on the means of the channels."""

    outputs: int
    channels: int
    activation: str
    cells: tuple[tuple[str, ...], ...]
    """The operation of each edge, cell by cell, in the order of `EDGES`."""

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """As `Architecture.shapes`; cells count from 1."""
        c = self.channels
        found: dict[str, tuple[int, ...]] = {"weight_stem": (c, 1, 3, 3), "gain_stem": (c,), "shift_stem": (c,)}
        for name, side in self._convolutions().items():
            found |= {f"weight_{name}": (c, c, side, side), f"gain_{name}": (c,), f"shift_{name}": (c,)}
        return found | {"weight_head": (self.outputs, c), "bias_head": (self.outputs,)}

    def _convolutions(self) -> dict[str, int]:
        return {
            f"{cell}_{i}{j}_{operation}": SIDES[operation]
            for cell, operations in enumerate(self.cells, start=1)
            for (i, j), operation in zip(EDGES, operations, strict=True)
            if operation in SIDES
        }

    def scores(self, parameters: Parameters, X: Tensor) -> Tensor:
        """As `Architecture.scores`."""
        return F.linear(self.features(parameters, X), parameters["weight_head"], parameters["bias_head"])

    def features(self, parameters: Parameters, X: Tensor) -> Tensor:
        """As `Architecture.features`, for images X (n, 1, side, side): the mean of every channel."""
        h = _convolved(X, parameters, "stem")
        for cell, operations in enumerate(self.cells, start=1):
            if cell > 1 and h.shape[-1] > 1:
                h = F.avg_pool2d(h, 2)
            h = self._cell(parameters, h, cell, operations)
        return ACTIVATIONS[self.activation](h).mean(dim=(2, 3))

    def _cell(self, parameters: Parameters, h: Tensor, cell: int, operations: Sequence[str]) -> Tensor:
        nodes = [h]
        for (i, j), operation in zip(EDGES, operations, strict=True):
            z = nodes[i]
            if operation in SIDES:
                z = _convolved(ACTIVATIONS[self.activation](z), parameters, f"{cell}_{i}{j}_{operation}")
            elif operation == "pool":
                z = F.avg_pool2d(z, 3, stride=1, padding=1, count_include_pad=False)
            elif operation == "none":
                z = z * 0.0
            if len(nodes) == j:
                nodes.append(z)
            else:
                nodes[j] = nodes[j] + z
        return nodes[-1]


def _convolved(h: Tensor, parameters: Parameters, name: str) -> Tensor:
    z = F.conv2d(h, parameters[f"weight_{name}"], padding="same")
    return F.group_norm(z, 1, parameters[f"gain_{name}"], parameters[f"shift_{name}"], EPSILON)


@dataclass(frozen=True)
class Cells(Family):
    """Convolutional cells for small square images."""

    name: ClassVar[str] = "cells"
    title: ClassVar[str] = "a network of convolutional cells"
    length: ClassVar[str] = "cells.count"
    images: ClassVar[bool] = True
    recipe: Recipe = Recipe(epochs=8, learning_rate=0.02)  # noqa: RUF009 - frozen

    def domains(self, kind: str) -> Mapping[str, tuple[Domain, Condition]]:
        """Return the choices."""
        found: dict[str, tuple[Domain, Condition]] = {
            "cells.count": (Integer(1, MOST_CELLS), ALWAYS),
            "cells.channels": (Ordinal(CHANNELS), ALWAYS),
            "cells.activation": (Categorical(tuple(ACTIVATIONS)), ALWAYS),
        }
        for cell in range(1, MOST_CELLS + 1):
            there = Condition.of({"cells.count": f">= {cell}"}) if cell > 1 else ALWAYS
            found |= {f"cells.{cell}_{i}{j}": (Categorical(OPERATIONS), there) for i, j in EDGES}
        return found

    def defaults(self, kind: str) -> Configuration:
        """Two cells of two convolutions with a shortcut, as a residual block has them."""
        residual = dict(zip(EDGES, ("conv3", "none", "none", "skip", "conv3", "none"), strict=True))
        return _configuration(2, 8, {(cell, *edge): residual[edge] for cell in (1, 2) for edge in EDGES})

    def covering(self) -> Sequence[Configuration]:
        """Convolutions of both sizes on all edges: the large ones first, and the small ones."""
        every = [(cell, *edge) for cell in range(1, MOST_CELLS + 1) for edge in EDGES]
        return [_configuration(MOST_CELLS, CHANNELS[-1], dict.fromkeys(every, side)) for side in ("conv3", "conv1")]

    def smallest(self, configuration: Configuration) -> Configuration:
        """One cell of the fewest channels."""
        own = {n: v for n, v in configuration.items() if not EDGE.search(n) or n.startswith("cells.1_")}
        return {**own, "cells.count": 1, "cells.channels": CHANNELS[0]}

    def transformer(self, task: Task) -> Transformer:
        """Columns as pixels."""
        Images().fit(task.train.X)  # which checks them, here and not in the middle of a training
        return Images()

    def architecture(self, configuration: Configuration, inputs: int, outputs: int) -> Architecture:
        """As `Family.architecture`; any side of an image will do."""
        cells = [
            tuple(str(configuration[f"cells.{cell}_{i}{j}"]) for i, j in EDGES)
            for cell in range(1, int(configuration["cells.count"]) + 1)  # type: ignore[arg-type]
        ]
        channels = int(configuration["cells.channels"])  # type: ignore[arg-type]
        return CellArchitecture(outputs, channels, str(configuration["cells.activation"]), tuple(cells))


def _configuration(count: int, channels: int, operations: Mapping[tuple[int, int, int], str]) -> Configuration:
    edges = {f"cells.{cell}_{i}{j}": operation for (cell, i, j), operation in operations.items()}
    return {"cells.count": count, "cells.channels": channels, "cells.activation": "relu", **edges}
