"""What the two-level regression finds where the truth is known."""

import numpy as np
import pytest

from forerun.metalearners.components import Components
from forerun.metalearners.hierarchy import Grams, Hierarchy, learn, own_weights, shared_weights

T, N, P = 80, 40, 3
DEVIATION = np.array([0.5, 0.1, 1.0])
NOISE = 0.3


def world(seed: int = 0) -> tuple[Grams, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    C = np.column_stack([np.ones(T), rng.normal(size=T)])
    W = np.array([[1.0, -2.0, 0.5], [0.0, 1.5, -1.0]])
    own = C @ W + rng.normal(size=(T, P)) * DEVIATION
    task = np.repeat(np.arange(T), N)
    Phi = rng.normal(size=(T * N, P))
    y = np.einsum("np,np->n", Phi, own[task]) + NOISE * rng.normal(size=T * N)
    return Grams.of(Phi, y, task, T, np.ones(T * N)), C, W, own


@pytest.fixture(scope="module")
def learned() -> tuple[Hierarchy, tuple[Grams, np.ndarray, np.ndarray, np.ndarray]]:
    found = world()
    return learn(found[0], found[1], np.ones(T)), found


def test_shared_weights_deviation_and_noise_are_found(learned) -> None:
    h, (_, _, W, _) = learned
    # standard error of W is deviation / sqrt(80), at most 0.11: four of them
    np.testing.assert_allclose(h.W, W, atol=0.45)
    np.testing.assert_allclose(np.sqrt(np.diag(h.variances.D)), DEVIATION, rtol=0.35)
    assert h.variances.noise == pytest.approx(NOISE**2, rel=0.1)


def test_doubt_is_that_of_the_truth(learned) -> None:
    """Errors of W by their doubt are standard normal: the mean square of six is below 3.5 in 499 of 500."""
    h, (_, _, W, _) = learned
    doubt = np.sqrt(np.einsum("aiai->ai", h.doubt))
    assert np.mean(((h.W - W) / doubt) ** 2) < 3.5


def test_own_weights_lean_on_the_tasks_trials(learned) -> None:
    h, (grams, C, _, own) = learned
    found = own_weights(grams, C, h)
    assert np.abs(found - own).mean() < 0.1 < np.abs(C @ h.W - own).mean()


def test_a_task_without_share_has_no_influence() -> None:
    grams, C, _, _ = world()
    variances = learn(grams, C, np.ones(T)).variances
    share = np.ones(T)
    share[0] = 0
    crooked = Grams(grams.G, grams.g + 1e3 * (np.arange(T) == 0)[:, None], grams.yy, grams.n)
    one, two = (shared_weights(g, C, share, variances)[0] for g in (grams, crooked))
    np.testing.assert_array_equal(one, two)


def test_components_of_equal_data_are_equal_and_uncorrelated() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 6)) @ rng.normal(size=(6, 6))
    one, two = Components.fit(rows, 4, unit=True), Components.fit(rows.copy(), 4, unit=True)
    np.testing.assert_array_equal(one.axes, two.axes)
    np.testing.assert_allclose(np.cov(one.of(rows), rowvar=False, bias=True), np.eye(4), atol=1e-9)


def test_directions_that_never_vary_are_no_components() -> None:
    rng = np.random.default_rng(0)
    rows = np.column_stack([rng.normal(size=(50, 2)), np.ones((50, 3))])
    assert Components.fit(rows, 10).size == 2
    assert Components.fit(np.ones((4, 3)), 10).size == 0
    assert Components.fit(np.zeros((4, 0)), 10).size == 0
