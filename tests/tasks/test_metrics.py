import numpy as np
import pytest
from sklearn import metrics as peer

from forerun.errors import DataError
from forerun.tasks.metrics import METRICS, evaluate_all, metric_for

RNG = np.random.default_rng(0)
Y = RNG.integers(0, 3, 60)
PROBA = RNG.dirichlet(np.ones(3), 60)
CODES = PROBA.argmax(axis=1)
TARGET = RNG.normal(size=60)
GUESS = TARGET + 0.3 * RNG.normal(size=60)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("accuracy", peer.accuracy_score(Y, CODES)),
        ("balanced_accuracy", peer.balanced_accuracy_score(Y, CODES)),
        ("f1_macro", peer.f1_score(Y, CODES, average="macro")),
        ("log_loss", peer.log_loss(Y, PROBA)),
        ("roc_auc", peer.roc_auc_score(Y, PROBA, multi_class="ovr", average="macro")),
    ],
)
def test_classification_metrics_agree_with_scikit_learn(name, expected):
    assert METRICS[name].value(Y, CODES, PROBA) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rmse", peer.root_mean_squared_error(TARGET, GUESS)),
        ("mae", peer.mean_absolute_error(TARGET, GUESS)),
        ("r2", peer.r2_score(TARGET, GUESS)),
    ],
)
def test_regression_metrics_agree_with_scikit_learn(name, expected):
    assert METRICS[name].value(TARGET, GUESS) == pytest.approx(expected)


def test_binary_auc_takes_the_second_column():
    y, proba = np.array([0, 0, 1, 1]), np.array([[0.9, 0.1], [0.6, 0.4], [0.65, 0.35], [0.2, 0.8]])
    assert METRICS["roc_auc"].value(y, proba=proba) == pytest.approx(0.75)


@pytest.mark.parametrize("name", METRICS)
def test_a_perfect_prediction_has_the_lowest_loss(name):
    metric = METRICS[name]
    y = TARGET if "regression" in metric.kinds else Y
    worse = y[::-1]
    perfect, poor = (
        metric.loss(metric.value(y, guess, None if metric.kinds == ("regression",) else np.eye(3)[guess]))
        for guess in (y, worse)
    )
    assert perfect == pytest.approx(0.0)
    assert perfect < poor


def test_predicting_the_mean_has_an_nrmse_of_one():
    metric = metric_for("regression", None, scale=float(np.std(TARGET)))
    assert metric.value(TARGET, np.full(60, TARGET.mean())) == pytest.approx(1.0)


def test_nrmse_does_not_feel_the_unit_of_the_target():
    losses = [
        metric_for("regression", "nrmse", float(np.std(unit * TARGET))).value(unit * TARGET, unit * GUESS)
        for unit in (1.0, 1000.0)
    ]
    assert losses[0] == pytest.approx(losses[1])


def test_classes_missing_in_a_part_leave_every_metric_defined():
    y, proba = np.array([0, 0, 2]), np.array([[0.7, 0.2, 0.1], [0.3, 0.4, 0.3], [0.1, 0.1, 0.8]])
    values = evaluate_all("multiclass", y, np.array([0, 1, 2]), proba)
    assert set(values) == {"accuracy", "balanced_accuracy", "f1_macro", "log_loss", "roc_auc"}
    assert values["balanced_accuracy"] == pytest.approx(0.75)


def test_metrics_that_are_undefined_are_left_out():
    assert "roc_auc" not in evaluate_all("binary", np.zeros(3), np.zeros(3), np.tile([0.9, 0.1], (3, 1)))
    assert "log_loss" not in evaluate_all("binary", Y > 0, CODES > 0)
    assert set(evaluate_all("regression", np.ones(3), np.zeros(3))) == {"nrmse", "rmse", "mae"}


def test_log_loss_survives_a_probability_of_zero():
    assert np.isfinite(METRICS["log_loss"].value(np.array([1]), proba=np.array([[1.0, 0.0]])))


def test_a_metric_that_cannot_score_the_kind_is_refused():
    with pytest.raises(DataError, match=r"one of nrmse, rmse, mae, r2; got 'accuracy'"):
        metric_for("regression", "accuracy", 1.0)


def test_a_metric_of_probabilities_says_when_it_gets_none():
    with pytest.raises(DataError, match="'log_loss' needs proba"):
        METRICS["log_loss"].value(Y, CODES)
