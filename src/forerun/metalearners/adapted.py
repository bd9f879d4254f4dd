"""The surrogate that the meta-learners share: a mixture of Gaussians over the weights of basis functions."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from forerun.metadata import Standard
from forerun.metalearners.base import Floats, Prediction
from forerun.metalearners.posterior import Belief, known, mixture

Basis = Callable[[Floats], Floats]
"""Encoded configurations (n, d) to basis functions (n, p)."""


@dataclass(frozen=True)
class Adapted:
    """A surrogate: a mixture of Gaussians over the weights of basis functions."""

    basis: Basis
    beliefs: tuple[Belief, ...]
    shares: tuple[float, ...]
    """Probabilities of the beliefs."""
    noise: float
    temperature: float
    standard: Standard

    @property
    def weights(self) -> Floats:
        """(p,) the mean of a configuration is its basis functions times these."""
        return np.asarray(sum(share * b.mean for share, b in zip(self.shares, self.beliefs, strict=True)))

    def predict(self, X: Floats) -> Prediction:
        """As `Surrogate.predict`."""
        mean, variance = mixture(self.beliefs, self.shares, self.basis(X))
        return Prediction(mean, self.temperature * np.sqrt(variance + self.noise))

    def covariance(self, X: Floats) -> Floats:
        """Covariance (n, n) of the results of trainings."""
        Phi = self.basis(X)
        mean, second = Phi @ self.weights, self.noise * np.eye(len(X))
        for share, belief in zip(self.shares, self.beliefs, strict=True):
            apart = Phi @ belief.mean - mean
            lean = Phi @ belief.lean
            second += share * (Phi @ belief.covariance @ Phi.T + np.outer(apart, apart) + np.outer(lean, lean))
        return np.asarray(self.temperature**2 * second)

    def draw(self, rng: np.random.Generator) -> Self:
        """A guess at the truth (Thompson 1933): this surrogate with weights drawn from the mixture, not to be doubted.

        Its mean is one network's, or one linear model's; its std is the noise of a training. Over many draws,
        means have the mean of `predict`, and `covariance` without the noise.
        """
        belief = self.beliefs[rng.choice(len(self.beliefs), p=self.shares)]
        # the temperature widens the mixture as a whole, as it does in `predict`
        weights = self.weights + self.temperature * (belief.draw(rng) - self.weights)
        return replace(self, beliefs=(known(weights),), shares=(1.0,))

    def to_units(self, prediction: Prediction) -> Prediction:
        """As `Surrogate.to_units`."""
        return Prediction(*self.standard.to_units(prediction.mean, prediction.std))
