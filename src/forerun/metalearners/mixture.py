"""A mixture over what the target may be: like a task of the history, as a family predicts it, or like none.

Notation: T tasks of the history with weights w (T,), N configurations, k trials of the target.

Hypotheses (see `hypotheses` for their update), each with a share that the history itself teaches (`rehearsal`):

    tasks     f = m + sqrt(1 - h^2) (f_t - m) + g, for every task t of the history: a kernel density estimate
              in the space of functions, shrunk so that its covariance stays that of the tasks (West 1993)
    NAME      f = what the family NAME predicts from the task's features, + g
    opposite  f = a constant - m + g: what the history avoids is good here
    scratch   f = a constant + g: nothing that the history says of single configurations holds

g is a Gaussian process. For the first two its covariance is the empirical one of the tasks' functions (Wang
et al. 2021, pre-trained Gaussian processes), shrunk towards a Matern kernel with the same variances; for
scratch it is a Matern kernel. What tasks say of a configuration is `sources`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from scipy.special import logsumexp, ndtr

from forerun.metadata import LOSS, MetaDataset, ScaleModel
from forerun.metalearners.adapted import Adapted
from forerun.metalearners.base import NORMAL, Context, Floats, MetaLearner, Prediction, Surrogate
from forerun.metalearners.head import canonical
from forerun.metalearners.hypotheses import Points, components, moments, shares
from forerun.metalearners.last_layer import LastLayer
from forerun.metalearners.linear import Linear
from forerun.metalearners.opening import Opening, task_weights
from forerun.metalearners.rehearsal import Doubt, rehearse, scenes
from forerun.metalearners.sources import Sources
from forerun.metalearners.threads import one_thread
from forerun.metalearners.views import Met, Views

OPENING = 3
"""Trials that are chosen as an opening; later ones by expected improvement."""
FAMILIES: dict[str, type[Linear | LastLayer]] = {"linear": Linear, "last_layer": LastLayer}
"""Families whose predictions are hypotheses."""


@dataclass
class Mixture(MetaLearner):
    """A mixture of Gaussian processes around the tasks of the history, families of meta-learners, and nothing."""

    alone_: bool = field(init=False, repr=False)
    """Whether the family speaks alone, as it does of times: they are told in seconds, from the task's features."""
    names_: list[str] = field(init=False, repr=False)
    sources_: Sources = field(init=False, repr=False)
    families_: dict[str, Linear | LastLayer] = field(init=False, repr=False)
    opening_: Opening = field(init=False, repr=False)
    views_: Views = field(init=False, repr=False)
    scales_: ScaleModel = field(init=False, repr=False)
    doubts_: tuple[Doubt, Doubt] = field(init=False, repr=False)
    """Before any trial, and after."""

    @one_thread()
    def fit(self, meta: MetaDataset) -> Self:
        """As `MetaLearner.fit`."""
        meta = canonical(meta)
        self.families_ = {name: sort().fit(meta) for name, sort in FAMILIES.items()}
        self.alone_ = meta.target != LOSS
        if self.alone_:
            return self
        self.scales_ = ScaleModel().fit(meta)
        self.names_ = list(meta.tasks)
        self.sources_ = Sources.fit(meta)
        self.opening_ = Opening.of(meta)
        views = Views.of(meta, self.sources_, list(FAMILIES))
        played = list(scenes(meta, self.sources_, views, list(FAMILIES.values())))
        self.views_, self.doubts_ = rehearse(views, played)
        return self

    @one_thread()
    def adapt(self, context: Context) -> Surrogate:
        """As `MetaLearner.adapt`; a `MixtureSurrogate` but for times."""
        if self.alone_:
            return next(iter(self.families_.values())).adapt(context)
        empty = Context.empty(context.features, context.X.shape[1])
        said = [family.adapt(empty) for family in self.families_.values()]
        points = _points(self.sources_, said, context.X)
        met = self.views_.meet(said, points, context.y, self.scales_.predict(context.features))
        doubt = self.doubts_[0 if not len(context.y) else 1]
        return MixtureSurrogate(self.names_, self.sources_, self.opening_, said, met, doubt)

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """As `MetaLearner.state`."""
        arrays: dict[str, np.ndarray] = {}
        parts = {}
        for name, family in self.families_.items():
            parts[name], own = family.state()
            arrays |= {f"{name}.{key}": array for key, array in own.items()}
        if self.alone_:
            return {"families": parts}, arrays
        views, others = self.views_.state()
        arrays |= (
            others | self.sources_.arrays() | {"opening_best": self.opening_.best, "opening_worst": self.opening_.worst}
        )
        settings = {"families": parts, "tasks": self.names_, "views": views, "scales": self.scales_.to_dict()}
        return settings | {"doubts": self.doubts_}, arrays

    @classmethod
    def from_state(cls, settings: dict[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """As `MetaLearner.from_state`."""
        found = cls()
        found.families_ = {}
        for name, part in settings["families"].items():
            own = {key.removeprefix(f"{name}."): a for key, a in arrays.items() if key.startswith(f"{name}.")}
            found.families_[name] = FAMILIES[name].from_state(part, own)
        found.alone_ = "views" not in settings
        if found.alone_:
            return found
        found.sources_, found.views_ = Sources.of_arrays(arrays), Views.of_state(settings["views"], arrays)
        found.names_ = settings["tasks"]
        found.opening_ = Opening(arrays["opening_best"], arrays["opening_worst"])
        found.scales_ = ScaleModel.from_dict(settings["scales"])
        before, after = (Doubt(factor, tuple(widths)) for factor, widths in settings["doubts"])
        found.doubts_ = before, after
        return found


@dataclass(frozen=True)
class MixtureSurrogate:
    """Gaussian processes with their probabilities."""

    names: Sequence[str]
    """T, of the history's tasks."""
    sources: Sources
    opening: Opening
    families: Sequence[Adapted]
    met: Met
    doubt: Doubt

    @one_thread()
    def predict(self, X: Floats) -> Prediction:
        """As `Surrogate.predict`."""
        mean, std = moments(components(self.met.pieces, self.met.trials, _points(self.sources, self.families, X)))
        return Prediction(mean, self.doubt.factor * std)

    @one_thread()
    def improvement(self, X: Floats) -> Floats:
        """Expected improvement (n,) over the best trial so far, in target units, every hypothesis by itself."""
        points, k = _points(self.sources, self.families, X), len(self.met.trials.y)
        if k < OPENING:
            tried = self.met.trials.points.tasks
            return self.opening.worth(tried, points.tasks, task_weights(self.met.pieces, len(tried), k))
        found = components(self.met.pieces, self.met.trials, points)
        bar = float(np.min(self.met.trials.y))
        return np.asarray(sum(c.weight @ _improvement(bar - c.mean, c.std) for c in found))

    def likeness(self) -> dict[str, float]:
        """How likely the target is like each task of the history, by name, the likeliest first."""
        total = logsumexp(np.concatenate([p.evidence for p in self.met.pieces]))
        logs = logsumexp([p.evidence for p in self.met.pieces if p.name == "tasks"], axis=0) - total
        found = dict(zip(self.names, np.exp(logs).tolist(), strict=True))
        return dict(sorted(found.items(), key=lambda entry: -entry[1]))

    def hypotheses(self) -> dict[str, float]:
        """How likely each hypothesis is."""
        return shares(self.met.pieces)

    def widths(self) -> dict[int, float]:
        """As `Measured.widths`."""
        return dict(zip(NORMAL, self.doubt.widths, strict=True))

    def to_units(self, prediction: Prediction) -> Prediction:
        """As `Surrogate.to_units`."""
        return Prediction(*self.met.standard.to_units(prediction.mean, prediction.std))


def _improvement(ahead: Floats, std: Floats) -> Floats:
    z = ahead / std
    return np.asarray(std * (np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi) + z * ndtr(z)))


def _points(sources: Sources, families: Sequence[Adapted], X: Floats) -> Points:
    return Points(X, sources.at(X), tuple(family.basis(X) for family in families))
