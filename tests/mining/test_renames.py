"""Two names are suggested to be one parameter where names and values are alike, and no run has both."""

import numpy as np
import pytest

from forerun.mining import Rules, understand
from forerun.mining.renames import names_alike
from tests.mining.making import Run, runs_of


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("lr", "learning_rate"),
        ("eta", "learning_rate"),
        ("n_estimators", "num_trees"),
        ("batchSize", "batch_size"),
        ("optimizer.lr", "lr"),
        ("clf__C", "C"),
        ("dropout_rate", "dropout"),
        ("num_hidden_layers", "n_hidden_layers"),
    ],
)
def test_names_of_one_thing_are_alike(one: str, other: str) -> None:
    assert names_alike(one, other)[0] >= 0.8
    assert names_alike(one, other) == names_alike(other, one)


@pytest.mark.parametrize(
    ("one", "other"), [("momentum", "gamma"), ("train_size", "size"), ("depth", "width"), ("", "x")]
)
def test_names_of_two_things_are_not(one: str, other: str) -> None:
    assert names_alike(one, other)[0] < 0.8


def suggested(one: dict[str, list[object]], other: dict[str, list[object]]) -> list[tuple[str, str]]:
    rng = np.random.default_rng(0)
    made = [
        Run(
            {name: values[i] for name, values in params.items()},
            {"val_acc": float(rng.random())},
            experiment=experiment,
        )
        for experiment, params in (("a", one), ("b", other))
        for i in range(len(next(iter(params.values()))))
    ]
    return [(r.old, r.new) for r in understand(runs_of(made), Rules()).findings.renames]


RATES: list[object] = [0.001, 0.01, 0.1, 0.02]


def test_alike_names_of_other_values_are_not_suggested() -> None:
    assert suggested({"lr": RATES}, {"learning_rate": RATES}) == [("learning_rate", "lr")]
    assert suggested({"lr": RATES}, {"learning_rate": [10, 20, 30, 40]}) == []
    assert suggested({"optim": ["adam", "sgd", "sgd"]}, {"optimizer": ["SGD", "Adam", "SGD"]}) == [
        ("optim", "optimizer")
    ]
    assert suggested({"optim": ["adam", "sgd", "sgd"]}, {"optimizer": ["x", "y", "x"]}) == []


def test_names_that_one_run_has_both_of_are_not_suggested() -> None:
    assert suggested({"lr": RATES, "learning_rate": [0.1, 0.01, 0.2, 0.3]}, {"depth": [1, 2, 3, 4]}) == []
