"""The promises of learned optimizers. Each takes a rule with its weights, and raises PromiseBroken."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from forerun.checks.broken import require
from forerun.optimizers import Learned, Trained

Promise = Callable[[Trained], None]
GRADIENTS = 12
"""Steps along made-up gradients."""
PRACTISED = 200
"""Steps of the trainings that rules are practised on, at most."""


def same_seed_same_result(trained: Trained) -> None:
    """Trained twice from one start, a network ends at the same parameters."""
    one, two = (_trained_network(trained)[0] for _ in range(2))
    require(torch.equal(one, two), "the same start and the same data must give the same parameters")


def its_size_does_not_depend_on_the_model(trained: Trained) -> None:
    """The same weights move ten parameters and ten thousand; parameters that are there twice move as if once."""
    few = _updates(trained, _gradients(10))
    many = _updates(trained, _gradients(10).repeat(1, 1_000))
    require(few.shape == (GRADIENTS, 10), f"updates must be as many as parameters, 10; got {few.shape[1]}")
    gap = (many.view(GRADIENTS, 1_000, 10) - few[:, None]).abs().max().item()
    require(gap < 1e-5, f"copies of parameters must move as the parameters alone; they are {gap:.1e} apart")


def permuted_parameters_permute_updates(trained: Trained) -> None:
    """The order in which parameters stand does not matter."""
    gradients, order = _gradients(50), torch.randperm(50, generator=torch.Generator().manual_seed(1))
    gap = (_updates(trained, gradients[:, order]) - _updates(trained, gradients)[:, order]).abs().max().item()
    require(gap < 1e-6, f"updates of permuted parameters must be the permuted updates; they are {gap:.1e} apart")


def the_unit_of_the_loss_changes_nothing(trained: Trained) -> None:
    """A loss a million times as large, or as small, gives the same updates."""
    gradients = _gradients(50)
    known = _updates(trained, gradients)
    for factor in (1e6, 1e-6):
        gap = (_updates(trained, gradients * factor) - known).abs().max().item()
        require(
            gap < 1e-5, f"updates must stay as they are when the loss is times {factor:g}; they are {gap:.1e} apart"
        )


def a_parameter_without_a_gradient_stays(trained: Trained) -> None:
    """A gradient of zero from the first step on moves nothing."""
    gradients = _gradients(50)
    gradients[:, 7] = 0.0
    moved = _updates(trained, gradients)[:, 7].abs().max().item()
    require(moved == 0.0, f"a parameter whose gradient is zero must stay; it moved by {moved:g}")


def minimises_a_quadratic_and_stays_there(trained: Trained) -> None:
    """An easy quadratic falls to a hundredth, never rises to ten times its start, and stays low four times as long."""
    curvature = torch.logspace(-1, 0, 20)
    x = nn.Parameter(torch.ones(20))
    optimizer, losses = Learned([x], trained), []
    for _ in range(4 * PRACTISED):
        loss = (curvature * x.square()).sum()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    start, end = losses[0], max(losses[-PRACTISED:])
    require(max(losses) < 10 * start, f"a quadratic must not diverge; from {start:.3g} it rose to {max(losses):.3g}")
    require(end < 0.01 * start, f"a quadratic must end below a hundredth of {start:.3g}; it ended at {end:.3g}")


def trains_a_small_network(trained: Trained) -> None:
    """In as many steps as it practised, a network's loss falls below a thirtieth."""
    _, losses = _trained_network(trained)
    start, end = losses[0], sum(losses[-10:]) / 10
    require(
        end < start / 30,
        f"the loss of a small network must fall below a thirtieth of {start:.3g}; it ended at {end:.3g}",
    )


OPTIMIZER_PROMISES: dict[str, Promise] = {
    promise.__name__: promise
    for promise in (
        same_seed_same_result,
        its_size_does_not_depend_on_the_model,
        permuted_parameters_permute_updates,
        the_unit_of_the_loss_changes_nothing,
        a_parameter_without_a_gradient_stays,
        minimises_a_quadratic_and_stays_there,
        trains_a_small_network,
    )
}


def _gradients(count: int) -> Tensor:
    """Gradients (GRADIENTS, count), partly noise."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(count, generator=generator) + torch.randn(GRADIENTS, count, generator=generator)


def _updates(trained: Trained, gradients: Tensor) -> Tensor:
    """What is added to parameters, step by step, of the shape of the gradients."""
    rule, state = trained.rule, trained.rule.begin(torch.ones_like(gradients[:1]))
    weights = rule.views(trained.weights)
    with torch.no_grad():
        return torch.cat([rule.update(weights, state, gradient[None]) for gradient in gradients])


def _trained_network(trained: Trained) -> tuple[Tensor, list[float]]:
    """Parameters after PRACTISED steps on a smooth function of two numbers, and the losses on the way."""
    generator = torch.Generator().manual_seed(0)
    X = torch.rand(128, 2, generator=generator) * 4 - 2
    y = torch.sin(X[:, :1]) + X[:, 1:] / 2
    layers = [nn.Linear(2, 16), nn.Linear(16, 1)]
    with torch.no_grad():
        for parameter in (p for layer in layers for p in layer.parameters()):
            parameter.copy_(torch.rand(parameter.shape, generator=generator) - 0.5)
    network = nn.Sequential(layers[0], nn.Tanh(), layers[1])
    optimizer, losses = Learned(network.parameters(), trained), []
    for _ in range(PRACTISED):
        loss = nn.functional.mse_loss(network(X), y)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    return torch.cat([p.detach().flatten() for p in network.parameters()]), losses
