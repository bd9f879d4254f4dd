"""What a lower loss costs in training time: the Pareto front of both predictions, for people to choose from.

Where both predictions say what they are made of, the front is found with proof. Else it is climbed: the lowest
predicted loss within one limit of the predicted time after the other, which finds a few of it and proves nothing.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forerun.errors import SettingsError
from forerun.search import AtMost, CoordinateAscent, Score, search
from forerun.search.proof.pareto import pareto
from forerun.space import Additive, Configuration, Floats
from forerun.trials import Trial
from forerun.tuning.acquisition import mean_score
from forerun.tuning.tuner import Suggestion, Tuner

SECONDS = 60.0
"""For finding the front; with the pipeline's networks a third of it is usual."""
LIMITS = 8
"""Limits of the time within which a front is climbed."""
CLIMB = CoordinateAscent(restarts=32)


@dataclass(frozen=True)
class TradeOff:
    """Configurations of which no other is predicted to be both better and faster."""

    suggestions: list[Suggestion]
    """Fastest first, and so the best last."""
    proven: bool
    """Whether they are all there are on the grid."""
    size: int
    """How many configurations the grid holds."""
    seconds: float
    """Wall clock it took."""


def trade_off(
    tuner: Tuner, trials: Sequence[Trial], *, limit_s: float | None = None, seconds: float = SECONDS
) -> TradeOff:
    """Find the front of predicted loss and predicted training time, given the trials so far.

    What may be tried is as in `Tuner.suggest`. Raises SettingsError where the meta-learner knows no times.
    """
    began = time.perf_counter()
    forecast = tuner.adapt(trials)
    if forecast.seconds is None:
        raise SettingsError("a front needs predicted training times; the history knows none")
    scores = mean_score(forecast.seconds), mean_score(forecast.loss)
    rng, feasible = np.random.default_rng([tuner.seed, len(trials)]), tuner.limits(forecast, limit_s)
    proven = False
    if all(isinstance(score, Additive) for score in scores):
        front = pareto(scores, tuner.grid, rng, feasible=feasible, forbidden=tuner.forbidden, seconds=seconds)
        configurations, proven = front.configurations, front.proven
    else:
        configurations = _climbed(tuner, scores, rng, feasible, began + seconds)
    found = tuner.describe(forecast, configurations)
    return TradeOff(found, proven, tuner.grid.size, time.perf_counter() - began)


def _climbed(
    tuner: Tuner, scores: tuple[Score, Score], rng: np.random.Generator, feasible: Sequence[AtMost], deadline: float
) -> list[Configuration]:
    """Configurations that none of the others beats in one of two scores without losing in the other, fastest first."""
    times, losses = scores

    def best(score: Score, *limits: AtMost) -> list[Configuration]:
        starts = [*tuner.portfolio, *found]
        allowed = [*feasible, *limits]
        hit = search(
            score, tuner.grid, 1, rng, strategy=CLIMB, feasible=allowed, forbidden=tuner.forbidden, starts=starts
        )
        return [c.configuration for c in hit.candidates]

    def place(configuration: Configuration) -> Floats:
        X = tuner.forecaster.space_.encode([configuration], own=tuner.space)
        return np.array([times(X)[0], losses(X)[0]])

    found: list[Configuration] = []
    found += best(losses)
    found += best(times)
    if not found:
        return []
    # the best first: where the time is up, what is missing are the fast ones
    for limit in np.linspace(place(found[0])[0], place(found[-1])[0], LIMITS + 2)[1:-1]:
        if time.perf_counter() < deadline:
            found += best(losses, AtMost(times, float(limit)))
    values = np.array([place(c) for c in found])
    order = np.lexsort((values[:, 1], values[:, 0]))
    lowest = np.minimum.accumulate(np.concatenate([[np.inf], values[order, 1]]))[:-1]
    return [found[i] for i in order[values[order, 1] < lowest]]


def thinned(suggestions: Sequence[Suggestion], rows: int) -> list[Suggestion]:
    """At most so many of a front (fastest first), evenly in the logarithm of the time: of each time the best."""
    if not suggestions:
        return []
    times = np.log10([max(s.seconds, 1e-9) for s in suggestions])
    marks = np.linspace(times[0], times[-1], rows) if rows > 1 else times[-1:]
    # the last that is no slower; the ends are on the front, whatever rounding says
    last = np.searchsorted(times, marks + 1e-9, side="right") - 1
    return [suggestions[i] for i in np.unique(last)]
