"""A meta-learned kernel: its likelihood, its slopes, and exact conditioning on a target's trials."""

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal, spearmanr

from forerun.checks.world import Example, example, history
from forerun.metadata import MetaDataset
from forerun.metalearners import Context
from forerun.metalearners.deep_kernel import DeepKernel
from forerun.metalearners.likelihood import full_rank, noises
from forerun.metalearners.process import Points, Process, matern
from forerun.metalearners.shallow import Settings

pytestmark = pytest.mark.slow  # models are trained, or many stores made

SMALL = Settings(members=2, units=12, gap=0.0)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def meta() -> MetaDataset:
    return history(tasks=10, trials=30)


@pytest.fixture(scope="module")
def task() -> Example:
    return example(np.random.default_rng(5), 40)


@pytest.fixture(scope="module")
def clock(meta: MetaDataset) -> DeepKernel:
    return DeepKernel(SMALL).fit(meta.for_seconds())


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_marginal_likelihood_is_that_of_the_multivariate_normal_distribution() -> None:
    e, r = drawn(2, 6, 3), drawn(2, 6, seed=1)
    noise = 0.1 + drawn(2, 6, seed=2) ** 2
    for i, found in enumerate(full_rank(matern(e, e), r, noise)):
        K = matern(e[i], e[i]) + torch.diag(noise[i])
        assert float(found) == pytest.approx(multivariate_normal(np.zeros(6), K.numpy()).logpdf(r[i].numpy()))


def test_its_slopes_are_those_of_finite_differences() -> None:
    def likelihood(e: torch.Tensor, r: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        return full_rank(matern(e, e), r, noise)

    inputs = drawn(2, 5, 3), drawn(2, 5, seed=1), 0.1 + drawn(2, 5, seed=2) ** 2
    assert torch.autograd.gradcheck(likelihood, [part.requires_grad_() for part in inputs])


def test_the_kernel_is_the_matern_kernel_of_scikit_learn_and_has_a_slope_everywhere() -> None:
    from sklearn.gaussian_process.kernels import Matern

    e = drawn(8, 3)
    np.testing.assert_allclose(matern(e, e), Matern(nu=2.5)(e.numpy()), atol=1e-7)
    same = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    torch.autograd.backward(matern(same, same).sum())
    assert same.grad is not None
    assert torch.isfinite(same.grad).all()


def test_what_does_not_count_has_no_say() -> None:
    e, r = drawn(1, 5, 2), drawn(1, 5, seed=1)
    one, failed = torch.tensor(0.2, dtype=torch.float64), torch.zeros(1, 5, dtype=torch.bool)
    real = torch.tensor([[True, True, True, False, False]])
    padded = full_rank(matern(e, e), r, noises(one, one, failed, real))
    alone = full_rank(matern(e, e)[:, :3, :3], r[:, :3], noises(one, one, failed, real)[:, :3])
    assert float(padded - alone) == pytest.approx(-np.log(2 * np.pi * 1e9), abs=1e-6)


def test_the_covariance_of_a_process_is_the_sum_of_its_parts() -> None:
    points = Points(drawn(3, 4, 2), drawn(4, seed=1), drawn(4, 5, seed=2))
    a, t, s, length = (torch.tensor(v, dtype=torch.float64) for v in (0.7, 0.2, 0.1, 1.5))
    believed, not_believed = (Process(a, t, s, length, believed=b) for b in (True, False))
    shared = 0.2 * torch.outer(points.said, points.said) + 0.1
    mean = sum(matern(e / 1.5, e / 1.5) for e in points.e) / 3
    np.testing.assert_allclose(believed.covariance(points, points), 0.7 * mean + shared)
    plain = 0.7 * matern(points.z / 1.5, points.z / 1.5) + shared
    np.testing.assert_allclose(not_believed.covariance(points, points), plain)
    for process, K in ((believed, 0.7 * mean + shared), (not_believed, plain)):
        np.testing.assert_allclose(process.variance(points), torch.diag(K))
    np.testing.assert_array_equal(believed.mean(points), points.said)
    assert (not_believed.mean(points) == 0).all()


def test_adapting_is_gaussian_process_regression(clock: DeepKernel, task: Example) -> None:
    """Of times, whose offset and unit are known and which have but one hypothesis, by the formula of the books."""
    k, y = 12, np.log10(task.seconds)
    prior = clock.adapt(Context.empty(task.features, task.X.shape[1]))
    points = prior.points(task.X)
    K = prior.processes[0].covariance(points, points).numpy()
    m = points.said.numpy() + prior.offset
    known = np.linalg.solve(K[:k, :k] + prior.noise * np.eye(k), np.column_stack([y[:k] - m[:k], K[:k]]))
    found = clock.adapt(Context(task.features, task.X[:k], y[:k]))
    prediction = found.predict(task.X)
    np.testing.assert_allclose(prediction.mean, m + K[:, :k] @ known[:, 0], atol=1e-8)
    variance = np.diag(K) - np.einsum("nk,kn->n", K[:, :k], known[:, 1:])
    np.testing.assert_allclose(prediction.std, found.temperature * np.sqrt(variance + prior.noise), atol=1e-8)


def test_failed_trials_say_nothing_about_times(clock: DeepKernel, task: Example) -> None:
    failed = clock.adapt(Context(task.features, task.X[:3], np.full(3, np.nan)))
    before = clock.adapt(Context.empty(task.features, task.X.shape[1]))
    np.testing.assert_array_equal(failed.predict(task.X).mean, before.predict(task.X).mean)


def test_a_target_that_reverses_the_history_is_soon_taken_for_what_it_is(meta: MetaDataset) -> None:
    learner, rng = DeepKernel(SMALL).fit(meta), np.random.default_rng(2)
    shares = {}
    for reverse in (False, True):
        tasks = [example(rng, 12, reverse=reverse) for _ in range(5)]
        shares[reverse] = np.mean([learner.adapt(Context(t.features, t.X, t.loss)).shares[1] for t in tasks])
    assert shares[False] < 0.3
    assert shares[True] > 0.5


def test_it_clearly_beats_its_untrained_self(meta: MetaDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """On new tasks, after three trials."""
    rng = np.random.default_rng(3)
    tasks = [example(rng, 60) for _ in range(10)]

    def correlation() -> float:
        learner = DeepKernel(SMALL).fit(meta)
        contexts = [Context(t.features, t.X[:3], t.loss[:3]) for t in tasks]
        means = [learner.adapt(c).predict(t.X).mean for c, t in zip(contexts, tasks, strict=True)]
        return float(np.mean([spearmanr(m, t.z).statistic for m, t in zip(means, tasks, strict=True)]))

    trained = correlation()
    monkeypatch.setattr("forerun.metalearners.deep_kernel.STEPS", (1, 1))
    assert trained > correlation() + 0.05
