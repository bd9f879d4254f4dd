"""A mixture over what the target may be: like a task of the history, as a family predicts it, or like none.

Notation: T tasks of the history with weights w (T,), N configurations, k trials of the target.

Hypotheses (see `hypotheses` for their update), each with a share that the history itself teaches (`rehearsal`):

    tasks     f = m + sqrt(1 - h^2) (f_t - m) + g, for every task t of the history: a kernel density estimate
              in the space of functions, shrunk so that its covariance stays that of the tasks (West 1993)
    NAME      f = what the family NAME predicts from the task's features, + g
    scratch   f = a constant + g: nothing that the history says of single configurations holds

g is a Gaussian process. For the first two its covariance is the empirical one of the tasks' functions (Wang
et al. 2021, pre-trained Gaussian processes), shrunk towards a Matern kernel with the same variances; for
scratch it is a Matern kernel. What tasks say of a configuration is `sources`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from scipy.special import ndtr

from forerun.metadata import LOSS, MetaDataset, ScaleModel, Standard
from forerun.metalearners.base import Context, Floats, MetaLearner, Prediction, Surrogate
from forerun.metalearners.head import canonical
from forerun.metalearners.hypotheses import Hypothesis, Piece, Points, Trials, components, condition, moments, shares
from forerun.metalearners.linear import Linear
from forerun.metalearners.sources import Sources
from forerun.metalearners.threads import one_thread
from forerun.metalearners.views import Views

NOISE = 1e-3
"""Variance of a training's result, in target units."""
LUCK = 0.25
"""Variance of a failed trial's target: failing is a matter of luck too."""

FAMILIES: dict[str, type[MetaLearner]] = {"linear": Linear}
"""Families whose predictions are hypotheses."""


@dataclass
class Mixture(MetaLearner):
    """A mixture of Gaussian processes around the tasks of the history, families of meta-learners, and nothing."""

    sources_: Sources = field(init=False, repr=False)
    families_: dict[str, MetaLearner] = field(init=False, repr=False)
    views_: Views = field(init=False, repr=False)
    scales_: ScaleModel = field(init=False, repr=False)
    temperatures_: tuple[float, float] = field(init=False, repr=False)
    """Factors on every std, before any trial and after."""

    @one_thread()
    def fit(self, meta: MetaDataset) -> Self:
        """As `MetaLearner.fit`."""
        meta = canonical(meta)
        self.families_ = {name: sort().fit(meta) for name, sort in FAMILIES.items()}
        self.scales_ = ScaleModel().fit(meta)
        self.sources_ = Sources.fit(meta)
        self.views_ = Views.of(meta, self.sources_, list(self.families_))
        self.temperatures_ = (1.0, 1.0)
        return self

    @one_thread()
    def adapt(self, context: Context) -> "MixtureSurrogate":
        """As `MetaLearner.adapt`."""
        said = {name: family.adapt(Context.empty(context.features, context.X.shape[1])) for name, family in self.families_.items()}
        hypotheses = self.views_.hypotheses()
        nothing = _points(self.sources_, list(said.values()), context.X[:0])
        before = Trials(nothing, np.zeros(0), np.zeros(0), np.zeros(0))
        standard = self.scales_.predict(context.features)
        prior = MixtureSurrogate(self.sources_, list(said.values()), condition(hypotheses, before), before, standard, self.temperatures_[0])
        if not len(context.y):
            return prior
        expected = prior.predict(context.X)
        standard = self.scales_.update(standard, context.y, expected.mean, expected.std)
        known = np.isfinite(context.y)
        points = _points(self.sources_, list(said.values()), context.X)
        trials = Trials(points, standard.forward(context.y), known.astype(float), np.where(known, NOISE, LUCK))
        return replace(prior, pieces=condition(hypotheses, trials), trials=trials, standard=standard, temperature=self.temperatures_[1])

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """As `MetaLearner.state`."""
        views, arrays = self.views_.state()
        arrays |= self.sources_.arrays()
        parts = {}
        for name, family in self.families_.items():
            parts[name], own = family.state()
            arrays |= {f"{name}.{key}": array for key, array in own.items()}
        settings = {"families": parts, "views": views, "scales": self.scales_.to_dict()}
        return settings | {"temperatures": self.temperatures_}, arrays

    @classmethod
    def from_state(cls, settings: dict[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """As `MetaLearner.from_state`."""
        found = cls()
        found.families_ = {}
        for name, part in settings["families"].items():
            own = {key.removeprefix(f"{name}."): a for key, a in arrays.items() if key.startswith(f"{name}.")}
            found.families_[name] = FAMILIES[name].from_state(part, own)
        found.sources_, found.views_ = Sources.of_arrays(arrays), Views.of_state(settings["views"], arrays)
        found.scales_ = ScaleModel.from_dict(settings["scales"])
        found.temperatures_ = tuple(settings["temperatures"])
        return found


@dataclass(frozen=True)
class MixtureSurrogate:
    """Gaussian processes with their probabilities."""

    sources: Sources
    families: Sequence[Surrogate]
    pieces: Sequence[Piece]
    trials: Trials
    standard: Standard
    temperature: float

    @one_thread()
    def predict(self, X: Floats) -> Prediction:
        """As `Surrogate.predict`."""
        mean, std = moments(components(self.pieces, self.trials, _points(self.sources, self.families, X)))
        return Prediction(mean, self.temperature * std)

    @one_thread()
    def improvement(self, X: Floats) -> Floats:
        """Expected improvement (n,) over the best trial so far, in target units, every hypothesis by itself."""
        found = components(self.pieces, self.trials, _points(self.sources, self.families, X))
        bar = float(np.min(self.trials.y))
        return np.asarray(sum(c.weight @ _improvement(bar - c.mean, c.std) for c in found))

    def shares(self) -> dict[str, float]:
        """How likely each hypothesis is."""
        return shares(self.pieces)

    def to_units(self, prediction: Prediction) -> Prediction:
        """As `Surrogate.to_units`."""
        return Prediction(*self.standard.to_units(prediction.mean, prediction.std))


def _improvement(ahead: Floats, std: Floats) -> Floats:
    z = ahead / std
    return np.asarray(std * (np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi) + z * ndtr(z)))


def _points(sources: Sources, families: Sequence[Surrogate], X: Floats) -> Points:
    said = [family.predict(X).mean for family in families]
    return Points(X, sources.at(X), np.array(said).reshape(len(said), len(X)))
