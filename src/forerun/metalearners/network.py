"""Shallow network ensemble: hidden units learned across tasks, their weights adapted to one.

The members see the encoded configuration and the task coordinates, and are fitted to the targets by least
squares (`shallow`). The head (`head`) then learns from their out-of-bag predictions how far they can be
trusted and how tasks deviate, and adapts by the exact Gaussian update of the last layer (as ALPaCA does,
Harrison et al. 2018). Adapted, it still is one hidden layer of ReLU units over a sum of tables.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import numpy as np
import torch

from forerun.metadata import MetaDataset
from forerun.metalearners.adapted import Adapted
from forerun.metalearners.base import Context, Floats, MetaLearner
from forerun.metalearners.body import Body, bags
from forerun.metalearners.head import Head, canonical, importance
from forerun.metalearners.shallow import Settings
from forerun.metalearners.threads import one_thread
from forerun.space import Layers

BATCH = 1024
"""Trials of a batch, in a large history."""
BATCHES = 16
"""Of an epoch at least, also in a small history."""


@dataclass
class Network(MetaLearner):
    """Ensemble of shallow ReLU networks with a Bayesian head."""

    settings: Settings = field(default_factory=Settings)
    units: int = 10
    """Most components of the hidden units that the head weighs anew for every task."""
    coordinates: int = 2
    """Most components of the task features that the head sees."""
    trust: float = 0.9
    """Prior probability that the history speaks of the target at all."""
    body_: Body = field(init=False, repr=False)
    head_: Head = field(init=False, repr=False)

    @one_thread()
    def fit(self, meta: MetaDataset) -> Self:
        """As `MetaLearner.fit`."""
        meta = canonical(meta)
        self.body_, Phi = self._train(meta)
        self.head_ = Head.fit(Phi, meta, coordinates=self.coordinates, trust=self.trust)
        return self

    def _train(self, meta: MetaDataset) -> tuple[Body, Floats]:
        return Body.fit(meta, Squares(meta, self.settings), self.settings, units=self.units, centred=False)

    @one_thread()
    def adapt(self, context: Context) -> "NetworkSurrogate":
        """As `MetaLearner.adapt`."""
        c = self.body_.tasks.cut(context.features[None])[0]
        adapted = self.head_.adapt(lambda X: self.body_.basis(X, c), context)
        return NetworkSurrogate(**vars(adapted), body=self.body_, coordinates=c)

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """As `MetaLearner.state`."""
        head, arrays = self.head_.state()
        options = {"units": self.units, "coordinates": self.coordinates, "trust": self.trust}
        return {"settings": asdict(self.settings), "options": options, "head": head}, arrays | self.body_.arrays()

    @classmethod
    def from_state(cls, settings: dict[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """As `MetaLearner.from_state`."""
        found = cls(Settings(**settings["settings"]), **settings["options"])
        found.body_ = Body.of_arrays(arrays)
        found.head_ = Head.from_state(settings["head"], arrays)
        return found


@dataclass(frozen=True)
class NetworkSurrogate(Adapted):
    """A small ReLU network over a sum of tables, and says so."""

    body: Body
    coordinates: Floats

    def layers(self) -> Layers:
        """As `Additive.layers`: two affine maps."""
        return self.body.layers(self.weights, self.coordinates)


class Squares:
    """Least squares, each member without its own bag."""

    def __init__(self, meta: MetaDataset, settings: Settings) -> None:
        self.y = torch.from_numpy(meta.y.astype(np.float32))
        self.weight = member_weights(meta, settings)

    def batches(self, generator: torch.Generator) -> Iterator[torch.Tensor]:
        """As `Objective.batches`."""
        yield from torch.split(torch.randperm(len(self.y), generator=generator), batch_size(len(self.y)))

    def loss(self, outputs: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """As `Objective.loss`."""
        return (self.weight[rows] * (outputs - self.y[rows, None]) ** 2).sum(dim=1).mean()


def batch_size(trials: int) -> int:
    """How many trials make a batch of a history with so many."""
    return min(BATCH, -(-trials // BATCHES))


def member_weights(meta: MetaDataset, settings: Settings) -> torch.Tensor:
    """(n, M) how much each trial counts for each member; those of its own bag do not."""
    weight = importance(meta)[meta.task]
    seen = bags(meta, settings)[:, None] != np.arange(settings.members)
    return torch.from_numpy((weight[:, None] / weight.mean() * seen).astype(np.float32))
