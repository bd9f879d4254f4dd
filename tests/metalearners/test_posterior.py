"""The exact update against closed forms, limits and brute force."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forerun.metalearners.posterior import UNIT_DOUBT, Belief, Data, update


def problem(seed: int, k: int = 6, p: int = 4) -> tuple[Belief, Data]:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(p, p))
    prior = Belief(rng.normal(size=p), root @ root.T / p + 0.1 * np.eye(p), np.zeros(p))
    Phi = rng.normal(size=(k, p))
    return prior, Data(Phi, rng.normal(size=k), np.zeros(k, dtype=bool), rng.uniform(0.1, 1.0, k))


@given(st.integers(0, 10_000), st.integers(1, 9))
def test_with_known_offset_it_is_bayesian_linear_regression(seed: int, k: int) -> None:
    prior, data = problem(seed, k)
    found = update(prior, data)
    precision = np.linalg.inv(prior.covariance) + data.Phi.T @ np.diag(1 / data.noise) @ data.Phi
    covariance = np.linalg.inv(precision)
    mean = covariance @ (np.linalg.solve(prior.covariance, prior.mean) + data.Phi.T @ (data.y / data.noise))
    np.testing.assert_allclose(found.mean, mean, atol=1e-8)
    np.testing.assert_allclose(found.covariance, covariance, atol=1e-8)


def test_evidence_is_the_log_density_of_the_trials() -> None:
    from scipy.stats import multivariate_normal

    prior, data = problem(1)
    K = data.Phi @ prior.covariance @ data.Phi.T + np.diag(data.noise)
    expected = multivariate_normal(data.Phi @ prior.mean, K).logpdf(data.y)
    # up to the constant of the normal distribution
    assert update(prior, data).evidence == pytest.approx(expected + 3 * np.log(2 * np.pi))


def test_a_flat_offset_is_the_limit_of_a_vague_one() -> None:
    """Only with one trial with an offset beside failed ones is the unit not integrated, so there it is exact."""
    prior, data = problem(2)
    floating = np.array([True, False, False, False, False, False])
    found = update(prior, Data(data.Phi, data.y, floating, data.noise))
    vague = 1e8
    wide = Belief(np.append(prior.mean, 0.0), np.zeros((5, 5)), np.zeros(5))
    wide.covariance[:4, :4], wide.covariance[4, 4] = prior.covariance, vague
    expected = update(wide, Data(np.column_stack([data.Phi, floating]), data.y, np.zeros(6, dtype=bool), data.noise))
    np.testing.assert_allclose(found.mean, expected.mean[:4], atol=1e-4)
    np.testing.assert_allclose(found.covariance, expected.covariance[:4, :4], atol=1e-4)


def test_one_trial_of_unknown_offset_says_nothing_of_the_order() -> None:
    prior, data = problem(3, k=1)
    found = update(prior, Data(data.Phi, data.y, np.array([True]), data.noise))
    np.testing.assert_allclose(found.mean, prior.mean, atol=1e-12)
    np.testing.assert_allclose(found.covariance, prior.covariance, atol=1e-12)


def test_no_trial_leaves_the_belief_as_it_is() -> None:
    prior, _ = problem(4)
    nothing = Data(np.zeros((0, 4)), np.zeros(0), np.zeros(0, dtype=bool), np.zeros(0))
    assert update(prior, nothing) is prior


def test_the_unit_is_integrated_as_brute_force_does() -> None:
    prior, data = problem(5)
    floating = np.ones(6, dtype=bool)
    found = update(prior, Data(data.Phi, data.y, floating, data.noise))
    K = data.Phi @ prior.covariance @ data.Phi.T + np.diag(data.noise) + 1e6
    units = np.exp(np.linspace(-2.5, 2.5, 2001))
    logs, means = [], []
    for u in units:
        residual = u * data.y - data.Phi @ prior.mean
        prior_of_unit = -0.5 * (np.log(u) / UNIT_DOUBT) ** 2
        logs.append(-0.5 * residual @ np.linalg.solve(K, residual) + 5 * np.log(u) + prior_of_unit)
        means.append(prior.mean + prior.covariance @ data.Phi.T @ np.linalg.solve(K, residual))
    share = np.exp(np.array(logs) - max(logs))
    np.testing.assert_allclose(found.mean, share @ np.array(means) / share.sum(), rtol=2e-3, atol=2e-3)


@given(st.integers(0, 10_000), st.floats(-100, 100))
def test_the_offset_of_the_trials_changes_nothing(seed: int, offset: float) -> None:
    prior, data = problem(seed)
    floating = np.ones(6, dtype=bool)
    one = update(prior, Data(data.Phi, data.y, floating, data.noise))
    two = update(prior, Data(data.Phi, data.y + offset, floating, data.noise))
    np.testing.assert_allclose(one.mean, two.mean, atol=1e-7)
    assert one.evidence == pytest.approx(two.evidence, abs=1e-6)
