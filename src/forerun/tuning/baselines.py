"""What a recommendation must beat: the learner's defaults, the best on average of the history, random search.

All are judged alike: of their trainings the one with the lowest validation loss is chosen, fitted again on
all training data and scored once on the test part, by the same function as the recommendation itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from forerun.errors import TrainingError
from forerun.learners import TRAINABLE, BaseLearner
from forerun.learners.joint import default_configuration
from forerun.space import Condition, Configuration, SearchSpace, Value
from forerun.tasks import Task
from forerun.trials import Status, Trial
from forerun.tuning.final import Final, final_score
from forerun.tuning.loop import Train
from forerun.tuning.portfolio import whole_sets

DEFAULTS = "library default"
AVERAGE = "best on average in the history"
RANDOM = "random search"
DRAWS = 1_000
"""How often random configurations are drawn anew, at most, in place of forbidden ones."""


@dataclass(frozen=True)
class Contender:
    """One way to choose a configuration, and what it came to."""

    name: str
    trials: Sequence[Trial]
    """Its trainings, in order."""
    chosen: Trial | None
    """The one with the lowest validation loss; None when all failed."""
    final: Final | None
    """None when nothing was chosen, or the last fit failed."""
    reason: str = ""
    """Why there is no final score."""


def judge(
    name: str,
    trials: Sequence[Trial],
    task: Task,
    *,
    seed: int = 0,
    chosen: Trial | None = None,
    learners: Mapping[str, BaseLearner] = TRAINABLE,
) -> Contender:
    """Choose by validation loss (unless chosen already), fit on all training data, score on test."""
    finished = [t for t in trials if t.status == Status.FINISHED]
    if chosen is None and finished:
        chosen = min(finished, key=lambda t: t.loss)
    if chosen is None:
        reasons = "; ".join(dict.fromkeys(t.reason for t in trials)) or "nothing was trained"
        return Contender(name, trials, None, None, reasons)
    try:
        return Contender(name, trials, chosen, final_score(task, chosen.configuration, seed=seed, learners=learners))
    except TrainingError as error:
        return Contender(name, trials, chosen, None, str(error))


def default_in(space: SearchSpace, learner: str, kind: str) -> dict[str, Value]:
    """Return the library's defaults of a learner as a configuration of the space (all of a set's elements)."""
    return space.prune({**whole_sets(space), **default_configuration(learner, kind)})


def random_configurations(
    space: SearchSpace,
    n: int,
    seed: int,
    fixed: Mapping[str, Value] | None = None,
    forbidden: Sequence[Condition] = (),
) -> list[dict[str, Value]]:
    """Draw n configurations, uniform on the scale of every domain, with some values fixed.

    What is forbidden is drawn anew; fewer come where hardly anything is allowed.
    """
    rng = np.random.default_rng([seed, 0x5EED])
    found: list[dict[str, Value]] = []
    for _ in range(DRAWS):
        columns = {name: domain.sample(rng, n) for name, domain in space.domains.items()}
        drawn = [{**{name: values[i] for name, values in columns.items()}, **(fixed or {})} for i in range(n)]
        pruned = [space.prune(values) for values in drawn]
        found += [c for c in pruned if not any(condition.holds(c) for condition in forbidden)]
        if len(found) >= n:
            break
    return found[:n]


def random_searches(
    space: SearchSpace,
    train: Train,
    *,
    trials: int,
    seeds: int,
    fixed: Mapping[str, Value] | None = None,
    forbidden: Sequence[Condition] = (),
) -> list[list[Trial]]:
    """Train so many random configurations so many times over; each search in the order of its draws."""
    found = []
    for seed in range(seeds):
        configurations = random_configurations(space, trials, seed, fixed, forbidden)
        found.append(in_order(configurations, train))
    return found


def in_order(configurations: Sequence[Configuration], train: Train) -> list[Trial]:
    """Train configurations; trials in their order, whatever the order in which they came."""
    waiting = list(train(configurations))
    found = []
    for configuration in configurations:
        i = next((i for i, t in enumerate(waiting) if dict(t.configuration) == dict(configuration)), None)
        if i is None:
            raise TrainingError(f"training must give one trial a configuration; none came for {dict(configuration)}")
        found.append(waiting.pop(i))
    return found


def progress(trials: Sequence[Trial], losses: Callable[[Trial], float] = lambda t: t.loss) -> list[float]:
    """Best validation loss after each training; NaN before the first that finished."""
    values = np.array([losses(t) if t.status == Status.FINISHED else np.nan for t in trials], dtype=np.float64)
    return [float(v) for v in np.fmin.accumulate(values)] if len(values) else []
