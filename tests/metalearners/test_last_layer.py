"""Features trained by the marginal likelihoods of tasks, and the exact update of their last layer."""

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal, spearmanr

from forerun.checks.world import example, history
from forerun.metadata import MetaDataset
from forerun.metalearners import Context
from forerun.metalearners.body import bags, task_coordinates
from forerun.metalearners.components import CUT
from forerun.metalearners.head import canonical
from forerun.metalearners.last_layer import LastLayer, Learned, Prior, joined, learn
from forerun.metalearners.likelihood import low_rank
from forerun.metalearners.shallow import Settings
from forerun.metalearners.trunk import Trials, batches, shares

pytestmark = pytest.mark.slow  # models are trained

SMALL = Settings(members=2, units=12)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def meta() -> MetaDataset:
    return canonical(history(tasks=10, trials=30))


@pytest.fixture(scope="module")
def learned(meta: MetaDataset) -> Learned:
    return learn(meta, task_coordinates(meta, SMALL).cut(meta.features), SMALL, 4)


def problem(b: int = 7, p: int = 3) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    Phi, r = (torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in ((2, b, p), (2, b)))
    return Phi, r, 0.1 + torch.rand(2, b, generator=generator, dtype=torch.float64)


def test_the_marginal_likelihood_is_that_of_the_multivariate_normal_distribution() -> None:
    Phi, r, noise = problem()
    for i, found in enumerate(low_rank(Phi, r, noise)):
        K = Phi[i] @ Phi[i].T + torch.diag(noise[i])
        assert float(found) == pytest.approx(multivariate_normal(np.zeros(7), K.numpy()).logpdf(r[i].numpy()))


def test_its_gradient_is_that_of_finite_differences() -> None:
    inputs = [part.requires_grad_() for part in problem()]
    assert torch.autograd.gradcheck(low_rank, inputs)


def test_repeats_that_fill_up_a_task_do_not_count() -> None:
    prior = Prior(2)
    outputs = torch.randn(2, 1, 5, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    y, failed = outputs[0, :, :, 1], torch.zeros(1, 5, dtype=torch.bool)
    real = torch.tensor([[True, True, True, False, False]])
    padded = prior.evidence(outputs, y, failed, real)
    alone = prior.evidence(outputs[:, :, :3], y[:, :3], failed[:, :3], real[:, :3])
    constant = -0.5 * 2 * np.log(2 * np.pi * 1e9)
    np.testing.assert_allclose(padded.detach(), alone.detach() + constant, atol=1e-6)


def test_a_failed_trial_tells_less() -> None:
    prior = Prior(1)
    outputs = torch.zeros(1, 1, 1, 2, dtype=torch.float64)
    far, real = torch.full((1, 1), 3.0, dtype=torch.float64), torch.ones(1, 1, dtype=torch.bool)
    assert prior.evidence(outputs, far, real, real) > prior.evidence(outputs, far, ~real, real)


def test_it_clearly_beats_its_untrained_self(meta: MetaDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """On new tasks, after three trials."""
    rng = np.random.default_rng(3)
    tasks = [example(rng, 60) for _ in range(10)]

    def correlation() -> float:
        learner = LastLayer(SMALL).fit(meta)
        contexts = [Context(t.features, t.X[:3], t.loss[:3]) for t in tasks]
        means = [learner.adapt(c).predict(t.X).mean for c, t in zip(contexts, tasks, strict=True)]
        return float(np.mean([spearmanr(m, t.z).statistic for m, t in zip(means, tasks, strict=True)]))

    trained = correlation()
    monkeypatch.setattr("forerun.metalearners.last_layer.STEPS", (1, 1))
    assert trained > correlation() + 0.05


def test_joined_features_have_the_mean_of_the_members_kernels(learned: Learned, meta: MetaDataset) -> None:
    members, units, p = learned.V.shape
    hidden = learned.ensemble.hidden(meta.X, np.zeros(learned.ensemble.B.shape[0]))
    found = joined(learned.V, hidden, members * p).of(hidden)
    centred = (hidden - hidden.mean(axis=0)).reshape(len(hidden), members, units)
    each = [centred[:, m] @ learned.V[m] for m in range(members)]
    np.testing.assert_allclose(found @ found.T, sum(e @ e.T for e in each) / members, atol=1e-8)


def test_adapting_is_bayesian_linear_regression(meta: MetaDataset) -> None:
    """Of times, whose offset and unit are known and which have but one hypothesis, by the formula of the books."""
    learner = LastLayer(SMALL, units=4).fit(meta.for_seconds())
    task = example(np.random.default_rng(5), 40)
    k, y = 12, np.log10(task.seconds)
    head = learner.head_
    c = head.coordinates.of(task.features)
    coordinates = learner.body_.tasks.cut(task.features[None])[0]
    Phi = learner.body_.basis(task.X, coordinates)
    D = head.hierarchy.covariance(c)
    s2 = head.hierarchy.variances.noise
    covariance = np.linalg.inv(np.linalg.inv(D) + Phi[:k].T @ Phi[:k] / s2)
    w = covariance @ (np.linalg.solve(D, head.hierarchy.weights(c)) + Phi[:k].T @ y[:k] / s2)
    found = learner.adapt(Context(task.features, task.X[:k], y[:k])).predict(task.X)
    np.testing.assert_allclose(found.mean, Phi @ w, atol=1e-6)
    std = head.temperature * np.sqrt(np.einsum("ni,ij,nj->n", Phi, covariance, Phi) + s2)
    np.testing.assert_allclose(found.std, std, atol=1e-6)


def test_no_member_learns_from_its_own_bag_and_every_task_teaches_some(meta: MetaDataset) -> None:
    bag = bags(meta, SMALL)
    share = shares(meta, bag, SMALL.members)
    assert (share[torch.from_numpy(bag), torch.from_numpy(meta.task)] == 0).all()
    assert (share > 0).any(dim=0).all()


def test_every_trial_of_a_task_has_a_chance_and_none_is_drawn_twice(meta: MetaDataset) -> None:
    generator = torch.Generator().manual_seed(0)
    seen = set()
    for batch in batches(meta, 20, 30, generator):
        for t, rows in zip(batch.tasks, batch.rows, strict=True):
            assert (meta.task[rows.numpy()] == int(t)).all()
            assert len(set(rows.tolist())) == len(rows)
            seen |= set(rows.tolist())
    assert len(seen) == len(meta)


def test_all_trials_of_a_task_see_its_coordinates_moved_alike(meta: MetaDataset) -> None:
    generator = torch.Generator().manual_seed(0)
    trials = Trials(meta, np.clip(meta.features, -CUT, CUT), columns=8, jitter=0.5)
    (batch,) = batches(meta, 10, 1, generator)
    c = trials.seen(batch, generator)[..., -meta.features.shape[1] :]
    assert (c == c[:, :1]).all()
    assert (c[:, 0] != trials.c[batch.tasks]).all()
