"""The quadratic meta-learner learns what a linear one cannot, and its surrogate says what it is made of."""

import numpy as np
import pytest

from forerun.checks.world import Example, example, history
from forerun.metadata import MetaDataset
from forerun.metalearners import Context, Interactions, Linear
from forerun.metalearners.quadratic import Products, QuadraticSurrogate
from forerun.space import Quadratic


@pytest.fixture(scope="module")
def meta() -> MetaDataset:
    return history()


@pytest.fixture(scope="module")
def task() -> Example:
    return example(np.random.default_rng(99), 60)


@pytest.fixture(scope="module")
def surrogate(meta: MetaDataset, task: Example) -> QuadraticSurrogate:
    return Interactions().fit(meta).adapt(Context(task.features, task.X[:5], task.loss[:5]))


def value(surrogate: Quadratic, X: np.ndarray) -> np.ndarray:
    (A, a), Q, q, c = surrogate.quadratic()
    np.testing.assert_array_equal(Q, Q.T)
    z = X @ A + a
    return np.asarray(((z @ Q) * z).sum(axis=1) + z @ q + c)


def test_the_surrogates_mean_is_the_quadratic_score_that_it_tells(surrogate: QuadraticSurrogate, task: Example) -> None:
    assert isinstance(surrogate, Quadratic)
    np.testing.assert_allclose(value(surrogate, task.X), surrogate.predict(task.X).mean, atol=1e-9)


def test_a_draw_is_quadratic_too(surrogate: QuadraticSurrogate, task: Example) -> None:
    drawn = surrogate.draw(np.random.default_rng(0))
    np.testing.assert_allclose(value(drawn, task.X), drawn.predict(task.X).mean, atol=1e-9)
    assert np.abs(value(drawn, task.X) - value(surrogate, task.X)).max() > 0.01


def test_the_basis_is_a_constant_the_components_and_their_products_of_unit_variance() -> None:
    X = np.random.default_rng(0).normal(size=(500, 6))
    basis = Products.fit(X, columns=4, products=3)
    Phi = basis.of(X)
    c = basis.components.of(X)
    assert Phi.shape == (500, 1 + 4 + 6)
    np.testing.assert_allclose(Phi[:, 5:].mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(Phi[:, 5:].std(axis=0), 1)
    assert np.corrcoef(Phi[:, 6], c[:, 0] * c[:, 1])[0, 1] == pytest.approx(1)


def test_without_products_it_is_the_linear_one(meta: MetaDataset, task: Example) -> None:
    context = Context(task.features, task.X[:5], task.loss[:5])
    said = Interactions(products=0).fit(meta).adapt(context).predict(task.X)
    linear = Linear().fit(meta).adapt(context).predict(task.X)
    np.testing.assert_allclose(said.mean, linear.mean, atol=1e-9)
    np.testing.assert_allclose(said.std, linear.std, atol=1e-9)
