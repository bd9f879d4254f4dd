"""A learned optimizer is an ordinary optimizer of torch."""

import copy
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from forerun.errors import FormatError, SettingsError
from forerun.learners.optimizers import OPTIMIZERS
from forerun.optimizers import RULES, Learned, Trained, load, save
from forerun.optimizers.rule import SPREAD, STEP

FORMS = pytest.mark.parametrize("form", RULES)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def untrained(form: str, seed: int = 0, spread: float = 0.0) -> Trained:
    """A rule as it begins, which is Adam, or one that says something at random."""
    rule = RULES[form]()
    generator = torch.Generator().manual_seed(seed)
    weights = rule.initial(generator)
    return Trained(rule, weights + spread * torch.randn(weights.shape, generator=generator))


def parameters() -> list[nn.Parameter]:
    """A matrix, a vector and a number."""
    generator = torch.Generator().manual_seed(1)
    return [nn.Parameter(torch.randn(shape, generator=generator)) for shape in ((4, 3), (5,), ())]


def gradients(steps: int) -> Iterator[list[torch.Tensor]]:
    generator = torch.Generator().manual_seed(2)
    for _ in range(steps):
        yield [torch.randn(p.shape, generator=generator) + 0.5 for p in parameters()]


SIZE = SPREAD * torch.cat([p.detach().flatten() for p in parameters()]).abs().mean().item()


def walk(optimizer: torch.optim.Optimizer, moved: list[nn.Parameter], steps: int, begin: int = 0) -> None:
    for given in list(gradients(begin + steps))[begin:]:
        for parameter, gradient in zip(moved, given, strict=True):
            parameter.grad = gradient.clone()
        optimizer.step()


@FORMS
def test_a_rule_begins_as_adam_with_steps_in_sizes_of_the_parameters(form: str) -> None:
    ours, theirs = parameters(), parameters()
    walk(Learned(ours, untrained(form)), ours, 30)
    walk(torch.optim.Adam(theirs, lr=STEP * SIZE), theirs, 30)
    for one, two in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)


@FORMS
def test_parameters_in_another_unit_make_steps_in_that_unit(form: str) -> None:
    small, large, trained = parameters(), parameters(), untrained(form, spread=0.3)
    for parameter in large:
        parameter.data *= 8
    for moved in (small, large):
        walk(Learned(moved, trained), moved, 10)
    for one, two in zip(small, large, strict=True):
        torch.testing.assert_close(8 * one, two)


@FORMS
def test_a_training_that_is_saved_and_loaded_goes_on_as_if_never_stopped(form: str, tmp_path: Path) -> None:
    through, stopped, trained = parameters(), parameters(), untrained(form, spread=0.3)
    walk(Learned(through, trained), through, 12)
    first = Learned(stopped, trained)
    walk(first, stopped, 5)
    torch.save(first.state_dict(), tmp_path / "state.pt")
    second = Learned(stopped, trained)
    second.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    walk(second, stopped, 7, begin=5)
    for one, two in zip(through, stopped, strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=0)


def test_networks_in_a_stack_move_as_by_torchs_optimizer() -> None:
    start = torch.randn(1, 20, generator=torch.Generator().manual_seed(0))
    theirs = [nn.Parameter(piece.clone()) for piece in start[0].split([12, 8])]
    optimizer = Learned(theirs, "mlp", lr=0.5, weight_decay=0.1)
    rows = start.repeat(2, 1)
    rows[1] *= 3  # a companion, of which nothing must be seen
    stacked = OPTIMIZERS["learned"](rows, torch.full((2, 1), 0.1), torch.zeros(2, 1))
    for gradient in torch.randn(15, 20, generator=torch.Generator().manual_seed(1)):
        for parameter, piece in zip(theirs, gradient.split([12, 8]), strict=True):
            parameter.grad = piece.clone()
        optimizer.step()
        stacked.step(rows, torch.stack([gradient, -gradient]), torch.full((2, 1), 0.5))
    torch.testing.assert_close(rows[0], torch.cat([p.detach() for p in theirs]))


def test_the_state_of_another_form_is_refused() -> None:
    moved = parameters()
    with pytest.raises(FormatError, match="'lstm'"):
        Learned(moved, untrained("lstm")).load_state_dict(Learned(moved, untrained("mlp")).state_dict())


@FORMS
def test_groups_of_parameters_move_as_one_model(form: str) -> None:
    together, apart, trained = parameters(), parameters(), untrained(form, spread=0.3)
    walk(Learned(together, trained), together, 8)
    walk(Learned([{"params": apart[:1]}, {"params": apart[1:]}], trained), apart, 8)
    for one, two in zip(together, apart, strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=0)


def test_each_group_has_its_own_factor_and_decay() -> None:
    moved, still = parameters(), parameters()
    optimizer = Learned(
        [{"params": moved[:1], "lr": 0.0}, {"params": moved[1:], "weight_decay": 0.1}], untrained("mlp")
    )
    for parameter in moved:
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    torch.testing.assert_close(moved[0], still[0], rtol=0, atol=0)
    torch.testing.assert_close(moved[1], still[1] * (1 - STEP * SIZE * 0.1))


def test_torchs_schedulers_turn_its_factor() -> None:
    moved = parameters()
    optimizer = Learned(moved, untrained("mlp"))
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
    walk(optimizer, moved, 1)
    scheduler.step()
    before = moved[0].detach().clone()
    walk(optimizer, moved, 1)
    assert optimizer.param_groups[0]["lr"] == 0.5
    assert (moved[0] - before).abs().max() <= STEP * SIZE


def test_a_closure_is_called_once_with_gradients_on_and_its_loss_returned() -> None:
    moved, calls = parameters(), []

    def closure() -> torch.Tensor:
        loss = sum(p.square().sum() for p in moved)
        loss.backward()
        calls.append(loss.item())
        return loss

    assert Learned(moved, untrained("mlp")).step(closure).item() == calls[0]
    assert len(calls) == 1


@FORMS
def test_a_parameter_without_a_gradient_is_left_alone_and_may_join_later(form: str) -> None:
    moved = parameters()
    optimizer = Learned(moved, untrained(form))
    moved[0].grad = torch.ones_like(moved[0])
    optimizer.step()
    torch.testing.assert_close(moved[1], parameters()[1], rtol=0, atol=0)
    moved[1].grad = torch.ones_like(moved[1])
    optimizer.step()
    # its first step is Adam's first, whatever the others have behind them
    own = parameters()[1]
    torch.testing.assert_close(moved[1], own - STEP * SPREAD * own.abs().mean())
    assert int(optimizer.state[moved[0]]["step"]) == 2


@FORMS
def test_large_models_are_told_about_block_by_block_with_the_same_result(form: str) -> None:
    rule, weights = RULES[form](), untrained(form, spread=0.3).weights
    gradient = torch.randn(3, 1, 100, generator=torch.Generator().manual_seed(0))
    moved = []
    for block in (None, 7):
        state = rule.begin(gradient[0])
        moved.append(torch.cat([rule.update(rule.views(weights), state, g, block) for g in gradient]))
    torch.testing.assert_close(*moved)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_parameters_of_other_precision_keep_it(dtype: torch.dtype) -> None:
    moved = [nn.Parameter(torch.ones(3, dtype=dtype))]
    optimizer = Learned(moved, untrained("lstm"))
    optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for _ in range(2):
        moved[0].grad = torch.ones(3, dtype=dtype)
        optimizer.step()
        optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    assert moved[0].dtype == dtype
    assert (moved[0] < 1).all()


def test_what_is_wrong_is_said() -> None:
    moved = parameters()
    with pytest.raises(SettingsError, match="mlp, lstm, or a folder"):
        Learned(moved, "nothing")
    with pytest.raises(SettingsError, match="lr of a learned optimizer must be at least 0; got -1"):
        Learned(moved, untrained("mlp"), lr=-1)
    complex_ = [nn.Parameter(torch.ones(2, dtype=torch.complex64))]
    complex_[0].grad = torch.ones(2, dtype=torch.complex64)
    with pytest.raises(SettingsError, match="must be real"):
        Learned(complex_, untrained("mlp")).step()


@FORMS
def test_a_saved_rule_comes_back_to_the_last_bit(form: str, tmp_path: Path) -> None:
    trained = untrained(form, spread=0.3)
    save(trained, tmp_path)
    loaded = load(tmp_path)
    assert torch.equal(loaded.weights, trained.weights)
    assert loaded.rule == trained.rule


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("{", "must hold a saved rule"),
        ('{"format": 9}', "Upgrade forerun"),
        ('{"format": 1, "form": "mlp", "settings": {"units": 9}}', "weights"),
        ('{"format": 1, "form": "other", "settings": {}}', "must hold a saved rule"),
    ],
)
def test_a_damaged_rule_is_refused(written: str, words: str, tmp_path: Path) -> None:
    save(untrained("mlp"), tmp_path)
    (tmp_path / "rule.json").write_text(written)
    with pytest.raises(FormatError, match=words):
        load(tmp_path)


@FORMS
def test_the_rules_that_ship_say_how_they_were_made(form: str) -> None:
    trained = load(form)
    assert type(trained.rule) is RULES[form]
    assert trained.made["form"] == form
    assert trained.made["families"]
