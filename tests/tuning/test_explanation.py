"""Which hyperparameters mattered, and in which direction."""

import numpy as np
import pytest

from forerun.metalearners import Prediction
from forerun.space import Categorical, Condition, Integer, Real, SearchSpace, Subset
from forerun.tuning import explain
from forerun.tuning.explanation import importances
from tests.tuning.fakes import SPACE, knowing, true_loss


def fresh() -> np.random.Generator:
    return np.random.default_rng(0)


class Known:
    """Predicts a function of the configuration exactly; target units are half those of the loss."""

    def __init__(self, space: SearchSpace, loss) -> None:  # type: ignore[no-untyped-def]
        self.space, self.loss = space, loss

    def predict(self, X: np.ndarray) -> Prediction:
        mean = np.array([self.loss(c) for c in self.space.decode(X)])
        return Prediction(mean / 2, np.full(len(X), 0.01))

    def to_units(self, prediction: Prediction) -> Prediction:
        return Prediction(prediction.mean * 2, prediction.std * 2)


FLAT = SearchSpace(
    "flat",
    {"a": Real(0, 1), "b": Integer(0, 3), "c": Categorical(("x", "y")), "d": Real(0, 1), "s": Subset(("p", "q"))},
)


def flat_loss(c: dict[str, object]) -> float:
    return float(c["a"]) + 0.2 * float(c["b"]) + 0.3 * (c["c"] == "y") - 0.5 * ("q" in c["s"])  # type: ignore[arg-type, operator]


def test_effects_are_the_losses_with_one_domain_moved() -> None:
    grid = FLAT.grid(5)
    chosen = {"a": 0.0, "b": 0, "c": "x", "d": 0.5, "s": ("q",)}
    table = explain(Known(FLAT, flat_loss), grid, chosen, np.random.default_rng(0), samples=500)  # type: ignore[arg-type]
    assert list(table.columns) == ["domain", "level", "position", "mean", "std", "importance"]
    a = table[table["domain"] == "a"]
    np.testing.assert_allclose(a["mean"], -0.5 + a["level"].astype(float), atol=1e-6)
    np.testing.assert_allclose(a["position"], [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(a["std"], 0.02)
    c = table[table["domain"] == "c"].set_index("level")
    assert c["position"].isna().all()
    np.testing.assert_allclose(c["mean"][["x", "y"]], [-0.5, -0.2])
    s = table[table["domain"] == "s"].set_index("level")
    assert set(s.index) == {"as recommended", "with p", "without q"}
    np.testing.assert_allclose(s["mean"][["as recommended", "with p", "without q"]], [-0.5, -0.5, 0.0])


def test_importances_are_shares_of_the_variance() -> None:
    """Of a sum of independent terms they are known: variances of the terms over their sum."""
    shares = importances(Known(FLAT, flat_loss), FLAT.grid(5), np.random.default_rng(0), 4_000)  # type: ignore[arg-type]
    variance = {"a": 0.125, "b": 0.05, "c": 0.0225, "d": 0.0, "s": 0.0625}
    total = sum(variance.values())
    for name, value in variance.items():
        assert shares[name] == pytest.approx(value / total, abs=0.03)
    table = explain(Known(FLAT, flat_loss), FLAT.grid(5), FLAT.grid(5).configuration(0), fresh())  # type: ignore[arg-type]
    assert list(table["domain"].unique())[:2] == ["a", "s"]


def test_a_domain_that_does_nothing_has_no_importance() -> None:
    shares = importances(Known(FLAT, flat_loss), FLAT.grid(12), np.random.default_rng(3), 2_000)  # type: ignore[arg-type]
    assert shares["d"] < 0.01


def test_another_learner_is_judged_by_its_good_settings() -> None:
    grid = SPACE.grid(12)
    chosen = {"learner": "tree", "tree.x": 0.3, "z": 0.6}
    table = explain(Known(SPACE, true_loss), grid, chosen, np.random.default_rng(0), samples=1_000)  # type: ignore[arg-type]
    learner = table[table["domain"] == "learner"].set_index("level")["mean"]
    assert learner["net"] < 0.15
    assert learner["tree"] == pytest.approx(0.25, abs=0.01)
    assert "net.lr" not in set(table["domain"])
    assert table["importance"].is_monotonic_decreasing


def test_an_explanation_of_a_real_forecast_is_finite() -> None:
    forecaster = knowing()
    surrogate = forecaster.adapt(forecaster.context(np.zeros(1), [], SPACE, np.zeros(0))).loss
    table = explain(surrogate, SPACE.grid(6), {"learner": "net", "net.lr": 0.01, "z": 0.6}, np.random.default_rng(0))
    assert np.isfinite(table[["mean", "std", "importance"]].to_numpy()).all()
    assert table["importance"].between(0, 1).all()
    assert not table.duplicated(["domain", "level"]).any()


def test_children_that_come_alive_in_turn_are_drawn_too() -> None:
    space = SearchSpace(
        "deep",
        {"k": Categorical(("off", "on")), "n": Integer(1, 3), "w": Real(0, 1)},
        {"n": Condition.of({"k": "on"}), "w": Condition.of({"n": ">= 2"})},
    )

    def loss(c: dict[str, object]) -> float:
        return 1.0 - float(c.get("n", 0)) / 3 + (1 - float(c.get("w", 1.0)))  # type: ignore[arg-type]

    table = explain(Known(space, loss), space.grid(5), {"k": "off"}, np.random.default_rng(0))  # type: ignore[arg-type]
    assert table.set_index("level")["mean"]["on"] < 0.4
