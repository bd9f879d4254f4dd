"""Drift is seen where the optimum moves, and not where it stays."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from forerun.checks import DRIFT_PROMISES, PromiseBroken
from forerun.checks.drift import NEW, TASKS, TRIALS, moved
from forerun.checks.drift import stayed as world
from forerun.checks.world import MINUTE, with_losses
from forerun.errors import HistoryError
from forerun.evaluation.drift import FEWEST, Drift, measure_drift
from forerun.evaluation.forward import evaluate_forward
from forerun.metadata import MetaDataset
from forerun.metalearners import Context, Prediction


class Pooled:
    """One linear model for all tasks, which costs nothing."""

    def fit(self, meta: MetaDataset) -> "Pooled":
        A = np.column_stack([np.ones(len(meta)), meta.X])
        self.slope = np.linalg.solve(A.T @ A + np.eye(A.shape[1]), A.T @ meta.y)
        return self

    def adapt(self, context: Context) -> "Pooled":
        assert not len(context.y)
        return self

    def predict(self, X: np.ndarray) -> Prediction:
        mean = np.column_stack([np.ones(len(X)), X]) @ self.slope
        return Prediction(mean, np.ones(len(X)))


@pytest.fixture(scope="module")
def stayed() -> MetaDataset:
    return world()


@pytest.fixture(scope="module")
def drifted() -> Drift:
    return measure_drift(moved(), Pooled)


def test_an_optimum_that_moves_is_seen_and_a_short_half_life_helps(drifted: Drift, stayed: MetaDataset) -> None:
    assert drifted.passes(0.1)
    assert 0 < drifted.low < drifted.drift < drifted.high
    # what was learned from the past is worse than chance on the latest trials
    assert drifted.usual < 0.7
    assert drifted.now > 1
    assert drifted.half_life_s < NEW * TRIALS * MINUTE
    assert drifted.families >= FEWEST
    assert stayed.started[0] < drifted.since < stayed.started[-1]


def test_an_optimum_that_stays_has_not_drifted(stayed: MetaDataset) -> None:
    found = measure_drift(stayed, Pooled)
    assert not found.passes(0.0)
    assert not found.untold
    assert found.now == pytest.approx(found.usual, abs=0.25)


@pytest.mark.slow
@pytest.mark.parametrize("promise", DRIFT_PROMISES)
def test_what_measures_drift_keeps_its_promises(promise: str) -> None:
    DRIFT_PROMISES[promise](partial(measure_drift, make=Pooled))


@pytest.mark.slow
@pytest.mark.parametrize("promise", ["sees_an_optimum_that_moves", "says_nothing_of_an_optimum_that_stays"])
def test_with_what_it_is_measured_by_every_night_too(promise: str) -> None:
    DRIFT_PROMISES[promise](measure_drift)


def test_of_too_few_trials_of_a_task_nothing_can_be_told(stayed: MetaDataset) -> None:
    few = stayed.of_rows(np.flatnonzero(np.arange(len(stayed)) % TRIALS < 3))
    assert "at least 5 families" in measure_drift(few, Pooled).untold


def test_measures_that_see_nothing_or_too_much_or_the_clock_break_a_promise() -> None:
    def never(meta: MetaDataset) -> Drift:
        return Drift(0.0, -0.1, 0.1, MINUTE)

    def always(meta: MetaDataset) -> Drift:
        return Drift(0.3, 0.2, 0.4, MINUTE)

    def in_winter(meta: MetaDataset) -> Drift:
        late = meta.started[0] > 1.701e9
        return Drift(0.3, 0.2, 0.4, MINUTE, since=meta.started[-1]) if late else never(meta)

    def by_the_first(meta: MetaDataset) -> Drift:
        return Drift(float(meta.X[0].sum()), 0.2, 0.4, MINUTE)

    broken = {
        "sees_an_optimum_that_moves": never,
        "says_nothing_of_an_optimum_that_stays": always,
        "says_why_where_nothing_can_be_told": always,
        "when_it_was_says_nothing": in_winter,
        "the_order_of_trials_says_nothing": by_the_first,
    }
    for promise, measure in broken.items():
        with pytest.raises(PromiseBroken):
            DRIFT_PROMISES[promise](measure)


def test_drift_must_exceed_both_the_threshold_and_chance() -> None:
    assert Drift(0.2, 0.05, 0.3).passes(0.1)
    assert not Drift(0.2, 0.05, 0.3).passes(0.2)
    assert not Drift(0.2, -0.05, 0.3).passes(0.1)
    assert not Drift(0.2, 0.05, 0.3, untold="nothing is known").passes(0.1)


@pytest.mark.slow
def test_forward_in_time_an_optimum_that_moves_costs_what_it_does_not_cost_otherwise(stayed: MetaDataset) -> None:
    few = stayed.of_tasks(range(TASKS - 2 * NEW, TASKS))
    turned = with_losses(few, np.where(few.task >= NEW, -few.loss, few.loss))
    there, gone = (evaluate_forward(m, ["linear"], parts=2, folds=2) for m in (few, turned))
    assert {"spearman", "coverage_80", "regret", "regret_10"} <= set(there.scores)
    assert there.best == "linear"
    # nothing is judged that came first
    assert set(there.scores["task"]) == set(few.tasks[NEW:])
    true, false = (e.summary["linear"] for e in (there, gone))
    assert true["spearman"]["low"] > 0.2
    assert false["spearman"]["high"] < 0
    assert true["regret_1"]["mean"] < 0.5 * false["regret_1"]["mean"]


def test_judging_forward_in_time_needs_times_and_known_names(stayed: MetaDataset) -> None:
    with pytest.raises(HistoryError, match="trials of known time"):
        evaluate_forward(replace(stayed, started=np.full(len(stayed), np.nan)))
    with pytest.raises(HistoryError, match="must be among"):
        evaluate_forward(stayed, ["oracle"])
