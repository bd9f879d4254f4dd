"""Attention in a learned metric: what is attended to, what is hidden, and what a task's trials tell of it."""

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from forerun.checks.world import Example, example, history
from forerun.metadata import MetaDataset
from forerun.metalearners import Context
from forerun.metalearners.attention import Attention, Prototypes, Tried
from forerun.metalearners.head import canonical
from forerun.metalearners.metric import Metric
from forerun.metalearners.prototypes import PROTOTYPES, prototypes, spread
from forerun.metalearners.trunk import Trials

pytestmark = pytest.mark.slow  # models are trained, or many stores made


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def meta() -> MetaDataset:
    return canonical(history(tasks=10, trials=30))


@pytest.fixture(scope="module")
def task() -> Example:
    return example(np.random.default_rng(5), 40)


@pytest.fixture(scope="module")
def learner(meta: MetaDataset) -> Metric:
    return Metric(units=24).fit(meta)


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def problem() -> tuple[Attention, Prototypes, Tried, torch.Tensor, torch.Tensor]:
    """Two tasks with four trials, of which the second has but two; five prototypes, one hidden from the first task."""
    net = Attention(3, 2, 8, 4, torch.Generator().manual_seed(0))
    weight = torch.zeros(2, 5, dtype=torch.float64)
    weight[0, 3] = -torch.inf
    known = Prototypes(drawn(5, 4, seed=1), drawn(5, seed=2), weight)
    seen = torch.tensor([[True] * 4, [True, True, False, False]])
    context = Tried(drawn(2, 4, 3, seed=3), drawn(2, 4, seed=4), seen, torch.zeros_like(seen))
    return net, known, context, drawn(2, 2, seed=5), drawn(2, 6, 3, seed=6)


def test_attention_sums_to_one_and_sees_nothing_that_is_hidden() -> None:
    net, known, context, c, z = problem()
    w = net.weights(known, context, net.code(context, c), z).detach()
    np.testing.assert_allclose(w.sum(dim=-1), 1.0)
    assert (w >= 0).all()
    assert (w[0, :, 3] == 0).all()
    assert (w[1, :, 3] > 0).all()
    assert (w[1, :, 5 + 2 :] == 0).all()


def test_attention_is_the_softmax_of_squared_distances() -> None:
    net, known, context, c, z = problem()
    tau = net.code(context, c)
    found = net.weights(known, context, tau, z).detach().numpy()[1]
    e, own = (net.embed(part, tau).detach().numpy()[1] for part in (z, context.z))
    for q, row in enumerate(found):
        old = np.exp(-0.5 * ((e[q] - known.e.numpy()) ** 2).sum(axis=1))
        new = np.exp(float(net.bonus.detach()) - 0.5 * ((e[q] - own[:2]) ** 2).sum(axis=1))
        expected = np.concatenate([old, new]) / (old.sum() + new.sum())
        np.testing.assert_allclose(row[:7], expected)


def test_the_mean_and_spread_are_those_of_what_is_attended_to() -> None:
    net, known, context, c, z = problem()
    w = net.weights(known, context, net.code(context, c), z).detach().numpy()[0]
    values = np.concatenate([known.y, context.y[0]])
    mean, doubt = (part.detach().numpy()[0] for part in net(known, context, c, z))
    np.testing.assert_allclose(mean, w @ values)
    spread_of = np.einsum("qk,qk->q", w, (values - mean[:, None]) ** 2)
    strange = w[:, :5].sum(axis=1)
    np.testing.assert_allclose(
        doubt, np.exp(float(net.log_spread.detach())) * spread_of + np.exp(float(net.log_doubt.detach())) * strange
    )


def test_its_slopes_are_those_of_finite_differences() -> None:
    net, known, context, c, z = problem()

    def likelihood(y: torch.Tensor, z: torch.Tensor, first: torch.Tensor) -> torch.Tensor:
        moved = dict(net.named_parameters()) | {"first": first}
        mean, doubt = torch.func.functional_call(net, moved, (known, context._replace(y=y), c, z))
        return (torch.log(net.noise + doubt) + mean**2 / (net.noise + doubt)).sum()

    inputs = [part.detach().clone().requires_grad_() for part in (context.y, z, net.first)]
    assert torch.autograd.gradcheck(likelihood, inputs)


def test_a_task_is_known_by_its_trials_in_any_order_and_by_its_features_without_any() -> None:
    net, _, context, c, _ = problem()
    order = torch.tensor([2, 0, 3, 1])
    turned = Tried(*(part[:, order] for part in context))
    np.testing.assert_allclose(net.code(context, c).detach(), net.code(turned, c).detach())
    worse = context._replace(y=context.y + 1)
    assert (net.code(context, c) - net.code(worse, c)).abs().max() > 0.01
    nothing = net.code(context._replace(seen=torch.zeros_like(context.seen)), c).detach()
    np.testing.assert_array_equal(nothing, torch.cat([c, torch.zeros(2, nothing.shape[1] - 2).double()], dim=1))


def test_a_failed_trial_is_attended_to_less() -> None:
    net, known, context, c, z = problem()
    failed = context.seen & (torch.arange(4) == 0)
    tau = net.code(context, c)
    before, after = (net.weights(known, part, tau, z)[:, :, 5] for part in (context, context._replace(failed=failed)))
    assert (after < before).all()


def test_prototypes_are_few_go_from_the_best_to_the_worst_and_are_hidden_from_their_family(
    learner: Metric, meta: MetaDataset
) -> None:
    support = spread(meta)
    assert support.rows.numel() <= PROTOTYPES
    for t, (rows, real) in enumerate(zip(support.rows.numpy(), support.real.numpy(), strict=True)):
        mine = np.flatnonzero(meta.task == t)
        y = meta.y[rows[real]]
        assert set(rows) <= set(mine)
        assert (np.diff(y) >= 0).all()
        assert (y.min(), y.max()) == (meta.y[mine].min(), meta.y[mine].max())
    C = np.array([learner.place_.of(row)[0] for row in meta.features])
    trials = Trials(meta, C, columns=64, jitter=0.0)
    found = prototypes(learner.net_, meta, trials, support, torch.tensor([0, 5]))
    families = np.array(meta.families)[meta.task[support.rows.flatten().numpy()]]
    for b, t in enumerate((0, 5)):
        hidden = np.isneginf(found.weight[b].detach().numpy())
        own = families == meta.families[t]
        np.testing.assert_array_equal(hidden, own | ~support.real.flatten().numpy())


def test_a_target_that_reverses_the_history_is_soon_taken_for_what_it_is(learner: Metric) -> None:
    rng, shares = np.random.default_rng(2), {}
    for reverse in (False, True):
        tasks = [example(rng, 12, reverse=reverse) for _ in range(5)]
        shares[reverse] = np.mean([learner.adapt(Context(t.features, t.X, t.loss)).shares[1] for t in tasks])
    # ten tasks teach little, and are not believed as much as more would be
    assert shares[True] > 0.9
    assert shares[True] > shares[False] + 0.3


def test_what_is_predicted_where_the_history_is_believed_is_attention(learner: Metric, task: Example) -> None:
    surrogate = learner.adapt(Context.empty(task.features, task.X.shape[1]))
    said = surrogate.points(task.X).said.numpy()
    np.testing.assert_allclose(surrogate.predict(task.X).mean, surrogate.shares[0] * said)


def test_it_clearly_beats_its_untrained_self(
    learner: Metric, meta: MetaDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On new tasks, after three trials."""
    rng = np.random.default_rng(3)
    tasks = [example(rng, 60) for _ in range(10)]

    def correlation(learner: Metric) -> float:
        contexts = [Context(t.features, t.X[:3], t.loss[:3]) for t in tasks]
        means = [learner.adapt(c).predict(t.X).mean for c, t in zip(contexts, tasks, strict=True)]
        return float(np.mean([spearmanr(m, t.z).statistic for m, t in zip(means, tasks, strict=True)]))

    monkeypatch.setattr("forerun.metalearners.metric.STEPS", (1, 1))
    assert correlation(learner) > correlation(Metric(units=24).fit(meta)) + 0.05
