"""Hierarchical Bayesian regression with products: how much one setting is worth may depend on another.

    score(x) = Phi(x) w_t     Phi(x) = [1, leading components c of the encoded configuration, c_i c_j of the first few]

with the weights w_t of `hierarchy`, as in `linear`. The products are centred and scaled to unit variance over the
history, so that the head's priors treat them as it treats the components. For a given task the score is
quadratic in the encoding: tables for domains and for pairs of domains, searched with proof.
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


@dataclass(frozen=True)
class Products:
    """The basis: a constant, components, and products of the first ones."""

    components: Components
    center: Floats
    """(pairs,) means of the products."""
    scale: Floats
    """(pairs,) what a product is divided by."""

    @classmethod
    def fit(cls, X: Floats, columns: int, products: int) -> Self:
        """Find components and products for encoded configurations X (n, d)."""
        components = Components.fit(X, columns)
        few = components.of(X)[:, :products]
        i, j = np.triu_indices(few.shape[1])
        values = few[:, i] * few[:, j]
        scale = values.std(axis=0)
        return cls(components, values.mean(axis=0), np.where(scale > 0, scale, 1.0))

    @property
    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Which components i <= j each product is of, (pairs,) each."""
        return np.triu_indices(round((np.sqrt(8 * len(self.center) + 1) - 1) / 2))

    def of(self, X: Floats) -> Floats:
        """Basis functions (n, p) of encoded configurations (n, d)."""
        few = self.components.of(X)
        i, j = self.pairs
        return np.column_stack([np.ones(len(X)), few, (few[:, i] * few[:, j] - self.center) / self.scale])


@dataclass
class Interactions(MetaLearner):
    """Bayesian ridge of components and their products, with exact updates, its priors estimated from the history."""

    columns: int = 64
    """Most components of the encoding."""
    products: int = 6
    """Components that are multiplied, each with each."""
    coordinates: int = 4
    """Most components of the task features."""
    trust: float = 0.9
    """Prior probability that the history speaks of the target at all."""
    basis_: Products = field(init=False, repr=False)
    head_: Head = field(init=False, repr=False)

    @one_thread()
    def fit(self, meta: MetaDataset) -> Self:
        """As `MetaLearner.fit`."""
        meta = canonical(meta)
        self.basis_ = Products.fit(meta.X, self.columns, self.products)
        self.head_ = Head.fit(self.basis_.of(meta.X), meta, coordinates=self.coordinates, trust=self.trust)
        return self

    @one_thread()
    def adapt(self, context: Context) -> "QuadraticSurrogate":
        """As `MetaLearner.adapt`."""
        return QuadraticSurrogate(**vars(self.head_.adapt(self.basis_.of, context)), products=self.basis_)

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """As `MetaLearner.state`."""
        settings, arrays = self.head_.state()
        options = {name: getattr(self, name) for name in ("columns", "products", "coordinates", "trust")}
        found = self.basis_
        own = {"center": found.components.center, "axes": found.components.axes}
        own |= {"product_center": found.center, "product_scale": found.scale}
        return {"options": options, "head": settings}, arrays | own

    @classmethod
    def from_state(cls, settings: dict[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """As `MetaLearner.from_state`."""
        found = cls(**settings["options"])
        components = Components(arrays["center"], arrays["axes"])
        found.basis_ = Products(components, arrays["product_center"], arrays["product_scale"])
        found.head_ = Head.from_state(settings["head"], arrays)
        return found


@dataclass(frozen=True)
class QuadraticSurrogate(Adapted):
    """Quadratic in the encoding, and says so."""

    products: Products

    def quadratic(self) -> tuple[tuple[Floats, Floats], Floats, Floats, float]:
        """As `space.Quadratic.quadratic`: z are the components."""
        components, size = self.products.components, self.products.components.size
        weights = self.weights[1 + size :] / self.products.scale
        half = np.zeros((size, size))
        half[self.products.pairs] = weights / 2
        constant = float(self.weights[0] - weights @ self.products.center)
        affine = components.axes, -components.center @ components.axes
        return affine, half + half.T, self.weights[1 : 1 + size], constant
