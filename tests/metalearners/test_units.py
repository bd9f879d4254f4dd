"""Joining what features and trials say of where a task's losses lie."""

from dataclasses import replace

import numpy as np
import pytest

from forerun.metadata import ABSOLUTE, Standard
from forerun.metalearners import Prediction
from forerun.metalearners.units import settle

PRIOR = Standard(0.3, 0.1, location_std=0.5, log_scale_std=1.0)


def trials(location: float, scale: float, k: int, seed: int = 0) -> tuple[np.ndarray, Prediction, np.ndarray]:
    """Losses, what was predicted of them, and its covariance: half of the error is shared by all."""
    rng = np.random.default_rng(seed)
    mean = rng.uniform(-3, 0, k)
    covariance = 0.02 * np.eye(k) + 0.02
    errors = rng.multivariate_normal(np.zeros(k), covariance)
    return location + scale * (mean + errors), Prediction(mean, np.sqrt(np.diag(covariance))), covariance


def test_without_a_known_loss_the_features_have_the_word() -> None:
    _, expected, covariance = trials(1.0, 2.0, 3)
    assert settle(PRIOR, np.full(3, np.nan), expected, covariance) is PRIOR


def test_absolute_units_are_what_they_are() -> None:
    losses, expected, covariance = trials(1.0, 2.0, 3)
    assert settle(ABSOLUTE, losses, expected, covariance) is ABSOLUTE


@pytest.mark.parametrize("seed", range(5))
def test_many_trials_tell_location_and_scale(seed: int) -> None:
    losses, expected, covariance = trials(0.5, 0.05, 40, seed)
    found = settle(PRIOR, losses, expected, covariance)
    # the shared error of 0.14 scales and, of log s, 0.14 / sqrt(40) / 0.87: four standard deviations
    assert abs(found.location - 0.5) < 4 * 0.15 * 0.05
    assert abs(np.log(found.scale / 0.05)) < 0.11
    assert found.log_scale_std < 0.1
    assert found.location_std < 0.15 * PRIOR.location_std


def test_one_trial_moves_the_location_and_hardly_the_scale() -> None:
    expected, covariance = Prediction(np.array([-1.0]), np.array([0.2])), np.array([[0.04]])
    found = settle(PRIOR, np.array([5.0]), expected, covariance)
    assert found.location > 1
    vague = settle(replace(PRIOR, location_std=100.0), np.array([5.0]), expected, covariance)
    assert vague.location - vague.scale == pytest.approx(5.0, abs=0.1)
    assert vague.log_scale_std == pytest.approx(1.0, abs=0.1)


def test_near_equal_losses_of_likes_do_not_make_the_unit_small() -> None:
    """Five trials predicted alike, whose errors are one: their likeness is no news."""
    expected = Prediction(np.full(5, -2.0), np.full(5, 0.5))
    losses = 0.3 + 0.1 * np.array([-2.0, -1.99, -2.01, -2.0, -2.02])
    together = settle(PRIOR, losses, expected, 0.25 * np.ones((5, 5)) + 1e-3 * np.eye(5))
    apart = settle(PRIOR, losses, expected, 0.25 * np.eye(5))
    assert apart.scale < 0.6 * together.scale


def test_it_is_equivariant_to_the_unit() -> None:
    losses, expected, covariance = trials(0.5, 0.05, 6)
    one = settle(PRIOR, losses, expected, covariance)
    scaled = Standard(0.3e3 + 7, 0.1e3, location_std=0.5e3, log_scale_std=1.0)
    two = settle(scaled, 1e3 * losses + 7, expected, covariance)
    assert two.scale == pytest.approx(1e3 * one.scale)
    assert two.location == pytest.approx(1e3 * one.location + 7)
