"""Drift is seen where the optimum moves, and not where it stays."""

from dataclasses import replace

import numpy as np
import pytest

from forerun.checks.world import MINUTE, history, with_losses
from forerun.errors import HistoryError
from forerun.evaluation.drift import FEWEST, Drift, measure_drift
from forerun.evaluation.forward import evaluate_forward
from forerun.metadata import MetaDataset
from forerun.metalearners import Context, Prediction

TASKS, TRIALS, NEW = 24, 20, 8


def world(seed: int = 0) -> MetaDataset:
    return history(seed, TASKS, TRIALS)


def moved(meta: MetaDataset) -> MetaDataset:
    """The last tasks prefer what the others avoid."""
    late = meta.task >= TASKS - NEW
    return with_losses(meta, np.where(late, -meta.loss, meta.loss))


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
def drifted(stayed: MetaDataset) -> Drift:
    return measure_drift(moved(stayed), Pooled)


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


def test_the_order_of_trials_changes_nothing_of_what_is_told(stayed: MetaDataset, drifted: Drift) -> None:
    mixed = moved(stayed).of_rows(np.random.default_rng(0).permutation(len(stayed)))
    assert measure_drift(mixed, Pooled).drift == pytest.approx(drifted.drift, abs=1e-6)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: replace(m, started=np.full(len(m), np.nan)), "times of trials are not known"),
        (lambda m: replace(m, started=np.full(len(m), 1.7e9)), "at least 5 families"),
        (lambda m: m.of_tasks(range(4)), "at least 5 families"),
        (lambda m: m.of_rows(np.flatnonzero(np.arange(len(m)) % TRIALS < 3)), "at least 5 families"),
        (lambda m: with_losses(m, np.ones(len(m))), "too little is left"),
    ],
)
def test_where_nothing_can_be_told_that_is_said_and_is_no_error(change, words: str, stayed: MetaDataset) -> None:
    found = measure_drift(change(stayed), Pooled)
    assert words in found.untold
    assert not found.passes(0.0)
    assert np.isnan(found.drift)


def test_drift_must_exceed_both_the_threshold_and_chance() -> None:
    assert Drift(0.2, 0.05, 0.3).passes(0.1)
    assert not Drift(0.2, 0.05, 0.3).passes(0.2)
    assert not Drift(0.2, -0.05, 0.3).passes(0.1)
    assert not Drift(0.2, 0.05, 0.3, untold="nothing is known").passes(0.1)


@pytest.mark.slow
def test_the_linear_meta_learner_sees_it_too(stayed: MetaDataset) -> None:
    assert measure_drift(moved(stayed)).passes(0.1)


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
