"""MAML agrees with closed forms, and adapting is the gradient steps that it says it is."""

from functools import partial

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from forerun.checks.world import Example, example, history
from forerun.metalearners import Context
from forerun.metalearners.levels import Voice
from forerun.metalearners.maml import RESERVE, TENSORS, Maml, descend, forward, stacked

pytestmark = pytest.mark.slow  # models are trained

RATE = 0.2


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def learner() -> Maml:
    return Maml().fit(history(tasks=16, trials=40))


@pytest.fixture(scope="module")
def tasks() -> list[Example]:
    rng = np.random.default_rng(99)
    return [example(rng, 60) for _ in range(12)]


class Quadratic:
    """Where only the output weights v adapt, both losses are quadratic in them: everything has a closed form."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        k, i, H = 6, 4, 5
        draw = partial(torch.randn, generator=generator, dtype=torch.float64)
        self.theta = {"A": draw(i, H), "a": draw(H), "v": draw(H), "level": draw(())}
        self.x, self.y, self.asked, self.true = draw(k, i), draw(k), draw(7, i), draw(7)
        self.rate = {name: torch.tensor(RATE if name == "v" else 0.0, dtype=torch.float64) for name in TENSORS}

    def hidden(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x @ self.theta["A"] + self.theta["a"])

    def closed(self, steps: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The adapted v, and its derivative for the one to start with: v' = (1 - rate H) v + rate g."""
        k = len(self.y)
        U, center = self.hidden(self.x), torch.eye(k, dtype=torch.float64) - 1 / k
        curvature = 2 / (k + RESERVE) * U.T @ center @ U
        pull = 2 / (k + RESERVE) * U.T @ center @ self.y
        v, derivative = self.theta["v"], torch.eye(len(curvature), dtype=torch.float64)
        for _ in range(steps):
            v = v - RATE * (curvature @ v - pull)
            derivative = derivative - RATE * curvature @ derivative
        return v, derivative

    def slope(self, v: torch.Tensor) -> torch.Tensor:
        """Of the outer loss, where the output weights are v."""
        U = self.hidden(self.asked)
        return 2 * U.T @ (U @ v + self.theta["level"] - self.true)

    def meta_gradient(self, steps: int, first_order: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """The adapted v, and the outer gradient for the one to start with, as MAML finds them."""
        v = self.theta["v"].clone().requires_grad_()
        ones = torch.ones_like(self.y)
        adapt = partial(descend, steps=steps, first_order=first_order, floats=True)
        adapted = adapt(self.theta | {"v": v}, self.rate, self.x, self.y, ones, ones)
        outer = ((forward(adapted, self.asked) - self.true) ** 2).sum()
        return adapted["v"].detach(), torch.autograd.grad(outer, v)[0]


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_the_second_order_meta_gradient_agrees_with_the_closed_form(steps: int) -> None:
    problem = Quadratic()
    v, derivative = problem.closed(steps)
    adapted, found = problem.meta_gradient(steps, first_order=False)
    torch.testing.assert_close(adapted, v)
    torch.testing.assert_close(found, derivative.T @ problem.slope(v))


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_the_first_order_meta_gradient_is_the_slope_at_the_adapted_weights_and_differs(steps: int) -> None:
    problem = Quadratic()
    v, derivative = problem.closed(steps)
    adapted, found = problem.meta_gradient(steps, first_order=True)
    torch.testing.assert_close(adapted, v)
    torch.testing.assert_close(found, problem.slope(v))
    second = derivative.T @ problem.slope(v)
    assert (found - second).norm() > 0.1 * second.norm()


def test_adapting_is_the_gradient_steps_that_are_documented(learner: Maml, tasks: list[Example]) -> None:
    task = tasks[0]
    losses = task.loss[:6].copy()
    losses[2] = np.nan
    context = Context(task.features, task.X[:6], losses)
    trials = learner.levels_.tell(Voice(learner.body_), context).trials
    x, y, c = (t[0].numpy() for t in (trials.x, trials.y, trials.c))
    finished = np.isfinite(losses)
    start, adapted = stacked(learner.body_.ensemble), stacked(learner.adapt(context).body.ensemble)
    for m in range(learner.settings.members):
        A, a, v, level = (start[name][m] for name in TENSORS)
        a = a + c @ start["B"][m]
        for _ in range(learner.steps):
            u = np.maximum(x @ A + a, 0)
            residual = u @ v + level - y
            # the offset of finished trials is unknown; a failed one is bad in absolute terms
            residual = residual - finished * residual[finished].mean()
            pull = 2 * (residual - finished * residual[finished].mean()) / (6 + RESERVE)
            back = (pull[:, None] * v) * (u > 0)
            steps = {"A": x.T @ back, "a": back.sum(axis=0), "v": u.T @ pull, "level": pull.sum()}
            rates = {name: learner.own_[name][m] for name in TENSORS}
            A, a, v, level = (old - rates[n] * steps[n] for n, old in zip(TENSORS, (A, a, v, level), strict=True))
        expected = {"A": A, "a": a - c @ start["B"][m], "v": v, "level": level}
        for name, value in expected.items():
            np.testing.assert_allclose(adapted[name][m], value, atol=1e-10)
        assert np.abs(adapted["v"][m] - start["v"][m]).max() > 0.001


def test_without_inner_steps_the_network_learns_nothing_from_trials_and_with_them_it_does(
    learner: Maml, tasks: list[Example]
) -> None:
    assert ranks(learner, tasks, 10) > ranks(learner, tasks, 0) + 0.03
    still = Maml(steps=0).fit(history(tasks=16, trials=40))
    assert ranks(still, tasks, 10) == ranks(still, tasks, 0)


def ranks(learner: Maml, tasks: list[Example], trials: int) -> float:
    """Rank correlation of what the networks alone say after so many trials, without the head."""
    found = []
    for task in tasks:
        surrogate = learner.adapt(Context(task.features, task.X[:trials], task.loss[:trials]))
        net = surrogate.body.ensemble
        said = net.outputs(net.hidden(task.X[10:], surrogate.coordinates)).mean(axis=1)
        found.append(spearmanr(said, task.z[10:]).statistic)
    return float(np.mean(found))


def test_first_order_learns_another_start(learner: Maml) -> None:
    other = Maml(first_order=True).fit(history(tasks=16, trials=40))
    assert np.abs(other.body_.ensemble.v - learner.body_.ensemble.v).max() > 0.001


def test_the_head_is_told_of_each_trial_what_networks_say_that_did_not_read_it(
    learner: Maml, tasks: list[Example]
) -> None:
    for k in (1, 5, 30):
        context = Context(tasks[1].features, tasks[1].X[:k], tasks[1].loss[:k])
        told = learner.levels_.tell(Voice(learner.body_), context)
        seen = told.trials.seen.numpy()
        assert seen[0].all()
        np.testing.assert_array_equal(seen[1:] == 0, np.arange(len(seen) - 1)[:, None] == told.part)
        assert len(seen) - 1 == min(k, 8)


def test_a_larger_context_asks_the_head_of_its_size(learner: Maml, tasks: list[Example]) -> None:
    task, heads = tasks[0], learner.levels_.heads
    contexts = {k: Context(task.features, task.X[:k], task.loss[:k]) for k in (0, 2, 3, 8, 9, 40)}
    noise = {k: learner.adapt(context).noise for k, context in contexts.items()}
    expected = {0: 0, 2: 0, 3: 3, 8: 3, 9: 9, 40: 9}
    assert noise == {k: heads[size].hierarchy.variances.noise for k, size in expected.items()}
