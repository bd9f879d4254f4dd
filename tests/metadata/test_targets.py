"""Targets and the way back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from forerun.metadata import ABSOLUTE, WORST, Standard, locate, standardise

LOSSES = hnp.arrays(float, st.integers(1, 40), elements=st.floats(-1e3, 1e3))
FAR = hnp.arrays(float, 5, elements=st.floats(-100, 2.5))


@given(LOSSES)
def test_targets_keep_the_order_of_losses_and_stay_below_the_worst(losses):
    y, _ = standardise(losses)
    order = np.argsort(losses)
    assert np.isfinite(y).all()
    assert (np.diff(y[order]) >= 0).all()
    assert (y < WORST).all()


@given(LOSSES, st.floats(1e-3, 1e3), st.floats(-1e3, 1e3))
def test_the_unit_and_offset_of_losses_change_no_target(losses, unit, offset):
    # rounded, lest a difference be lost in the offset
    losses = np.round(losses, 1)
    assert standardise(unit * losses + offset)[0] == pytest.approx(standardise(losses)[0], rel=1e-5, abs=1e-5)


@given(FAR, st.floats(-10, 10), st.floats(1e-3, 1e3))
def test_reading_back_is_the_inverse_of_standardising(y, location, scale):
    standard = Standard(location, scale)
    assert standard.forward(standard.inverse(y)) == pytest.approx(y, rel=1e-6, abs=1e-6)


def test_the_bend_has_no_kink():
    standard = Standard(0.0, 1.0)
    slopes = np.diff(standard.forward(np.array([-1e-6, 0.0, 1e-6]))) / 1e-6
    assert slopes == pytest.approx([1.0, 1.0], abs=1e-5)


def test_failed_and_exploded_trainings_have_the_worst_target():
    y, standard = standardise(np.array([0.1, 0.2, 0.3, 1e30, np.nan, np.inf]))
    assert y[3] == pytest.approx(WORST)
    assert (y[4:] == WORST).all()
    assert standard.location == pytest.approx(0.175)


def test_an_exploded_training_moves_the_good_ones_little():
    losses = np.random.default_rng(0).uniform(0.1, 0.4, 50)
    alone, _ = standardise(losses)
    together, _ = standardise(np.append(losses, 1e12))
    assert together[:-1] == pytest.approx(alone, abs=0.1)


@pytest.mark.parametrize("losses", [[0.0] * 6 + [0.5, 0.4], [0.5] * 6 + [0.1, 0.2], [0.3, 0.3, 0.3, 0.3, 0.1]])
def test_a_plateau_leaves_a_sensible_scale(losses):
    y, standard = standardise(np.array(losses))
    assert 0.01 < standard.scale < 1
    assert len(np.unique(y)) == len(set(losses))


@pytest.mark.parametrize("losses", [[], [np.nan], [2.0], [1e9] * 3])
def test_losses_without_a_spread_have_the_scale_one(losses):
    y, standard = standardise(np.array(losses))
    assert standard.scale == 1
    assert (y[np.isfinite(losses)] == 0).all()


# -- the way back on a new task --------------------------------------------------------------------

PRIOR = Standard(0.3, 0.1, location_std=0.2, log_scale_std=0.5)


def simulate(k: int, noise: float, seed: int, location: float = 5.0, scale: float = 2.0):
    """Losses of a task with this standard, and predictions of them that are as good as their std says."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=k) - 0.5
    standard = Standard(location, scale)
    return standard.inverse(truth), truth + noise * rng.normal(size=k), np.full(k, noise)


def test_without_a_finished_trial_the_prior_holds():
    nothing = np.array([])
    assert locate(nothing, nothing, nothing, PRIOR) == PRIOR
    assert locate(np.array([np.nan]), np.array([0.5]), np.array([1.0]), PRIOR) == PRIOR


def test_one_trial_sets_the_location_where_its_prediction_says():
    found = locate(np.array([7.0]), np.array([-0.5]), np.array([0.3]), PRIOR)
    assert found.scale == PRIOR.scale
    assert found.forward(np.array([7.0])) == pytest.approx([-0.5])


def test_equal_losses_leave_the_scale_of_the_prior():
    found = locate(np.array([7.0, 7.0]), np.array([-0.5, 0.0]), np.array([0.3, 0.3]), PRIOR)
    assert (found.scale, found.log_scale_std) == (PRIOR.scale, PRIOR.log_scale_std)


@pytest.mark.parametrize("k", [2, 3, 10])
def test_two_trials_on_the_unit_and_offset_change_nothing(k):
    losses, mean, std = simulate(k, 0.3, seed=k)
    one = locate(losses, mean, std, PRIOR)
    other = locate(1000 * losses - 50, mean, std, PRIOR)
    assert other.forward(1000 * losses - 50) == pytest.approx(one.forward(losses))
    assert other.log_scale_std == pytest.approx(one.log_scale_std)
    assert other.location_std == pytest.approx(1000 * one.location_std)


def test_many_trials_find_the_true_standard():
    found = locate(*simulate(200, 0.2, seed=0), PRIOR)
    # four standard errors of a slope from 200 points with noise 0.2
    assert found.scale == pytest.approx(2.0, rel=0.08)
    assert found.location == pytest.approx(5.0, abs=0.15)


def test_the_closed_form_is_the_highest_point_of_the_posterior():
    losses, mean, std = simulate(6, 0.5, seed=3)
    prior = Standard(0.0, 1.0)
    found = locate(losses, mean, std, prior)
    z, t = prior.unbend(mean), prior.unbend_std(mean, std)

    def log_posterior(log_scale: float) -> float:
        scale = np.exp(log_scale)
        weight = 1 / t**2
        location = np.average(losses - scale * z, weights=weight)
        # a integrated out: one factor of scale is given back
        return -5 * log_scale - 0.5 * np.sum(weight * ((losses - location) / scale - z) ** 2)

    grid = np.log(found.scale) + np.linspace(-1, 1, 2001)
    best = grid[np.argmax([log_posterior(s) for s in grid])]
    assert np.exp(best) == pytest.approx(found.scale, rel=2e-3)
    bend = [log_posterior(np.log(found.scale) + step) for step in (-0.01, 0.0, 0.01)]
    curvature = (bend[0] - 2 * bend[1] + bend[2]) / 0.01**2
    assert found.log_scale_std == pytest.approx(1 / np.sqrt(-curvature), rel=0.01)


def test_an_exploded_trial_does_not_hide_the_differences_of_the_others():
    losses, mean, std = simulate(6, 0.3, seed=1)
    together = (np.append(losses, 1e9), np.append(mean, 0.5), np.append(std, 0.3))
    spread = [np.ptp(locate(*seen, PRIOR).forward(losses)) for seen in ((losses, mean, std), together)]
    assert spread[1] > 0.2 * spread[0]


def test_intervals_in_raw_units_hold_what_they_say():
    hits = []
    for seed in range(400):
        losses, mean, std = simulate(9, 0.4, seed)
        found = locate(losses[:-1], mean[:-1], std[:-1], PRIOR)
        center, width = found.to_units(mean[-1:], std[-1:])
        hits.append(abs(losses[-1] - center[0]) < 1.2816 * width[0])
    # 80 % of 400: four standard deviations are 8 points; the normal approximation may cost a few more
    assert 0.7 < np.mean(hits) < 0.9


def test_predictions_of_failure_are_finite_in_raw_units():
    mean, std = PRIOR.to_units(np.array([2.9, 3.0, 50.0]), np.array([0.1, 1.0, 5.0]))
    assert np.isfinite(mean).all()
    assert (std > 0).all()
    assert np.isfinite(std).all()


def test_times_stay_what_they_are():
    seconds = np.array([-1.0, 0.0, 4.0])
    assert (ABSOLUTE.forward(seconds) == seconds).all()
    units = ABSOLUTE.to_units(seconds, np.array([0.1, 0.2, 0.3]))
    assert (units.mean == seconds).all()
    assert units.std == pytest.approx([0.1, 0.2, 0.3])
    assert locate(seconds, seconds, seconds + 2, ABSOLUTE) == ABSOLUTE
