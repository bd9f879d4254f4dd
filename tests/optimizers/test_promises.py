"""Every form of learned optimizer keeps every promise, and the promises catch rules that are broken."""

from dataclasses import replace

import pytest
import torch

from forerun.checks import PromiseBroken
from forerun.checks.optimizers import OPTIMIZER_PROMISES
from forerun.optimizers import RULES, Trained, load


@pytest.mark.slow
@pytest.mark.parametrize("promise", OPTIMIZER_PROMISES)
@pytest.mark.parametrize("name", RULES)
def test_every_form_keeps_its_promises(name: str, promise: str) -> None:
    torch.set_num_threads(1)
    OPTIMIZER_PROMISES[promise](load(name))


def shifted(name: str, magnitude: float) -> Trained:
    """An untrained rule whose steps are all larger or smaller."""
    rule = RULES[name]()
    weights = rule.initial(torch.Generator().manual_seed(0))
    rule.views(weights)["out_bias"][0, 0] = magnitude
    return Trained(rule, weights)


def test_steps_that_are_too_small_break_the_promise_to_train_a_network() -> None:
    with pytest.raises(PromiseBroken, match="small network"):
        OPTIMIZER_PROMISES["trains_a_small_network"](shifted("mlp", -5.0))


def test_a_rule_that_goes_uphill_breaks_the_promise_to_train_a_network() -> None:
    class Uphill(RULES["mlp"]):  # type: ignore[misc]
        def update(self, weights, state, gradient, block=None):
            return -super().update(weights, state, gradient, block)

    with pytest.raises(PromiseBroken, match="small network"):
        OPTIMIZER_PROMISES["trains_a_small_network"](replace(shifted("mlp", 0.0), rule=Uphill()))


def test_a_rule_that_sees_where_a_parameter_stands_breaks_the_promises_of_form() -> None:
    class Placed(RULES["mlp"]):  # type: ignore[misc]
        def update(self, weights, state, gradient, block=None):
            place = torch.arange(gradient.shape[1]) / gradient.shape[1]
            return super().update(weights, state, gradient, block) * (1 + place)

    broken = replace(shifted("mlp", 0.0), rule=Placed())
    for promise in ("permuted_parameters_permute_updates", "its_size_does_not_depend_on_the_model"):
        with pytest.raises(PromiseBroken, match="apart"):
            OPTIMIZER_PROMISES[promise](broken)


def test_a_rule_that_sees_the_size_of_the_gradient_breaks_the_promise_about_units() -> None:
    class Sized(RULES["mlp"]):  # type: ignore[misc]
        def update(self, weights, state, gradient, block=None):
            return super().update(weights, state, gradient, block) * gradient.abs().mean().clamp(0.1, 10)

    with pytest.raises(PromiseBroken, match="times"):
        OPTIMIZER_PROMISES["the_unit_of_the_loss_changes_nothing"](replace(shifted("mlp", 0.0), rule=Sized()))
