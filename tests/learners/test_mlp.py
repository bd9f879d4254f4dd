import numpy as np
import pytest

from forerun.errors import TrainingError
from forerun.learners import LEARNERS
from forerun.learners.base import Outcome
from forerun.learners.joint import _draw, default_configuration, default_space
from forerun.learners.mlp import PER_MEMBER, Mlp, stack_key
from forerun.learners.optimizers import OPTIMIZERS
from forerun.space import SearchSpace
from forerun.tasks import Task


def stack(kind: str, size: int, seed: int) -> list[dict]:
    """A random architecture under `size` training settings, with as many optimizers and dropout rates."""
    space, rng = default_space(kind), np.random.default_rng(seed)
    first = _draw(space, rng, {"learner": "mlp", "mlp.epochs": 5})
    shape = {k: v for k, v in first.items() if k not in PER_MEMBER}
    return [_draw(space, rng, {**shape, "mlp.learning_rate": 0.01}) for _ in range(size)]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("seed", range(6))
def test_a_stack_equals_trainings_one_by_one(kind: str, seed: int, tasks: dict[str, Task]) -> None:
    configurations = stack(kind, 7, seed)
    seeds = list(range(7))
    together = Mlp().train_many(configurations, tasks[kind], seeds)
    for configuration, own_seed, one in zip(configurations, seeds, together, strict=True):
        alone = Mlp().train(configuration, tasks[kind], seed=own_seed)
        assert isinstance(one, Outcome)
        np.testing.assert_allclose(np.array(one.curve), np.array(alone.curve), atol=1e-5)
        X = tasks[kind].validation.X
        np.testing.assert_allclose(one.model.predict(X), alone.model.predict(X), rtol=1e-5)


def test_results_come_in_the_order_of_the_configurations_across_stacks(tasks: dict[str, Task]) -> None:
    mixed = [c for pair in zip(stack("binary", 3, 1), stack("binary", 3, 2), strict=True) for c in pair]
    assert len({stack_key(c) for c in mixed}) == 2
    together = Mlp().train_many(mixed, tasks["binary"], [4] * 6)
    for configuration, one in zip(mixed, together, strict=True):
        assert one.curve == Mlp().train(configuration, tasks["binary"], seed=4).curve


def test_a_diverging_member_fails_alone_and_its_curve_is_kept(tasks: dict[str, Task]) -> None:
    good = default_configuration("mlp", "regression") | {"mlp.epochs": 6}
    bad = {**good, "mlp.optimizer": "sgd", "mlp.learning_rate": 0.1, "mlp.momentum": 0.99, "mlp.weight_decay": 60.0}
    curves: list[list[tuple[int, float]]] = [[], []]
    reports = [lambda epoch, loss, i=i: curves[i].append((epoch, loss)) for i in range(2)]
    well, ill = Mlp().train_many([good, bad], tasks["regression"], [0, 0], reports=reports)
    assert isinstance(ill, TrainingError)
    assert "diverged at epoch" in str(ill)
    assert isinstance(well, Outcome)
    assert [epoch for epoch, _ in curves[0]] == [1, 2, 3, 4, 5, 6]
    assert len(curves[1]) < 6
    assert well.curve == Mlp().train(good, tasks["regression"]).curve


def test_report_is_called_once_an_epoch_with_the_loss_of_the_tasks_metric(tasks: dict[str, Task]) -> None:
    task, seen = tasks["binary"], []
    outcome = LEARNERS["mlp"].train(
        default_configuration("mlp", "binary"),
        task,
        fidelity=0.2,
        report=lambda epoch, loss: seen.append((epoch, loss)),
    )
    assert [epoch for epoch, _ in seen] == list(range(1, 9))
    assert tuple(seen) == outcome.curve
    final = task.metric.loss(task.metric.value(task.validation.y, outcome.model.predict(task.validation.X)))
    assert seen[-1][1] == final


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sgd", "adam", "adamw"])
def test_an_optimizer_moves_as_torchs_own_does(name: str) -> None:
    import torch

    start = torch.randn(1, 8, generator=torch.Generator().manual_seed(0))
    theirs = torch.nn.Parameter(start.clone())
    options = {"lr": 0.05, "weight_decay": 0.1} | ({"momentum": 0.9} if name == "sgd" else {})
    judge = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[name]([theirs], **options)
    ours = start.clone()
    rule = OPTIMIZERS[name](ours, torch.tensor([[0.1]]), torch.tensor([[0.9]]))
    for step in range(20):
        gradient = torch.sin(torch.arange(8.0) + step)[None]
        theirs.grad = gradient.clone()
        judge.step()
        rule.step(ours, gradient.clone(), torch.tensor([[0.05]]))
    torch.testing.assert_close(ours, theirs.data)


@pytest.mark.parametrize("normalisation", ["none", "layer", "batch"])
def test_the_network_computes_what_torchs_modules_compute(normalisation: str) -> None:
    import torch
    from torch import nn

    from forerun.learners.network import Architecture, Network

    architecture = Architecture(3, 2, (16, 16), "silu", normalisation, residual=True)
    flat = architecture.initial([torch.Generator().manual_seed(0)])
    parameters, statistics = architecture.views(flat), architecture.initial_statistics(1)
    norm = {"none": nn.Identity, "layer": lambda: nn.LayerNorm(16), "batch": lambda: nn.BatchNorm1d(16)}[normalisation]
    layers = [nn.Linear(3, 16), nn.Linear(16, 16), nn.Linear(16, 2)]
    norms = [norm().train(), norm().train()]
    for i, layer in enumerate(layers):
        layer.weight.data = parameters[f"weight_{i}"][0].T.clone()
        layer.bias.data = parameters[f"bias_{i}"][0, 0].clone()

    def judge(X: torch.Tensor) -> torch.Tensor:
        h = nn.functional.silu(norms[0](layers[0](X)))
        return layers[2](h + nn.functional.silu(norms[1](layers[1](h))))

    X = torch.randn(32, 3, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(architecture.scores(parameters, X[None], statistics, training=True)[0], judge(X))
    if normalisation == "batch":
        for module in norms:
            module.eval()
        # torch's running variance is the unbiased one, ours is not
        for i, (mean, _) in statistics.items():
            torch.testing.assert_close(mean[0, 0], norms[i].running_mean)
    else:
        torch.testing.assert_close(Network(architecture, parameters, statistics).scores(X), judge(X))


def test_a_learned_optimizer_needs_no_learning_rate_and_trains_beside_others(tasks: dict[str, Task]) -> None:
    offered = Mlp(tuple(OPTIMIZERS)).domains("multiclass")
    domains = {name: domain for name, (domain, _) in offered.items()}
    space = SearchSpace("mlp", domains, {name: condition for name, (_, condition) in offered.items()})
    rated = space.prune(dict(Mlp().defaults("multiclass")))
    learned = space.prune({**rated, "mlp.optimizer": "learned"})
    assert "mlp.learning_rate" in rated
    assert "mlp.learning_rate" not in learned
    space.check(learned)
    stacked = Mlp().train_many([rated, learned, learned], tasks["multiclass"], [0, 0, 1], fidelity=0.3)
    alone = Mlp().train(learned, tasks["multiclass"], seed=1, fidelity=0.3)
    np.testing.assert_allclose(np.array(stacked[2].curve), np.array(alone.curve), atol=1e-5)
    assert alone.curve[-1][1] < alone.curve[0][1]


def test_the_default_space_offers_the_optimizers_that_the_history_tried() -> None:
    domain, condition = Mlp().domains("binary")["mlp.optimizer"]
    assert domain.values == ("sgd", "adam", "adamw")
    assert not Mlp().domains("binary")["mlp.learning_rate"][1].parents
    assert not condition.parents
