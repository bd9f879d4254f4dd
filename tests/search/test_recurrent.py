"""The recurrent optimizer: choices and gradients against the grid, what it promises, and its files."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from forerun.checks import PromiseBroken
from forerun.checks.search import BLACK_BOX_PROMISES, PLAIN, Draw, RandomNetwork, family
from forerun.checks.world import SPACE as WORLD
from forerun.errors import FormatError
from forerun.search.recurrent import RecurrentOptimizer, load, save
from forerun.search.recurrent.choices import Choices
from forerun.search.recurrent.family import Blend, Family, forward
from forerun.search.recurrent.optimizer import unitless
from forerun.search.recurrent.proposer import Proposer, standardised, tell
from tests.search.problems import SPACE

pytestmark = pytest.mark.slow  # models are trained

GRID = SPACE.grid(4)


@cache
def teach(draw: Draw) -> RecurrentOptimizer:
    torch.set_num_threads(1)
    made = RecurrentOptimizer(resolution=6, hidden=24, trials=8, updates=80, rate=1e-2)
    return made.fit(draw(PLAIN.grid(6), 0, 128), PLAIN, np.random.default_rng(0))


@pytest.fixture(scope="module")
def untaught() -> RecurrentOptimizer:
    """Nearly."""
    fast = RecurrentOptimizer(resolution=4, hidden=8, trials=3, batch=4, updates=2)
    return fast.fit(family(WORLD.grid(4), 0, 5), WORLD, np.random.default_rng(0))


@pytest.mark.parametrize("promise", BLACK_BOX_PROMISES)
def test_a_learned_optimizer_keeps_its_promises(promise: str) -> None:
    BLACK_BOX_PROMISES[promise](teach)


def test_an_optimizer_that_learned_nothing_is_caught() -> None:
    """Its first proposals are random."""
    untaught = RecurrentOptimizer(hidden=32)
    untaught.prepare(PLAIN, seed=0)
    with pytest.raises(PromiseBroken):
        BLACK_BOX_PROMISES["starts_better_than_chance"](lambda _: untaught)


def test_an_optimizer_that_reads_no_results_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its sequence of configurations is good on functions that are alike, and on no others."""
    monkeypatch.setattr(RecurrentOptimizer, "logits", _deaf)
    BLACK_BOX_PROMISES["starts_better_than_chance"](teach)
    with pytest.raises(PromiseBroken, match="the truth must be worth more"):
        BLACK_BOX_PROMISES["reads_results"](teach)


def _deaf(self: RecurrentOptimizer, X: np.ndarray, losses: np.ndarray) -> torch.Tensor:
    return LOGITS(self, X, np.zeros(len(losses)))


LOGITS = RecurrentOptimizer.logits


def test_learning_lowers_the_meta_loss() -> None:
    curve = teach(family).curve_
    assert np.mean(curve[-20:]) < np.mean(curve[:5]) - 0.2


def test_the_memory_is_ridge_regression() -> None:
    """With the embedding as it begins; and results that are all alike blame nothing."""
    network = Proposer(Choices(GRID), hidden=4)
    X = torch.from_numpy(GRID.encode(GRID.sample(np.random.default_rng(0), 6)).astype(np.float32))
    results, state = torch.tensor([0.3, -1.0, 2.0, 0.5, 0.1, 0.2]), network.begin(1)
    for x, result in zip(X, results, strict=True):
        state = network.read(x[None], result[None], state)
    centred, z = (X - X.mean(0)).double(), (results - results.mean()) / results.std(correction=0)
    ridge = torch.linalg.solve(centred.T @ centred + torch.eye(X.shape[1]), centred.T @ z.double())
    torch.testing.assert_close(network.blame(state)[0].detach().double(), ridge, atol=1e-5, rtol=1e-4)
    same = state._replace(results=torch.ones_like(state.results))
    assert not network.blame(same).any()


def test_a_space_without_conditions_can_be_chosen_from() -> None:
    choices = Choices(PLAIN.grid(3))
    drawn = choices.draw(torch.zeros(5, choices.axes, choices.widest) + choices.missing_logits, torch.Generator())
    assert (drawn.sum(2).round() == 1).all()


def test_draws_are_configurations_and_respect_conditions() -> None:
    choices = Choices(GRID)
    generator = torch.Generator().manual_seed(0)
    choice = choices.draw(torch.zeros(200, choices.axes, choices.widest) + choices.missing_logits, generator)
    rows = choices.levels(choice)
    np.testing.assert_array_equal(choice.sum(2).numpy() > 0.5, GRID.active(rows))
    np.testing.assert_allclose(choices.encode(choice).numpy(), GRID.encode(rows), atol=1e-5)
    np.testing.assert_array_equal(choices.nearest(GRID.encode(rows)).numpy(), choice.round().numpy())
    assert len(np.unique(rows, axis=0)) > 100


def test_what_the_program_never_had_is_no_choice() -> None:
    choices = Choices(GRID)
    X = GRID.encode(GRID.sample(np.random.default_rng(0), 5))
    group = GRID.encoder.groups["features"]
    X[:, group] = 0
    X[:, group.stop - 1] = 1
    features = [i for i, axis in enumerate(GRID.axes) if axis.domain == "features"]
    assert choices.nearest(X)[:, features].sum() == 0


def test_gradients_know_what_a_choice_switches_on() -> None:
    """The logits of the learner decide whether those of its settings matter, and both have gradients."""
    choices = Choices(GRID)
    logits = torch.zeros(64, choices.axes, choices.widest, requires_grad=True)
    choice = choices.draw(logits + choices.missing_logits, torch.Generator().manual_seed(1))
    weights = torch.from_numpy(np.random.default_rng(0).normal(size=len(GRID.encoder.columns)).astype(np.float32))
    (choices.encode(choice) @ weights).sum().backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    active = torch.from_numpy(GRID.active(choices.levels(choice)))
    moved = (logits.grad.abs() > 1e-8).any(2)
    own = torch.tensor(
        [len(columns) > 0 and size > 1 for (columns, _), size in zip(GRID.tables, GRID.shape, strict=True)]
    )
    assert moved[:, own][active[:, own]].all()
    # an inactive axis decides nothing, unless its parents could have made it active: that is the parents' gradient
    assert not moved[~active].any()


def test_a_family_says_what_its_functions_say_in_their_own_deviations() -> None:
    functions = [RandomNetwork.drawn(len(GRID.encoder.columns), seed, (5, 4)) for seed in range(3)]
    found = Family(functions, GRID, np.random.default_rng(0))
    X = GRID.encode(GRID.sample(np.random.default_rng(1), 400))
    for f, function in enumerate(functions):
        which = torch.full((400,), f)
        values = found.batch(which)(torch.from_numpy(X.astype(np.float32))).numpy()
        np.testing.assert_allclose(values * found.scale[f].item() + found.location[f].item(), function(X), rtol=1e-4)
        assert abs(values.mean()) < 0.3
        assert 0.7 < values.std() < 1.4


def test_a_blend_of_networks_is_a_network() -> None:
    parts = [RandomNetwork.drawn(len(GRID.encoder.columns), seed, (5, 4)) for seed in range(3)]
    blend, X = Blend(parts, (1.0, 0.5, -0.5)), GRID.encode(GRID.sample(np.random.default_rng(1), 20))
    np.testing.assert_allclose(forward(blend.layers(), X), blend(X))
    np.testing.assert_allclose(blend(X), parts[0](X) + 0.5 * (parts[1](X) - parts[2](X)))


def test_a_function_that_says_nothing_of_itself_teaches_nothing() -> None:
    with pytest.raises(ValueError, match="must say what they are made of"):
        RecurrentOptimizer().fit([lambda X: X[:, 0]], SPACE, np.random.default_rng(0))


def test_results_are_told_in_their_deviations_and_failures_as_the_worst() -> None:
    results = torch.tensor([[3.0, 1.0, 2.0, 0.0]], dtype=torch.float64)
    spread = np.std([3.0, 1.0, 2.0, 0.0])
    np.testing.assert_allclose(tell(results)[0], [-1.5 / spread, 1 / spread, 0])
    np.testing.assert_allclose(tell(results[:, :1])[0], [0, 0, 1])
    np.testing.assert_allclose(standardised(results)[0], unitless(1e4 * results[0].numpy() - 5e5))
    failed = np.array([np.nan, 2.0, 3.0, np.nan])
    np.testing.assert_array_equal(unitless(failed), unitless(np.array([2.0, 2.0, 3.0, 3.0])))
    np.testing.assert_array_equal(unitless(np.array([np.nan, 0.1, 0.1])), [0.0, 0.0, 0.0])
    np.testing.assert_array_equal(unitless(np.array([np.nan])), [0.0])


def test_the_score_of_a_proposal_is_zero_and_of_all_others_above() -> None:
    taught = teach(family)
    X, losses = taught.grid_.encode(taught.grid_.sample(np.random.default_rng(0), 3)), np.array([0.1, 0.3, 0.2])
    proposed = taught.grid_.encode(taught.propose(X, losses, np.random.default_rng(0))[None])
    score = taught.score(X, losses)
    assert score(proposed)[0] == 0
    assert (score(taught.grid_.encode(taught.grid_.sample(np.random.default_rng(1), 50))) > 0).all()


def test_the_same_seed_teaches_the_same(untaught: RecurrentOptimizer) -> None:
    again = RecurrentOptimizer(resolution=4, hidden=8, trials=3, batch=4, updates=2)
    again.fit(family(WORLD.grid(4), 0, 5), WORLD, np.random.default_rng(0))
    assert again.curve_ == untaught.curve_


def test_what_is_saved_proposes_the_same(untaught: RecurrentOptimizer, tmp_path: Path) -> None:
    save(untaught, tmp_path / "optimizer")
    found = load(tmp_path / "optimizer")
    X, losses = untaught.grid_.encode(untaught.grid_.sample(np.random.default_rng(0), 3)), np.array([1.0, np.nan, 0.5])
    np.testing.assert_array_equal(found.logits(X, losses), untaught.logits(X, losses))
    np.testing.assert_array_equal(found.score(X, losses)(X), untaught.score(X, losses)(X))


def test_damaged_files_are_refused(untaught: RecurrentOptimizer, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="must hold a saved optimizer"):
        load(tmp_path)
    save(untaught, tmp_path)
    path = tmp_path / "optimizer.json"
    text = path.read_text()
    path.write_text(text.replace('"hidden": 8', '"hidden": 9'))
    with pytest.raises(FormatError, match="damaged"):
        load(tmp_path)
    path.write_text(text.replace('"format": 2', '"format": 3'))
    with pytest.raises(FormatError, match="Upgrade forerun"):
        load(tmp_path)
