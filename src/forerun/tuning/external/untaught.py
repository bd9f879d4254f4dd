"""A surrogate that knows no history: it learns from the target's own trials alone.

Of the mixture's hypotheses (`metalearners.mixture`) it is the last one, `scratch`: Gaussian processes with Matern
kernels of several length scales, units and amplitudes, weighted by their evidence. Nothing is transferred, and
before any trial it holds everything for equally good.
"""

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from forerun.metadata import FeatureScaler, MetaDataset, Standard
from forerun.metadata.targets import locate
from forerun.metalearners import Context, Forecaster, MetaLearner, Prediction, Surrogate
from forerun.metalearners.hypotheses import Hypothesis, Points, Trials, components, condition, moments
from forerun.metalearners.threads import one_thread
from forerun.metalearners.views import LUCK, Met, Smooth
from forerun.space import Floats, SearchSpace

LENGTHS = (0.25, 0.6, 1.5)
"""Length scales, in median distances of random configurations."""
NOISE = 0.01
"""Variance of a training's result, in target units."""
DRAWN = 200
"""Random configurations whose distances are measured."""


@dataclass
class Untaught(MetaLearner):
    """Gaussian processes over one search space."""

    distance: float = 1.0
    """Between random configurations of the space, encoded: the median."""
    _hypotheses: list[Hypothesis] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        share, one = 1 / len(LENGTHS), np.zeros(1)
        self._hypotheses = [
            Hypothesis("scratch", _flat, one, Smooth(length * self.distance, 1.0), share, NOISE) for length in LENGTHS
        ]

    def fit(self, meta: MetaDataset) -> Self:
        """As `MetaLearner.fit`: a history teaches it nothing."""
        return self

    @one_thread()
    def adapt(self, context: Context) -> Surrogate:
        """As `MetaLearner.adapt`; the features of the task are not looked at."""
        y, known = context.y, np.isfinite(context.y)
        standard = locate(y, np.zeros(len(y)), np.ones(len(y)), Standard(0.0, 1.0))
        trials = Trials(_points(context.X), standard.forward(y), known.astype(float), np.where(known, 1e-6, LUCK))
        return UntaughtSurrogate(Met(condition(self._hypotheses, trials), trials, standard))

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """As `MetaLearner.state`."""
        return {"distance": self.distance}, {}

    @classmethod
    def from_state(cls, settings: dict[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """As `MetaLearner.from_state`."""
        return cls(float(settings["distance"]))


@dataclass(frozen=True)
class UntaughtSurrogate:
    """The processes, conditioned on the trials."""

    met: Met

    @one_thread()
    def predict(self, X: Floats) -> Prediction:
        """As `Surrogate.predict`."""
        return Prediction(*moments(components(self.met.pieces, self.met.trials, _points(X))))

    def to_units(self, prediction: Prediction) -> Prediction:
        """As `Surrogate.to_units`."""
        return Prediction(*self.met.standard.to_units(prediction.mean, prediction.std))


def untaught(space: SearchSpace) -> Forecaster:
    """A forecaster of one space that needs no fitting."""
    X = space.encode(space.sample(np.random.default_rng(0), DRAWN))
    squares = ((X[:, None] - X[None]) ** 2).sum(axis=2)[np.triu_indices(DRAWN, 1)]
    apart = squares[squares > 0]
    forecaster = Forecaster(Untaught(float(np.sqrt(np.median(apart))) if len(apart) else 1.0), Untaught())
    forecaster.space_, forecaster.scaler_, forecaster.timed_ = space, FeatureScaler(()), False
    return forecaster


def _points(X: Floats) -> Points:
    return Points(X, np.zeros((0, len(X))), ())


def _flat(points: Points) -> Floats:
    return np.zeros((1, len(points.X)))
