"""The Bayesian head that the meta-learners share: weights of basis functions, for every task its own.

A meta-learner brings p basis functions of a configuration (its encoding, the hidden units of a network);
the head learns from the history how tasks weigh them (`hierarchy`), and adapts to a target by the exact
Gaussian update (`posterior`), between two hypotheses that the trials decide on by their evidence:

    transfer   the weights are what the history says, up to a task's usual deviation
    scratch    of each weight only the usual magnitude is known, not the sign

The second is the guard against negative transfer: on a task unlike any in the history it takes over.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from forerun.errors import FormatError, HistoryError
from forerun.metadata import LOSS, MetaDataset, ScaleModel, Standard
from forerun.metadata.scales import Line
from forerun.metalearners.base import Context, Floats, Prediction
from forerun.metalearners.components import Components
from forerun.metalearners.coordinates import Coordinates
from forerun.metalearners.hierarchy import Grams, Hierarchy, Variances, learn, own_weights, shared_weights
from forerun.metalearners.posterior import Belief, Data, update

Basis = Callable[[Floats], Floats]
"""Encoded configurations (n, d) to basis functions (n, p)."""
FOLDS = 5
GUESS = 0.1
"""Of `Head.luck`, before it is known."""
QUANTILES = {0.50: 0.6745, 0.80: 1.2816, 0.95: 1.9600}
"""Of |standard normal|: central intervals and their half widths."""


@dataclass(frozen=True)
class Head:
    """What tasks' weights have in common, learned by `fit`."""

    hierarchy: Hierarchy
    coordinates: Coordinates
    scales: ScaleModel
    temperature: float
    """Factor on every std, from tasks of families held out."""
    trust: float
    """Prior probability of the hypothesis `transfer`."""
    luck: float
    """In (0, 1]: variance of a finished training's result by that of a failed one: failing is a matter of luck too."""

    @classmethod
    def fit(cls, Phi: Floats, meta: MetaDataset, *, coordinates: int, trust: float) -> Self:
        """Learn from the basis functions Phi (n, p) of the trials of a meta-dataset."""
        weights = importance(meta)
        failed = meta.failed if meta.target == LOSS else np.zeros(len(meta), dtype=bool)
        luck = GUESS
        for _ in range(2 if failed.any() else 1):
            grams = Grams.of(Phi, meta.y, meta.task, len(meta.tasks), np.where(failed, luck, 1.0))
            found, C = Coordinates.fit(meta, grams, coordinates)
            hierarchy = learn(grams, C, weights)
            own = own_weights(grams, C, hierarchy)[meta.task]
            luck = _luck(meta.y - np.einsum("np,np->n", Phi, own), failed)
        finished = meta.of_rows(np.flatnonzero(~failed))
        temperature = _temperature(hierarchy, grams, C, weights, (Phi[~failed], finished))
        return cls(hierarchy, found, ScaleModel().fit(meta), temperature, trust, luck)

    def adapt(self, basis: Basis, context: Context) -> "Adapted":
        """Condition on the target's trials."""
        c = self.coordinates.of(context.features)
        h = self.hierarchy
        nothing = np.zeros(len(h.loose))
        beliefs = (Belief(h.weights(c), h.covariance(c), nothing), Belief(nothing, np.diag(h.loose), nothing))
        shares = (self.trust, 1 - self.trust)
        standard = self.scales.predict(context.features)
        prior = Adapted(basis, beliefs, shares, h.variances.noise, self.temperature, standard)
        return prior if len(context.y) == 0 else self._condition(prior, context)

    def _condition(self, prior: "Adapted", context: Context) -> "Adapted":
        expected = prior.predict(context.X)
        standard = self.scales.update(prior.standard, context.y, expected.mean, expected.std)
        known = np.isfinite(context.y)
        # a failed training has a loss (the worst) but says nothing about its time
        kept = np.full(len(known), True) if standard.bent else known
        noise = prior.noise / np.where(known, 1.0, self.luck)
        floating = known & standard.bent
        data = Data(prior.basis(context.X[kept]), standard.forward(context.y)[kept], floating[kept], noise[kept])
        beliefs = tuple(update(belief, data) for belief in prior.beliefs)
        logs = np.log(np.maximum(prior.shares, 1e-300)) + np.array([b.evidence for b in beliefs])
        shares = np.exp(logs - logs.max())
        return replace(prior, beliefs=beliefs, shares=tuple(shares / shares.sum()), standard=standard)

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """As `MetaLearner.state`."""
        h = self.hierarchy
        settings = {
            "temperature": self.temperature,
            "trust": self.trust,
            "luck": self.luck,
            "noise": h.variances.noise,
            "scales": self.scales.to_dict(),
        }
        arrays = {"W": h.W, "doubt": h.doubt, "loose": h.loose, "D": h.variances.D, "tau": h.variances.tau}
        where = self.coordinates
        arrays |= {"task_center": where.components.center, "task_axes": where.components.axes}
        if where.level is not None:
            settings |= {"level": where.level.intercept, "level_std": where.level.std}
            arrays |= {"level": where.level.weights}
        return settings, arrays

    @classmethod
    def from_state(cls, settings: dict[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """The inverse of `state`. Raises FormatError when something is missing."""
        try:
            variances = Variances(arrays["D"], arrays["tau"], settings["noise"])
            hierarchy = Hierarchy(arrays["W"], arrays["doubt"], arrays["loose"], variances)
            components = Components(arrays["task_center"], arrays["task_axes"])
            timed = "level" in arrays
            line = Line(settings["level"], arrays["level"], settings["level_std"]) if timed else None
            scales = ScaleModel.from_dict(settings["scales"])
            return cls(
                hierarchy,
                Coordinates(components, line),
                scales,
                *(settings[k] for k in ("temperature", "trust", "luck")),
            )
        except KeyError as error:
            raise FormatError(f"the state of a meta-learner must hold {error.args[0]!r}; it is missing") from error


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
        Phi = self.basis(X)
        mean = Phi @ self.weights
        second = np.zeros(len(X))
        for share, belief in zip(self.shares, self.beliefs, strict=True):
            center, variance = belief.predict(Phi)
            second += share * (variance + (center - mean) ** 2)
        return Prediction(mean, self.temperature * np.sqrt(second + self.noise))

    def to_units(self, prediction: Prediction) -> Prediction:
        """As `Surrogate.to_units`."""
        return Prediction(*self.standard.to_units(prediction.mean, prediction.std))


def check(meta: MetaDataset) -> None:
    """Raise HistoryError when there is nothing to learn from."""
    if len(meta.y) < 2:
        raise HistoryError(
            f"a meta-learner needs at least 2 trials with a known {meta.target}; got {len(meta.y)}. Collect more trials"
        )


def canonical(meta: MetaDataset) -> MetaDataset:
    """The same meta-dataset with tasks by name and trials by value, so that their order changes no bit."""
    check(meta)
    meta = meta.of_tasks(i for i in np.argsort(np.array(meta.tasks), kind="stable") if (meta.task == i).any())
    # rounded, as the last bits of a product may depend on a row's position
    key = np.round(meta.X @ np.cos(np.arange(meta.X.shape[1])), 9)
    rows = np.lexsort((key, meta.y, meta.task))
    return meta.of_rows(rows)


def importance(meta: MetaDataset) -> Floats:
    """(T,) weights of tasks: a large family counts less than its number, and so does a wildly spread task."""
    _, place, counts = np.unique(np.array(meta.families), return_inverse=True, return_counts=True)
    variances = np.array([meta.y[meta.task == t].var() for t in range(len(meta.tasks))])
    return np.asarray(1 / np.sqrt(counts[place]) / np.maximum(variances, 1.0))


def _luck(residual: Floats, failed: npt.NDArray[np.bool_]) -> float:
    if failed.all() or not failed.any():
        return 1.0
    squares = [float(np.mean(residual[rows] ** 2)) for rows in (~failed, failed)]
    return float(np.clip(squares[0] / max(squares[1], 1e-12), 0.01, 1.0))


def _temperature(h: Hierarchy, grams: Grams, C: Floats, weights: Floats, finished: tuple[Floats, MetaDataset]) -> float:
    """How much wider than claimed the errors on held-out families are, of finished trials.

    Only W is learned without them; the variances, of which every task is a small part, stay.
    """
    Phi, meta = finished
    families = np.unique(np.array(meta.families))
    if len(families) < 2 or not len(meta):
        return 1.0
    fold = np.searchsorted(families, np.array(meta.families)) % min(FOLDS, len(families))
    ratios = []
    for held in range(fold.max() + 1):
        share = np.where(fold == held, 0.0, weights / weights.mean())
        W, doubt = shared_weights(grams, C, share, h.variances)
        part = replace(h, W=W, doubt=doubt)
        for t in np.flatnonzero(fold == held):
            ratios.append(_errors(part, C[t], Phi[meta.task == t], meta.y[meta.task == t]))
    tasks = np.concatenate([np.full(len(r), 1 / max(len(r), 1)) for r in ratios])
    return _widening(np.concatenate(ratios), tasks)


def _errors(h: Hierarchy, c: Floats, Phi: Floats, y: Floats) -> Floats:
    variance = np.einsum("ni,ni->n", Phi @ h.covariance(c), Phi) + h.variances.noise
    return np.asarray(np.abs(y - Phi @ h.weights(c)) / np.sqrt(variance))


def _widening(ratios: Floats, weights: Floats) -> float:
    """The factor on the std that brings the central intervals nearest to their nominal shares, on average."""
    order = np.argsort(ratios)
    cumulative = np.cumsum(weights[order]) / weights.sum()
    found = [ratios[order][np.searchsorted(cumulative, share)] / width for share, width in QUANTILES.items()]
    return float(np.clip(np.mean(found), 0.3, 3.0))
