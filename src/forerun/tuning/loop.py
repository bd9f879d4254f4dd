"""Fine-tuning: a few real trainings on the target, chosen one batch at a time by the adapted meta-learner.

The state is the list of trials: handed the trials of a tuning that was interrupted, `tune` walks the same
road again without training anything twice, and goes on where it ended. Training is a function that is
handed in, so processes, time-outs and records live elsewhere.
"""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from forerun.errors import SettingsError, TrainingError
from forerun.metalearners.forecaster import Forecast
from forerun.search import Found
from forerun.space import Configuration
from forerun.trials import Status, Trial
from forerun.tuning.tuner import Suggested, Suggestion, Tuner, best_loss

Train = Callable[[Sequence[Configuration]], Iterable[Trial]]
"""Trains configurations for real; one trial for each, in any order, failed or finished."""


@dataclass(frozen=True)
class Round:
    """One batch."""

    suggested: Suggested
    trials: list[Trial]
    """One for each suggestion, in the same order."""

    @property
    def suggestions(self) -> list[Suggestion]:
        """What was trained."""
        return self.suggested.suggestions

    @property
    def found(self) -> Found:
        """How the suggestions were found."""
        return self.suggested.found


@dataclass(frozen=True)
class Tuned:
    """What a tuning did and found."""

    rounds: list[Round]
    trials: list[Trial]
    """All trials, in order; more than those of the rounds when others were handed in."""
    forecast: Forecast
    """The forecaster adapted to all of them."""
    best: Trial | None
    """The lowest validation loss, of equal ones that which is predicted to be best; None when all failed."""
    stopped_because: str
    seconds: float
    """Wall clock."""


@dataclass(frozen=True)
class Budget:
    """When a tuning ends."""

    trials: int = 8
    batch: int = 2
    seconds: float | None = None
    """Wall clock; trainings that are predicted to outlast it are not begun."""
    limit_s: float | None = None
    """Trainings that are predicted to take longer are not begun."""
    patience: int | None = None
    """Trainings without a better loss."""
    tolerance: float = 1e-4
    """Least expected improvement, in units of the loss, that is worth a batch."""

    def __post_init__(self) -> None:
        for name in ("trials", "batch", "patience"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise SettingsError(f"{name} of a tuning must be at least 1; got {value}")
        for name in ("seconds", "limit_s"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise SettingsError(f"{name} of a tuning must be above 0; got {value}")


def tune(
    tuner: Tuner,
    train: Train,
    budget: Budget,
    *,
    done: Sequence[Trial] = (),
    report: Callable[[Round], None] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Tuned:
    """Suggest, train, adapt, batch by batch, until the budget is spent or nothing better is likely.

    done: trials of this task that exist already. Those that the tuning would train itself are not trained
    again; any others are learned from, and count. report is called after every batch.
    """
    began = clock() - sum(t.fit_seconds for t in done if t.fit_seconds > 0)
    waiting = {_key(t.configuration): t for t in done}
    trials: list[Trial] = []
    rounds: list[Round] = []
    while not (reason := _spent(budget, trials, clock() - began)):
        n = min(budget.batch, budget.trials - len(trials))
        suggested = tuner.suggest(trials, n, limit_s=_limit(budget, clock() - began))
        if reason := _hopeless(budget, suggested.suggestions):
            break
        missing = [s.configuration for s in suggested.suggestions if _key(s.configuration) not in waiting]
        if missing and len(waiting) > len(suggested.suggestions) - len(missing):
            # trials that this tuning did not suggest: learn from them before going on
            trials += waiting.values()
            waiting = {}
            continue
        found = {**waiting, **_trained(train, missing)}
        batch = [found[_key(s.configuration)] for s in suggested.suggestions]
        for trial in batch:
            waiting.pop(_key(trial.configuration), None)
        trials += batch
        rounds.append(Round(suggested, batch))
        if report is not None:
            report(rounds[-1])
    trials += waiting.values()
    forecast = tuner.adapt(trials)
    return Tuned(rounds, trials, forecast, _best(tuner, forecast, trials), reason, clock() - began)


def _key(configuration: Configuration) -> str:
    return json.dumps(dict(configuration), sort_keys=True, default=list)


def _trained(train: Train, configurations: list[Configuration]) -> dict[str, Trial]:
    trained = {_key(t.configuration): t for t in train(configurations)} if configurations else {}
    for configuration in configurations:
        if _key(configuration) not in trained:
            raise TrainingError(f"training must give one trial a configuration; none came for {dict(configuration)}")
    return trained


def _limit(budget: Budget, elapsed: float) -> float | None:
    limits = [budget.limit_s, None if budget.seconds is None else budget.seconds - elapsed]
    return min((limit for limit in limits if limit is not None), default=None)


def _spent(budget: Budget, trials: Sequence[Trial], elapsed: float) -> str:
    """Why to stop before another search; empty to go on."""
    if len(trials) >= budget.trials:
        return f"the budget of {budget.trials} trainings is spent"
    if budget.seconds is not None and elapsed >= budget.seconds:
        return f"the time of {budget.seconds:g} s is up"
    best = best_loss(trials)
    if best is not None and best <= 0:
        return "a loss of 0 cannot be beaten"
    if budget.patience is not None and len(trials) > budget.patience:
        before = best_loss(trials[: -budget.patience])
        if before is not None and best == before:
            return f"the last {budget.patience} trainings brought nothing better"
    return ""


def _hopeless(budget: Budget, suggestions: Sequence[Suggestion]) -> str:
    """Why to stop after a search; empty to go on."""
    if not suggestions:
        return "no configuration is left that may be tried in the time that is left"
    most = max(s.improvement for s in suggestions)
    if most < budget.tolerance:
        return f"nothing better is likely: the expected improvement is {most:.2g}, below {budget.tolerance:g}"
    return ""


def _best(tuner: Tuner, forecast: Forecast, trials: Sequence[Trial]) -> Trial | None:
    lowest = best_loss(trials)
    equal = [t for t in trials if t.status == Status.FINISHED and t.loss == lowest]
    if not equal:
        return None
    expected = [s.loss for s in tuner.describe(forecast, [t.configuration for t in equal])]
    return equal[expected.index(min(expected))]
