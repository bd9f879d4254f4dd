"""The Bayesian head that the meta-learners share: weights of basis functions, for every task its own.

A meta-learner brings p basis functions of a configuration (its encoding, the hidden units of a network);
the head learns from the history how tasks weigh them (`hierarchy`), and adapts to a target by the exact
Gaussian update (`posterior`), between two hypotheses that the trials decide on by their evidence:

    transfer   the weights are what the history says, up to a task's usual deviation
    scratch    of each weight only the usual magnitude is known, not the sign

The second is the guard against negative transfer: on a task unlike any in the history it takes over.
"""

from dataclasses import dataclass, replace
from math import inf, log
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from forerun.errors import FormatError, HistoryError
from forerun.metadata import LOSS, MetaDataset, ScaleModel
from forerun.metadata.scales import Line
from forerun.metalearners.adapted import Adapted, Basis
from forerun.metalearners.base import Context, Floats
from forerun.metalearners.calibration import Learned, temperature
from forerun.metalearners.components import Components
from forerun.metalearners.coordinates import Coordinates
from forerun.metalearners.hierarchy import Grams, Hierarchy, Variances, learn, own_weights
from forerun.metalearners.posterior import Data, hypotheses, update
from forerun.metalearners.units import settle

FEW = 20
"""A task with so many trials counts half of one with very many."""
GUESS = 0.1
"""Of `Head.luck`, before it is known."""


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
        # for times there is nothing to guard against: no task trains large models faster than small ones
        trust = trust if meta.target == LOSS else 1.0
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
        factor = temperature(Learned(hierarchy, grams, C, weights), trust, Phi[~failed], finished)
        return cls(hierarchy, found, ScaleModel().fit(meta), factor, trust, luck)

    def adapt(self, basis: Basis, context: Context) -> Adapted:
        """Condition on the target's trials."""
        c = self.coordinates.of(context.features)
        h, shares = self.hierarchy, (self.trust, 1 - self.trust)
        standard = self.scales.predict(context.features)
        prior = Adapted(basis, hypotheses(h, c), shares, h.variances.noise, self.temperature, standard)
        return prior if len(context.y) == 0 else self._condition(prior, context)

    def _condition(self, prior: Adapted, context: Context) -> Adapted:
        expected = prior.predict(context.X)
        standard = self.scales.update(prior.standard, context.y, expected.mean, expected.std)
        known = np.isfinite(context.y)
        # a failed training has a loss (the worst) but says nothing about its time
        kept = np.full(len(known), True) if standard.bent else known
        noise = prior.noise / np.where(known, 1.0, self.luck)
        floating = known & standard.bent
        data = Data(prior.basis(context.X[kept]), standard.forward(context.y)[kept], floating[kept], noise[kept])
        beliefs = tuple(update(belief, data) for belief in prior.beliefs)
        logs = np.array([log(s) + b.evidence if s > 0 else -inf for s, b in zip(prior.shares, beliefs, strict=True)])
        shares = np.exp(logs - logs.max())
        adapted = replace(prior, beliefs=beliefs, shares=tuple(shares / shares.sum()))
        return replace(adapted, standard=settle(prior.standard, context.y, expected, prior.covariance(context.X)))

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
    """(T,) weights of tasks: a large family counts less than its number, and so does a wildly spread task.

    So does a task with few trials: its targets are standardised by them, and so are as uncertain as they are few.
    """
    _, place, counts = np.unique(np.array(meta.families), return_inverse=True, return_counts=True)
    variances = np.array([meta.y[meta.task == t].var() for t in range(len(meta.tasks))])
    n = np.bincount(meta.task, minlength=len(meta.tasks))
    return np.asarray(n / (n + FEW) / np.sqrt(counts[place]) / np.maximum(variances, 1.0))


def _luck(residual: Floats, failed: npt.NDArray[np.bool_]) -> float:
    if failed.all() or not failed.any():
        return 1.0
    squares = [float(np.mean(residual[rows] ** 2)) for rows in (~failed, failed)]
    return float(np.clip(squares[0] / max(squares[1], 1e-12), 0.01, 1.0))
