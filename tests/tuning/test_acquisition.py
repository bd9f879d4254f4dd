"""Acquisitions against their closed forms and against simulation."""

import numpy as np
import pytest
from scipy.stats import norm

from forerun.errors import SettingsError
from forerun.metadata.targets import standard_of
from forerun.metalearners import Prediction
from forerun.metalearners.components import Components
from forerun.metalearners.linear import LinearSurrogate
from forerun.metalearners.posterior import Belief
from forerun.search import search
from forerun.space import Additive
from forerun.tuning.acquisition import (
    ACQUISITIONS,
    acquisition_score,
    ei,
    expected_improvement,
    in_target_units,
    lcb,
    mean,
    thompson,
)
from tests.search.problems import large

GUESS = Prediction(np.array([0.0, 0.5, 2.0]), np.array([1.0, 0.1, 3.0]))


class Scaled:
    """Target units are (loss - 10) / 4."""

    def predict(self, X: np.ndarray) -> Prediction:
        return Prediction(X[:, 0], np.ones(len(X)))

    def to_units(self, prediction: Prediction) -> Prediction:
        return Prediction(10 + 4 * prediction.mean, 4 * prediction.std)


class Bent(Scaled):
    """Saturates: no target gives a loss above exp(5), nor one below 0."""

    def to_units(self, prediction: Prediction) -> Prediction:
        return Prediction(np.exp(np.minimum(prediction.mean, 5.0)), prediction.std)


def test_mean_and_lower_confidence_bound_are_their_formulas() -> None:
    np.testing.assert_array_equal(mean(GUESS), [0.0, 0.5, 2.0])
    np.testing.assert_allclose(lcb(GUESS, kappa=2), [-2.0, 0.3, -4.0])


def test_expected_improvement_is_its_formula() -> None:
    z = (0.3 - GUESS.mean) / GUESS.std
    closed = GUESS.std * (norm.pdf(z) + z * norm.cdf(z))
    np.testing.assert_allclose(np.exp(-ei(GUESS, 0.3)), closed, rtol=1e-10)


def test_expected_improvement_is_what_simulation_gives() -> None:
    draws = np.random.default_rng(0).normal(GUESS.mean, GUESS.std, (400_000, 3))
    simulated = np.maximum(0.3 - draws, 0).mean(axis=0)
    # the standard error of the mean is below 0.5 % of std; a false alarm is beyond 5 sigma
    np.testing.assert_allclose(np.exp(-ei(GUESS, 0.3)), simulated, atol=0.01)


def test_expected_improvement_still_ranks_where_it_underflows() -> None:
    means = np.array([1.0, 5.0, 30.0, 300.0, 999.0, 1001.0, 5000.0, 1e6])
    scores = ei(Prediction(means, np.ones(len(means))), 0.0)
    assert np.isfinite(scores).all()
    assert (np.diff(scores) > 0).all()


def test_without_a_best_loss_expected_improvement_is_the_mean() -> None:
    np.testing.assert_array_equal(ei(GUESS, None), GUESS.mean)


def test_a_thompson_draw_has_the_predicted_spread_and_is_one_surface() -> None:
    X = np.random.default_rng(1).normal(size=(1, 20))
    values = [
        thompson(20, np.random.default_rng(s))(Prediction(np.array([3.0]), np.array([0.5])), X)[0] for s in range(2_000)
    ]
    # the standard error of the std is 0.5 / sqrt(4000) = 0.008, of the mean 0.011
    assert np.std(values) == pytest.approx(0.5, abs=0.04)
    assert np.mean(values) == pytest.approx(3.0, abs=0.05)
    draw = thompson(20, np.random.default_rng(7))
    one = Prediction(np.array([0.0, 0.0]), np.array([1.0, 1.0]))
    same = draw(one, np.repeat(X, 2, axis=0))
    assert same[0] == same[1] == draw(one, np.repeat(X, 2, axis=0))[0]
    near = draw(one, np.concatenate([X, X + 1e-3]))
    assert abs(near[0] - near[1]) < 0.05


def test_a_thompson_draw_of_a_linear_surrogate_is_searched_with_proof_and_each_seed_has_its_own() -> None:
    grid = large().grid(12)
    assert grid.size > 10**13
    columns = len(grid.encoder.columns)
    rng = np.random.default_rng(0)
    belief = Belief(rng.normal(size=columns + 1), 0.1 * np.eye(columns + 1), np.zeros(columns + 1))
    axes = Components(np.zeros(columns), np.eye(columns))
    surrogate = LinearSurrogate(
        lambda X: np.column_stack([np.ones(len(X)), X]), (belief,), (1.0,), 0.1, 1.0, standard_of(np.arange(9.0)), axes
    )
    found = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        score = acquisition_score("thompson", surrogate, bar=0.0, columns=columns, rng=rng)
        assert isinstance(score, Additive)
        result = search(score, grid, 1, rng)
        assert result.proven
        found.append(result.candidates[0].score)
    assert len(set(found)) == 3


@pytest.mark.parametrize("name", ACQUISITIONS)
def test_every_acquisition_prefers_a_lower_mean_at_equal_doubt(name: str) -> None:
    score = acquisition_score(name, Scaled(), bar=0.0, columns=2, rng=np.random.default_rng(0))
    same_luck = np.array([[-3.0, 0.0], [3.0, 0.0]])
    assert np.diff(score(same_luck))[0] > 0


def test_an_unknown_acquisition_is_refused_by_name() -> None:
    with pytest.raises(SettingsError, match=r"mean, lcb, ei, thompson.*'ucb'"):
        acquisition_score("ucb", Scaled(), bar=None, columns=2, rng=np.random.default_rng(0))


@pytest.mark.parametrize("loss", [-5e4, 0.0, 10.0, 13.7, 1e6])
def test_raw_losses_are_found_in_target_units(loss: float) -> None:
    assert in_target_units(Scaled(), loss) == pytest.approx((loss - 10) / 4, abs=1e-6, rel=1e-9)


def test_losses_that_no_target_gives_are_cut() -> None:
    assert in_target_units(Bent(), 7.0) == pytest.approx(np.log(7))
    assert np.isfinite(in_target_units(Bent(), 1e9))
    assert np.isfinite(in_target_units(Bent(), -1.0))


def test_expected_improvement_comes_in_the_units_of_the_loss() -> None:
    raw = expected_improvement(Scaled(), Prediction(np.array([0.0]), np.array([1.0])), best=10.0)
    np.testing.assert_allclose(raw, 4 * norm.pdf(0), rtol=1e-6)
