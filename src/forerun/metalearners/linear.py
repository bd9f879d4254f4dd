"""Hierarchical Bayesian ridge regression: a linear score of the encoding, for every task its own.

    score(x) = Phi(x) w_t     Phi(x) = [1, leading components of the encoded configuration]

with the weights w_t = W c_t + delta_t of `hierarchy`: c_t are leading components of the task features, so
different tasks rank configurations differently, and for a given task the score is linear in the encoding:
a sum of one table per domain, searched exactly at any size.
"""

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from forerun.metadata import MetaDataset
from forerun.metalearners.adapted import Adapted
from forerun.metalearners.base import Context, Floats, MetaLearner
from forerun.metalearners.components import Components
from forerun.metalearners.head import Head, canonical
from forerun.metalearners.threads import one_thread
from forerun.space import Layers


@dataclass
class Linear(MetaLearner):
    """Bayesian ridge with exact updates, its priors estimated from the history."""

    columns: int = 64
    """Most components of the encoding."""
    coordinates: int = 4
    """Most components of the task features."""
    trust: float = 0.9
    """Prior probability that the history speaks of the target at all."""
    axes_: Components = field(init=False, repr=False)
    head_: Head = field(init=False, repr=False)

    @one_thread()
    def fit(self, meta: MetaDataset) -> Self:
        """As `MetaLearner.fit`."""
        meta = canonical(meta)
        self.axes_ = Components.fit(meta.X, self.columns)
        self.head_ = Head.fit(self._basis(meta.X), meta, coordinates=self.coordinates, trust=self.trust)
        return self

    @one_thread()
    def adapt(self, context: Context) -> "LinearSurrogate":
        """As `MetaLearner.adapt`."""
        return LinearSurrogate(**vars(self.head_.adapt(self._basis, context)), axes=self.axes_)

    def _basis(self, X: Floats) -> Floats:
        return np.column_stack([np.ones(len(X)), self.axes_.of(X)])

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """As `MetaLearner.state`."""
        settings, arrays = self.head_.state()
        options = {"columns": self.columns, "coordinates": self.coordinates, "trust": self.trust}
        return {"options": options, "head": settings}, arrays | {"center": self.axes_.center, "axes": self.axes_.axes}

    @classmethod
    def from_state(cls, settings: dict[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """As `MetaLearner.from_state`."""
        found = cls(**settings["options"])
        found.axes_ = Components(arrays["center"], arrays["axes"])
        found.head_ = Head.from_state(settings["head"], arrays)
        return found


@dataclass(frozen=True)
class LinearSurrogate(Adapted):
    """Linear in the encoding, and says so."""

    axes: Components

    def layers(self) -> Layers:
        """As `Additive.layers`: one affine map."""
        slope = self.axes.axes @ self.weights[1:]
        return [(slope[:, None], np.array([self.weights[0] - self.axes.center @ slope]))]
