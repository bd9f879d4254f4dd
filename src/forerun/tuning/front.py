"""What a lower loss costs in training time: the Pareto front of both predictions, for people to choose from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forerun.errors import SettingsError
from forerun.search.proof.pareto import pareto
from forerun.space import Additive
from forerun.trials import Trial
from forerun.tuning.acquisition import mean_score
from forerun.tuning.tuner import Suggestion, Tuner

SECONDS = 60.0
"""For finding the front; with the pipeline's networks a third of it is usual."""


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

    What may be tried is as in `Tuner.suggest`. Raises SettingsError where the meta-learner knows no times, or
    its predictions are neither networks nor sums of tables (`space.Additive`).
    """
    forecast = tuner.adapt(trials)
    if forecast.seconds is None:
        raise SettingsError("a front needs predicted training times; the history knows none")
    for surrogate in (forecast.loss, forecast.seconds):
        if not isinstance(surrogate, Additive):
            raise SettingsError(
                f"a front needs predictions by networks or sums of tables; {type(surrogate).__name__} makes others"
            )
    front = pareto(
        (mean_score(forecast.seconds), mean_score(forecast.loss)),
        tuner.grid,
        np.random.default_rng([tuner.seed, len(trials)]),
        feasible=tuner.limits(forecast, limit_s),
        forbidden=tuner.forbidden,
        seconds=seconds,
    )
    return TradeOff(tuner.describe(forecast, front.configurations), front.proven, front.size, front.seconds)


def thinned(suggestions: Sequence[Suggestion], rows: int) -> list[Suggestion]:
    """At most so many of a front (fastest first), evenly in the logarithm of the time: of each time the best."""
    if not suggestions:
        return []
    times = np.log10([max(s.seconds, 1e-9) for s in suggestions])
    marks = np.linspace(times[0], times[-1], rows) if rows > 1 else times[-1:]
    # the last that is no slower; the ends are on the front, whatever rounding says
    last = np.searchsorted(times, marks + 1e-9, side="right") - 1
    return [suggestions[i] for i in np.unique(last)]
