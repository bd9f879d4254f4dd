"""What counts as a trial, and what is left out, with the reason."""

import math

import pytest

from forerun.errors import HistoryError
from forerun.mining import Findings, Rules, understand
from forerun.mining.counting import (
    DUPLICATE,
    EVALUATION,
    FORERUN,
    KILLED,
    NO_PARAMS,
    NO_VALUE,
    PARENT,
    RUNNING,
    SUMMARY,
)
from tests.mining.making import Run, runs_of, sweep


def findings(*more: Run) -> Findings:
    return understand(runs_of([*sweep(), *more]), Rules()).findings


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (Run({"lr": 0.1}, {"val_acc": 0.5}, status="RUNNING"), RUNNING),
        (Run({"lr": 0.1}, status="SCHEDULED"), RUNNING),
        (Run({"lr": 0.1}, {"val_acc": 0.5}, status="KILLED"), KILLED),
        (Run({}, {"val_acc": 0.5}), NO_PARAMS),
        (Run({}, {"val_acc": 0.5}, {PARENT: "run0000"}), EVALUATION),
        (Run({"lr": 0.1}, {"train_loss": 0.5}), NO_VALUE),
        (Run({"lr": 0.1}, {"val_acc": 0.5}, {"forerun.space": "joint"}), FORERUN),
    ],
)
def test_what_is_no_trial_is_left_out_with_the_reason(run: Run, reason: str) -> None:
    found = findings(run)
    assert found.left_out == {reason: ["run0012"]}
    assert (found.runs, found.used) == (13, 12)


def test_a_failed_run_is_a_failed_trial_with_what_the_store_knows_of_the_reason() -> None:
    silent = Run({"lr": 0.1, "depth": 3}, status="FAILED")
    telling = Run({"lr": 0.2, "depth": 3}, {}, {"error": "out of\nmemory"}, status="FAILED")
    found = understand(runs_of([*sweep(), silent, telling]), Rules())
    failed = found.history.trials[found.history.trials["status"] == "failed"]
    assert failed["reason"].tolist() == ["failed; the run does not say why", "out of\\nmemory"]
    assert failed["loss"].isna().all()
    assert found.findings.used == 14


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_metric_that_is_no_number_is_a_trial_that_diverged(value: float) -> None:
    found = findings(Run({"lr": 0.1}, {"val_acc": value}))
    assert found.failed == {f"diverged: val_acc is {value}": 1}


def test_the_parent_of_a_sweep_does_not_count_twice() -> None:
    children = [Run({"C": i}, {"cv_f1": i / 10}, {PARENT: "top"}) for i in range(6)]
    for parent in (
        Run({"model": "svm"}, {"cv_f1": 0.5}, id="top"),  # the best of its children
        Run({"model": "svm", "best_C": 5}, {"cv_f1": 0.51}, id="top"),  # which it says
        Run({"model": "svm"}, {"trials": 6}, id="top"),  # or says nothing
    ):
        found = understand(runs_of([*children, parent]), Rules()).findings
        assert found.left_out == {SUMMARY: ["top"]}, parent


def test_a_parent_that_trained_a_model_of_its_own_counts() -> None:
    folds = [Run({}, {"fold_f1": 0.5}, {PARENT: f"run{i:04}"}) for i in range(6)]
    made = [Run({"C": i}, {"cv_f1": i / 10}) for i in range(6)]
    found = understand(runs_of([*made, *folds]), Rules()).findings
    assert found.used == 6
    assert list(found.left_out) == [EVALUATION]
    nested = [Run({"C": i}, {"cv_f1": i / 10}, {PARENT: "run0005"} if i < 5 else {}) for i in range(6)]
    nested[5].metrics = {"cv_f1": 0.77}
    assert understand(runs_of(nested), Rules()).findings.used == 6


def test_exact_copies_count_once_and_repetitions_count_each() -> None:
    made = sweep()
    again = Run(made[3].params, {"val_acc": 0.123})
    found = findings(Run(made[3].params, made[3].metrics), again, Run({**made[3].params, "seed": 7}, made[3].metrics))
    assert found.left_out == {DUPLICATE: ["run0012"]}
    assert found.used == 14


def test_where_nothing_counts_the_error_says_what_there_is() -> None:
    with pytest.raises(HistoryError, match="2 had not ended; 1 has no parameters"):
        understand(runs_of([Run({"x": 1}, status="RUNNING"), Run({"x": 2}, status="RUNNING"), Run()]), Rules())
    with pytest.raises(HistoryError, match="there is no run"):
        understand(runs_of([]), Rules())
