"""Three ways to spend the same processor time on trainings of architectures; the lowest validation loss is chosen.

    random      architectures drawn at random, in a random order
    without     chosen by the default meta-learner, taught by the history: trainings on other data sets
    with        a super-network is trained and searched first, as in the pipeline; the scores of what it finds best, and
                of as many random ones, join the history as one more task; the same meta-learner chooses among them

The time of a training that would end after the budget is lost, and the training does not count. What the
meta-learner itself takes to choose is not counted, as it trains nothing; it is told.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from forerun.errors import SettingsError
from forerun.metadata import featurize
from forerun.metalearners import Forecaster, Linear, Mixture
from forerun.search import Evolution
from forerun.space import Configuration
from forerun.steps.architectures import SEARCH
from forerun.supernets import Given, Sandwich, SuperNet, recorded, shortlist, task_table, with_shared
from forerun.supernets.teaching import RESOLUTION
from forerun.trials import History, Trial
from forerun.tuning import Budget, Tuner, portfolio, tune
from supernetted.data import DEVELOPED, EVERY
from supernetted.record import Record, drawn, features_of, task_of, trained, trial_of

ORDERS = 500
"""Orders of the recorded random trainings."""


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    architectures: int = 60
    """Trained from scratch on every data set."""
    twice: int = 30
    """Of these, trained with another seed as well: how far trainings from scratch agree with each other."""
    past: int = 20
    """Of these, trained on the data sets of the history."""
    pool: int = 120
    """Random architectures, these among them, of which random search draws its own."""
    seeds: int = 3
    budgets: tuple[float, ...] = (30.0, 60.0)
    """Processor time of everything, in mean trainings of the data set; ascending."""
    short: int = 60
    """Architectures that the super-network finds best, among which is chosen: more than there is time to train."""
    search: Evolution = field(default_factory=lambda: SEARCH)


def history_of(record: Record, name: str, plan: Plan) -> History:
    """What was trained on the other data sets of the family: those on which settings were chosen."""
    others = [one.name for one in DEVELOPED if one.family == EVERY[name].family and one.name != name]
    rows = {other: trained(record, other, drawn(other, plan.past)) for other in others}
    trials = [trial_of(other, row) for other in others for row in rows[other]]
    space = EVERY[name].architectures.space(task_of(name).kind)
    tasks = task_table({other: task_of(other) for other in others}, {other: features_of(other) for other in others})
    return History.of(trials, tasks, {space.name: space})


def seconds_allowed(record: Record, name: str, plan: Plan, budget: float) -> float:
    """A budget in seconds of processor time."""
    rows = trained(record, name, drawn(name, plan.architectures))
    return budget * float(np.mean([row["seconds"] for row in rows]))


def at_random(record: Record, name: str, plan: Plan, budget: float) -> list[float]:
    """Test losses of random search, one for each order."""
    rows = trained(record, name, drawn(name, plan.pool))
    allowed, found = seconds_allowed(record, name, plan, budget), []
    for seed in range(ORDERS):
        order = np.random.default_rng(seed).permutation(len(rows))
        found.append(chosen([rows[i] for i in order], allowed)["test"])
    return found


def chosen(rows: Iterable[Mapping[str, Any]], allowed: float) -> Mapping[str, Any]:
    """Of the trainings that end in time, the one with the lowest validation loss."""
    spent, best = 0.0, None
    for row in rows:
        spent += row["seconds"]
        if spent > allowed:
            break
        if np.isfinite(row["loss"]) and (best is None or row["loss"] < best["loss"]):
            best = row
    assert best is not None, "the budget must allow one training that does not fail"  # noqa: S101
    return best


def tuned(record: Record, name: str, plan: Plan, seed: int, *, sandwich: Sandwich | None) -> dict[str, Any]:
    """Choose trainings by the meta-learner, with a super-network or (None) without."""
    one, task, began = EVERY[name], task_of(name), time.process_time()
    history, space = history_of(record, name, plan), one.architectures.space(task_of(name).kind)
    good: Sequence[Configuration] = portfolio(history, space, 5, kind=task.kind)
    spent, strategy = 0.0, plan.search
    if sandwich is not None:
        supernet = SuperNet.fit(one.architectures, task, sandwich=sandwich, seed=seed)
        searched = time.process_time()
        rng = np.random.default_rng(seed)
        found = [c.configuration for c in shortlist(supernet, plan.short, rng, plan.search)]
        scores = recorded(supernet, [*found, *space.sample(rng, plan.short)])
        history = with_shared(history, supernet, scores, features_of(name))
        found = [t.configuration for t in sorted(scores, key=lambda t: t.loss)]
        spent = supernet.fit_seconds + time.process_time() - searched
        good, strategy = found, Given()
    before = time.process_time()
    forecaster = Forecaster(Mixture(), Linear()).fit(featurize(history))
    features = forecaster.scaler_.transform(features_of(name), {})
    tuner = Tuner(forecaster, features, space, resolution=RESOLUTION, portfolio=good, strategy=strategy, seed=seed)
    clock, rows = [0.0], []

    def train(configurations: Sequence[Configuration]) -> Iterable[Trial]:
        for configuration in configurations:
            (row,) = trained(record, name, [configuration], seed=seed)
            rows.append(row)
            clock[0] += row["seconds"]
            yield trial_of(name, row)

    left = [seconds_allowed(record, name, plan, budget) - spent for budget in plan.budgets]
    if left[0] <= 0:
        raise SettingsError(
            f"the budget must be above what the super-network of {name!r} costs, {spent:.1f} s; "
            f"got {plan.budgets[0]:g} trainings, {left[0] + spent:.1f} s"
        )
    tune(tuner, train, Budget(100, batch=3, seconds=left[-1], tolerance=0.0), clock=lambda: clock[0])
    return {
        "tests": [chosen(rows, allowed)["test"] for allowed in left],
        "trainings": [int(np.searchsorted(np.cumsum([row["seconds"] for row in rows]), allowed)) for allowed in left],
        "configurations": [row["configuration"] for row in rows],
        "losses": [row["loss"] for row in rows],
        "shared_seconds": spent,
        "choosing_seconds": time.process_time() - before - sum(row["seconds"] for row in rows),
        "all_seconds": time.process_time() - began,
    }
