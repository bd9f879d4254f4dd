"""What to train next on one task, and what to expect of it: a function of all trials so far.

Nothing is kept between two calls: the forecaster is adapted to the trials that are handed in, the space is
searched by the acquisition, and the random numbers follow from the seed and the number of trials.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from forerun.metalearners import NORMAL, Context, widths
from forerun.metalearners.forecaster import Forecast, Forecaster
from forerun.search import AtMost, Found, Score, SearchStrategy, search
from forerun.space import Condition, Configuration, Floats, Grid, SearchSpace, Value
from forerun.trials import Status, Trial
from forerun.tuning.acquisition import (
    acquisition_score,
    expected_improvement,
    in_target_units,
    mean_score,
    searched_by,
)
from forerun.tuning.portfolio import whole_sets

if TYPE_CHECKING:
    from forerun.search.recurrent import RecurrentOptimizer

NAN = float("nan")

PROOF_S = 2.0
"""Seconds for the proof that nothing better was missed."""
PLAUSIBLE = 0.05
"""Share of a space, by what the history predicts, in which trainings are chosen; as much more after every trial."""
LEARNED = "recurrent_optimizer"
"""What searches are by where a learned optimizer proposes."""
DRAWN = 2_000
"""Random configurations that tell where this share ends."""


@dataclass(frozen=True)
class Suggestion:
    """A configuration worth training, and what is expected of it."""

    configuration: Configuration
    loss: float
    """Predicted validation loss, in the task's own units."""
    std: float
    seconds: float
    """Predicted training time (its median); NaN where the history knows no times."""
    improvement: float
    """Expected improvement over the best so far, in the loss's units; NaN before the first trial."""
    source: str = "search"
    """'search', or 'history' for a configuration that was good on other tasks."""
    widths: Mapping[int, float] = field(default_factory=lambda: NORMAL)
    """Half widths of the central intervals of the loss in stds, by percent (50, 80, 95)."""


@dataclass(frozen=True)
class Suggested:
    """What to train next."""

    suggestions: list[Suggestion]
    found: Found
    """How they were found."""
    by: str
    """What was searched by, as `acquisition.searched_by` names it."""
    limited: bool
    """Whether some of the grid was not allowed: tried before, forbidden, too long to train, or implausible."""


@dataclass(frozen=True)
class Tuner:
    """Chooses trainings for one task."""

    forecaster: Forecaster
    features: Floats
    """(m,) of the task, as the forecaster's scaler makes them."""
    space: SearchSpace
    """What may be tried on the task."""
    acquisition: str = "ei"
    resolution: int = 12
    """Levels of a numeric domain in the searched grid."""
    fixed: Mapping[str, Value] = field(default_factory=dict)
    """Values that must be used."""
    forbidden: Sequence[Condition] = ()
    """Combinations that must not be used."""
    portfolio: Sequence[Configuration] = ()
    """Configurations that were good on other tasks; the first is tried early (see `suggest`)."""
    min_distance: int = 2
    """Axes in which two trainings of one batch differ at least."""
    strategy: SearchStrategy | None = None
    """How to search; None lets the score and the size of the space decide."""
    proof_s: float = PROOF_S
    """Seconds that a search may take to prove that nothing better was missed, where there can be a proof."""
    optimizer: "RecurrentOptimizer | None" = None
    """Says in place of the acquisition what to try next, from the trials alone (`search.recurrent`)."""
    plausible: float = PLAUSIBLE
    """As PLAUSIBLE; 1 where no history stands behind the forecaster, which then finds everything equally good."""
    seed: int = 0

    @cached_property
    def grid(self) -> Grid:
        """The space as it is searched. Sets whose elements the history does not know are taken whole."""
        known = self.forecaster.space_.domains
        whole = {name: values for name, values in whole_sets(self.space).items() if name not in known}
        return self.space.grid(self.resolution, {**whole, **self.fixed}, self.forecaster.space_)

    def adapt(self, trials: Sequence[Trial]) -> Forecast:
        """Adapt the forecaster to the task's trials; failed ones count."""
        timed = [t for t in trials if np.isfinite(t.fit_seconds)]
        losses = losses_of(trials)
        seconds = [np.log10(max(t.fit_seconds, 1e-4)) for t in timed]
        return self.forecaster.adapt(self._context(trials, losses), self._context(timed, seconds))

    def _context(self, trials: Sequence[Trial], y: Sequence[float]) -> Context:
        configurations = [t.configuration for t in trials]
        return self.forecaster.context(self.features, configurations, self.space, np.array(y, dtype=np.float64))

    def suggest(self, trials: Sequence[Trial], n: int, *, limit_s: float | None = None) -> Suggested:
        """Return up to n configurations that were not tried yet, best first by the acquisition.

        With `limit_s`, none that is predicted to train longer; never one that is forbidden. The second training
        on a task, if not the first batch, has the portfolio's first in its last place: where the history
        misleads about the task, the tuning is still no worse than what is best on average.
        """
        rng = np.random.default_rng([self.seed, len(trials)])
        forecast, best = self.adapt(trials), best_loss(trials)
        bar = None if best is None else in_target_units(forecast.loss, best)
        columns = len(self.forecaster.space_.columns)
        tried = [t.configuration for t in trials]
        score = self._proposed(trials) or acquisition_score(
            self.acquisition, forecast.loss, bar=bar, columns=columns, rng=rng
        )

        def apart(taken: Sequence[Configuration], k: int, min_distance: int, allowed: Sequence[AtMost]) -> Found:
            return search(
                score,
                self.grid,
                k,
                rng,
                strategy=self.strategy,
                min_distance=min_distance,
                seconds=self.proof_s,
                feasible=allowed,
                forbidden=self.forbidden,
                taken=taken,
                starts=[*self.portfolio, *tried],
                off_grid=True,
            )

        in_time = self.limits(forecast, limit_s)
        allowed = [*in_time, *self._plausible(len(trials))]
        found = apart(tried, n, self.min_distance, allowed)
        chosen = [c.configuration for c in found.candidates]
        if len(chosen) < n:  # a narrow space has no more that are so far apart, or that the history finds good
            more = apart([*tried, *chosen], n - len(chosen), 1, in_time)
            found = found if chosen else more
            chosen += [c.configuration for c in more.candidates]
        guard = self._guard(tried, chosen, n) if self._in_time(forecast, limit_s) else []
        chosen = [*chosen[: n - len(guard)], *guard]
        by = LEARNED if self.optimizer else searched_by(self.acquisition, forecast.loss, bar)
        limited = bool(tried or allowed or self.forbidden)
        return Suggested(self.describe(forecast, chosen, best, guard), found, by, limited)

    def _proposed(self, trials: Sequence[Trial]) -> Score | None:
        """How far configurations are from what the learned optimizer would try; none without one."""
        if self.optimizer is None:
            return None
        X = self.forecaster.space_.encode([t.configuration for t in trials], own=self.space)
        return self.optimizer.score(X, np.array(losses_of(trials), dtype=np.float64))

    def limits(self, forecast: Forecast, limit_s: float | None) -> list[AtMost]:
        """What is predicted to train within the limit, as a score that search may take apart.

        The way to raw units keeps the order of means, so a limit in seconds is one in target units.
        """
        seconds = forecast.seconds
        if limit_s is None or seconds is None:
            return []
        return [AtMost(mean_score(seconds), in_target_units(seconds, np.log10(max(limit_s, 1e-9))))]

    def _plausible(self, trials: int) -> list[AtMost]:
        """Which configurations the history alone finds good, of a share that grows with the trials on the task.

        A space of 10^13 has corners that no task of the history ever tried. A surrogate that begins to doubt
        the history, after two trials that contradict it, knows nothing of them, and acquisitions love that.
        """
        share = self.plausible * (1 + trials)
        if not trials or share >= 1:
            return []
        before = self.adapt([]).loss
        rng = np.random.default_rng(self.seed)
        drawn = before.predict(self.grid.encode(self.grid.sample(rng, DRAWN))).mean
        bar = float(np.quantile(drawn, share))
        return [AtMost(mean_score(before), bar)]

    def _in_time(self, forecast: Forecast, limit_s: float | None) -> bool:
        """Whether the portfolio's first is predicted to train within the limit."""
        X = self.forecaster.space_.encode(self.portfolio[:1], own=self.space)
        return not self.portfolio or all(bool(feasible(X)[0]) for feasible in self.limits(forecast, limit_s))

    def _guard(self, tried: Sequence[Configuration], chosen: Sequence[Configuration], n: int) -> list[Configuration]:
        """The portfolio's first, when it is due and allowed."""
        known = [*tried, *chosen]
        due = len(tried) < 2 <= len(tried) + n
        return [c for c in self.portfolio[:1] if due and c not in known and not self._is_forbidden(c)]

    def _is_forbidden(self, configuration: Configuration) -> bool:
        return any(condition.holds(configuration) for condition in self.forbidden)

    def describe(
        self,
        forecast: Forecast,
        configurations: Sequence[Configuration],
        best: float | None = None,
        guard: Sequence[Configuration] = (),
    ) -> list[Suggestion]:
        """Predict configurations in the units of people: the task's loss, seconds."""
        if not configurations:
            return []
        X = self.forecaster.space_.encode(configurations, own=self.space)
        prediction = forecast.loss.predict(X)
        raw = forecast.loss.to_units(prediction)
        seconds = np.full(len(X), NAN)
        if forecast.seconds is not None:
            seconds = 10 ** forecast.seconds.to_units(forecast.seconds.predict(X)).mean
        better = np.full(len(X), NAN)
        if best is not None:
            better = expected_improvement(forecast.loss, prediction, best)
        sources = ["history" if c in guard else "search" for c in configurations]
        columns = [np.asarray(column).tolist() for column in (raw.mean, raw.std, seconds, better)]
        half = [widths(forecast.loss)] * len(X)
        return [Suggestion(*row) for row in zip(configurations, *columns, sources, half, strict=True)]


def losses_of(trials: Sequence[Trial]) -> list[float]:
    """The loss of every trial, NaN of those that failed."""
    return [t.loss if t.status == Status.FINISHED else NAN for t in trials]


def best_loss(trials: Sequence[Trial]) -> float | None:
    """The lowest loss of the trials that finished; None when none did."""
    return min((t.loss for t in trials if t.status == Status.FINISHED), default=None)
