"""What is to be good is guessed from names and from what most runs have, or stated; the direction is always known."""

import numpy as np
import pytest

from forerun.errors import HistoryError, SettingsError
from forerun.mining import Rules, Understood, targets_of, understand
from forerun.mining.targets import direction
from tests.mining.making import Run, runs_of, sweep


@pytest.mark.parametrize(
    ("name", "lower"),
    [
        ("val_loss", True),
        ("accuracy", False),
        ("test/acc", False),
        ("valid_0-binary_logloss", True),
        ("RandomForestClassifier_score_X_test", False),
        ("neg_mean_squared_error", False),
        ("mean_squared_error_X_test", True),
        ("error_rate", True),
        ("valAUC", False),
        ("f1_score", False),
        ("brier_score", True),
        ("r2_score", False),
        ("quality", None),
        ("value", None),
    ],
)
def test_a_name_tells_the_direction_or_says_nothing(name: str, lower: bool | None) -> None:
    assert direction(name) is lower


def guessed(*metrics: dict[str, float], **more: object) -> list[str]:
    rng = np.random.default_rng(0)
    made = [Run({"lr": i}, {k: v * float(rng.random()) for k, v in each.items()}) for i, each in enumerate(metrics * 6)]
    return [target.metric for target in targets_of(runs_of(made), Rules())]


@pytest.mark.parametrize(
    ("metrics", "best"),
    [
        (["train_loss", "val_loss"], "val_loss"),
        (["train_accuracy", "loss", "val_accuracy", "val_loss"], "val_accuracy"),
        (["test_rmse", "valid_rmse", "epoch", "lr"], "valid_rmse"),
        (["rmse", "r2", "training_time"], "r2"),
        (["accuracy", "system/cpu_utilization_percentage", "training_rmse"], "accuracy"),
        (["mean_test_score", "std_test_score", "rank_test_score", "mean_fit_time"], "mean_test_score"),
        (["loss", "learning_rate", "grad_norm", "samples_per_second"], "loss"),
    ],
)
def test_what_was_held_out_goes_before_what_was_trained_on(metrics: list[str], best: str) -> None:
    assert guessed(dict.fromkeys(metrics, 1.0)) == [best]


def test_what_most_runs_have_goes_before_what_few_have() -> None:
    many, few = {"val_loss": 1.0}, {"val_loss": 1.0, "val_auc": 1.0}
    assert guessed(many, many, many, few) == ["val_loss"]


def test_experiments_that_measure_something_else_have_a_target_of_their_own() -> None:
    other = [Run({"C": i}, {"cv_f1": 0.1 * i}, experiment="svm") for i in range(6)]
    found = understand(runs_of([*sweep(), *other]), Rules()).findings
    assert [(target.metric, target.minimise, len(target.rows)) for target in found.targets] == [
        ("val_acc", False, 12),
        ("cv_f1", False, 6),
    ]
    assert {task.name: task.metric for task in found.tasks} == {"net": "val_acc", "svm": "cv_f1"}


def test_the_direction_of_optunas_objective_is_in_its_tags() -> None:
    made = [Run({"x": i}, {"value": float(i)}, {"direction": "MINIMIZE"}) for i in range(6)]
    (target,) = targets_of(runs_of(made), Rules())
    assert target.minimise
    assert "Optuna" in target.why


def test_what_cannot_be_told_is_asked_for_and_never_assumed() -> None:
    runs = runs_of([Run({"x": i}, {"quality": float(i)}) for i in range(6)])
    with pytest.raises(HistoryError, match=r"runs have quality\. State it: --metric NAME --minimize"):
        targets_of(runs, Rules())
    with pytest.raises(HistoryError, match="Add --minimize or --maximize"):
        targets_of(runs, Rules(metric="quality"))
    (target,) = targets_of(runs, Rules(metric="quality", minimise=False))
    assert (target.minimise, target.why) == (False, "as stated")


def test_a_metric_that_no_run_has_is_an_error_that_names_those_there_are() -> None:
    with pytest.raises(HistoryError, match="val_acc, val_loss"):
        targets_of(runs_of(sweep()), Rules(metric="auc", minimise=False))


def test_a_direction_without_a_metric_means_nothing() -> None:
    with pytest.raises(SettingsError, match="needs the metric"):
        Rules(minimise=True)


CURVE = [(0, 0.9), (1, 0.3), (2, 0.5), (3, 0.7)]


def with_curves(value: str) -> Understood:
    made = [Run({"lr": i}, {"val_loss": 0.7 + i}, curve={"val_loss": [(s, v + i) for s, v in CURVE]}) for i in range(4)]
    return understand(runs_of(made), Rules(value=value))


@pytest.mark.parametrize(("value", "loss"), [("last", 0.7), ("best", 0.3), ("step:2", 0.5), ("mean:2", 0.6)])
def test_the_value_of_a_curve_is_the_one_that_was_asked_for(value: str, loss: float) -> None:
    trials = with_curves(value).history.trials
    assert trials["loss"].tolist() == pytest.approx([loss + i for i in range(4)])
    assert trials["curve_epoch"].iloc[0] == [0, 1, 2, 3]


def test_the_best_of_what_is_to_be_high_is_the_highest() -> None:
    made = [Run({"lr": i}, {"val_acc": 0.1}, curve={"val_acc": [(0, 0.2), (1, 0.8 - i / 10)]}) for i in range(4)]
    trials = understand(runs_of(made), Rules(metric="val_acc", value="best")).history.trials
    assert trials["loss"].tolist() == pytest.approx([0.2, 0.3, 0.4, 0.5])
    assert trials["curve_loss"].iloc[0] == pytest.approx([0.8, 0.2])


def test_scores_become_losses_that_are_lower_where_they_were_higher() -> None:
    below_one = understand(runs_of(sweep()), Rules()).history.trials
    assert below_one["loss"].tolist() == pytest.approx((1 - below_one["metric_val_acc"]).tolist())
    made = [Run({"x": i}, {"reward": 100.0 * i}) for i in range(5)]
    assert understand(runs_of(made), Rules()).history.trials["loss"].tolist() == [0, -100, -200, -300, -400]
