"""Thompson draws: one surrogate that is sure of its weights, and many that are as unsure as the one drawn from."""

import numpy as np
import pytest
from scipy.stats import kstest

from forerun.checks.world import Example, example, history
from forerun.metadata import MetaDataset
from forerun.metalearners import METALEARNERS, Context
from forerun.metalearners.adapted import Adapted
from forerun.metalearners.posterior import Belief
from forerun.space import Additive

pytestmark = pytest.mark.slow  # it draws thousands of networks

every = pytest.mark.parametrize("name", ["linear", "network", "quadratic", "relative", "last_layer"])
"""All whose surrogates are `Adapted`."""
DRAWS = 1000


@pytest.fixture(scope="module")
def meta() -> MetaDataset:
    return history()


@pytest.fixture(scope="module")
def task() -> Example:
    return example(np.random.default_rng(99), 60)


def adapted(name: str, meta: MetaDataset, task: Example) -> Adapted:
    surrogate = METALEARNERS[name]().fit(meta).adapt(Context(task.features, task.X[:5], task.loss[:5]))
    assert isinstance(surrogate, Adapted)
    return surrogate


@every
def test_many_draws_are_as_unsure_as_the_surrogate_without_noise(name: str, meta: MetaDataset, task: Example) -> None:
    surrogate, rng = adapted(name, meta, task), np.random.default_rng(7)
    assert min(surrogate.shares) > 0.001  # both hypotheses are drawn from
    X = task.X[::10]
    Phi = surrogate.basis(X)
    said = np.array([Phi @ surrogate.draw(rng).weights for _ in range(DRAWS)])
    covariance = surrogate.covariance(X) - surrogate.temperature**2 * surrogate.noise * np.eye(len(X))
    std = np.sqrt(np.diag(covariance))
    # 5 standard errors: once in a million
    assert (np.abs(said.mean(axis=0) - surrogate.predict(X).mean) < 5 * std / DRAWS**0.5).all()
    # of a variance, sqrt(2 / draws) and more for a mixture, whose tails are heavier
    np.testing.assert_allclose(np.cov(said.T) / np.outer(std, std), covariance / np.outer(std, std), atol=0.3)
    variance = surrogate.predict(X).std ** 2 - surrogate.temperature**2 * surrogate.noise
    np.testing.assert_allclose(variance, std**2)


@every
def test_a_draw_is_one_model_that_doubts_only_the_noise(name: str, meta: MetaDataset, task: Example) -> None:
    surrogate = adapted(name, meta, task)
    drawn = surrogate.draw(np.random.default_rng(0))
    assert type(drawn) is type(surrogate)
    mean, std = drawn.predict(task.X)
    np.testing.assert_allclose(mean, drawn.basis(task.X) @ drawn.weights)
    np.testing.assert_allclose(std, surrogate.temperature * surrogate.noise**0.5)
    assert np.abs(mean - surrogate.predict(task.X).mean).max() > 0.01
    if isinstance(drawn, Additive):  # the others have tests of their own
        values = task.X
        *hidden, last = drawn.layers()
        for weights, offset in hidden:
            values = np.maximum(values @ weights + offset, 0)
        np.testing.assert_allclose((values @ last[0] + last[1])[:, 0], mean, atol=1e-9)
    again = surrogate.draw(np.random.default_rng(0)).weights
    np.testing.assert_array_equal(drawn.weights, again)


def test_a_belief_draws_its_gaussian_also_where_it_has_no_doubt() -> None:
    rng = np.random.default_rng(1)
    root = rng.normal(size=(4, 2))
    belief = Belief(rng.normal(size=4), root @ root.T, rng.normal(size=4))
    draws = np.array([belief.draw(rng) for _ in range(DRAWS)])
    along = rng.normal(size=4)
    mean, variance = belief.predict(along[None])
    assert kstest((draws @ along - mean) / np.sqrt(variance), "norm").pvalue > 1e-4
    nowhere = np.linalg.svd(np.column_stack([root, belief.lean]))[0][:, -1]
    np.testing.assert_allclose((draws - belief.mean) @ nowhere, 0, atol=1e-6)
