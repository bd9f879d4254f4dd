"""Problems to practise on, and outer gradients held against finite differences."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from forerun.learners.network import Architecture, Statistics
from forerun.metatraining import Settings, Table, draw, meta_train
from forerun.metatraining.outer import Outer, Persistent, Truncated
from forerun.metatraining.practice import FLOOR, Practice
from forerun.metatraining.problems import LARGEST, Problem, augmented, entropy
from forerun.optimizers import RULES, Rule, Trained
from forerun.tasks import builtin_task


def made_up(classes: int = 3) -> list[Table]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 4)).astype(np.float32)
    y = np.arange(90) % classes if classes else X[:, 0].astype(float)
    return [Table("made-up", X, y, classes)]


@dataclass(frozen=True)
class Straight(Problem):
    """Its loss is linear in the parameters: gradients do not change on the way, so taking them as given is exact."""

    def initial(self, seed: int) -> Tensor:
        return torch.full((len(self.X), 2), 0.5)

    def losses(self, parameters: Tensor, statistics: Statistics, chosen: Tensor) -> tuple[Tensor, Tensor]:
        return 10 + parameters.double().sum(dim=1), torch.ones_like(parameters)


def straight(members: int, length: int) -> Straight:
    """Networks with two parameters each, a weight and a bias."""
    X, one = torch.zeros(members, 1, 1), torch.ones(members)
    architecture = Architecture(1, 1, (), "relu", "none", residual=False)
    return Straight(architecture, X, X[:, :, 0], one, one[:, None], batch=1, length=length)


def outer(sort: type[Outer], members: int, length: int, steps: int) -> Outer:
    """Outer gradients of one problem, which is drawn again and again."""
    own = type("Own", (sort,), {"steps": steps})
    return own(RULES["mlp"](2), lambda: straight(members, length), np.random.default_rng(0), problems=1)


def spoken(rule: Rule) -> Tensor:
    """Weights that say something."""
    return rule.initial(torch.Generator().manual_seed(0)) + 0.2 * torch.randn(
        1, rule.size, generator=torch.Generator().manual_seed(1)
    )


def mean_costs(rule: Rule, weights: Tensor, steps: int) -> Tensor:
    """Mean costs (R,) of a step of a whole training, by rules with weights (R, W)."""
    practice = Practice.begin(straight(1, steps), rule, len(weights), np.random.default_rng(0))
    total = torch.zeros(len(weights), dtype=torch.float64)
    for _ in range(steps):
        costs, gradients, _ = practice.look()
        practice.move(rule, rule.views(weights), gradients)
        total += costs / steps
    return total


def differences(rule: Rule, weights: Tensor, steps: int) -> Tensor:
    """The gradient of the mean cost by central differences."""
    moves = 0.01 * torch.eye(rule.size)
    above, below = mean_costs(rule, torch.cat([weights + moves, weights - moves]), steps).chunk(2)
    return ((above - below) / 0.02).float()[None]


def alike(one: Tensor, two: Tensor) -> float:
    """The cosine of the angle between two gradients."""
    return torch.nn.functional.cosine_similarity(one, two).item()


def test_the_truncated_gradient_is_that_of_finite_differences_where_gradients_do_not_change() -> None:
    way = outer(Truncated, members=1, length=8, steps=8)
    weights = spoken(way.rule)
    found, cost = way.gradient(weights)
    truth = differences(way.rule, weights, 8)
    assert cost == pytest.approx(mean_costs(way.rule, weights, 8).item())
    assert alike(found, truth) > 0.999
    assert found.norm().item() == pytest.approx(truth.norm().item(), rel=0.05)


def test_the_persistent_gradient_sees_across_truncations_what_the_truncated_one_cannot() -> None:
    # with 3,000 pairs and W weights the cosine of an unbiased estimate is about (1 + W / 3,000) ** -0.5, here 0.99
    way = outer(Persistent, members=3_000, length=8, steps=4)
    weights = spoken(way.rule)
    found = sum(way.gradient(weights)[0] for _ in range(2)) / 2
    assert way.practices[0].over
    truth = differences(way.rule, weights, 8)
    assert alike(found, truth) > 0.95
    assert found.norm().item() == pytest.approx(truth.norm().item(), rel=0.1)


@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize("outputs", [0, 2, 5])
def test_any_table_becomes_any_sort_of_problem(classes: int, outputs: int) -> None:
    X, y = augmented(made_up(classes)[0], 64, 7, outputs, np.random.default_rng(0))
    assert X.shape == (64, 7)
    assert np.isfinite(X).all()
    if outputs:
        assert set(y) <= set(range(outputs))
        assert len(set(y)) > 1
    else:
        assert (y.mean(), y.std()) == (pytest.approx(0, abs=1e-6), pytest.approx(1, abs=1e-6))


def test_problems_are_drawn_by_the_seed_and_never_of_the_sorts_that_are_reported() -> None:
    one, two = (draw(made_up(), np.random.default_rng(3)) for _ in range(2))
    assert one.architecture == two.architecture
    assert torch.equal(one.X, two.X)
    rng = np.random.default_rng(0)
    for _ in range(30):
        shape = draw(made_up(), rng).architecture
        assert not shape.residual
        assert shape.activation != "gelu"
        assert len(shape.widths) <= 3
        assert max(shape.widths) <= 96
        assert shape.size <= LARGEST


def test_the_blind_loss_is_the_entropy_of_the_classes_or_the_variance() -> None:
    assert made_up(3)[0].blind == pytest.approx(np.log(3))
    assert made_up(0)[0].blind == 1.0
    assert entropy(np.zeros(5, dtype=int)) == 0.1
    table = Table.of(builtin_task("iris_petal_width"))
    assert (table.y.mean(), table.y.std()) == (pytest.approx(0, abs=1e-9), pytest.approx(1))


def test_what_is_held_back_is_standardised_by_what_is_trained_on() -> None:
    task = builtin_task("iris_petal_width")
    seen, unseen = Table.of(task), Table.of(task, task.test)
    assert (len(unseen.X), len(unseen.y)) == (len(task.test), len(task.test))
    mean, std = task.train.y.mean(), task.train.y.std()
    np.testing.assert_allclose(unseen.y * std + mean, task.test.y)
    raw = task.train.X.iloc[:, 0].to_numpy(float)
    np.testing.assert_allclose(seen.X[:, 0], (raw - raw.mean()) / raw.std(), atol=1e-5)
    held = task.test.X.iloc[:, 0].to_numpy(float)
    np.testing.assert_allclose(unseen.X[:, 0], (held - raw.mean()) / raw.std(), atol=1e-5)


def test_a_training_that_diverges_costs_no_more_than_the_worst_and_pulls_no_more() -> None:
    practice = Practice.begin(straight(2, 5), RULES["mlp"](), 1, np.random.default_rng(0))
    practice.parameters[1] = torch.inf
    costs, _, factors = practice.look()
    assert costs[1] == 3.0
    assert factors[1] == 0.0
    assert costs[0] == pytest.approx(np.log(11 + FLOOR), abs=1e-5)


def test_problems_take_turns_and_one_that_is_over_makes_room() -> None:
    way = outer(Truncated, members=1, length=8, steps=4)
    way.problems = 2
    weights = spoken(way.rule)
    for _ in range(4):
        way.gradient(weights)
    assert [p.steps for p in way.practices] == [8, 8]
    way.gradient(weights)
    assert [p.steps for p in way.practices] == [8, 4]


@pytest.mark.slow
@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("form", RULES)
def test_the_same_settings_give_the_same_rule(form: str) -> None:
    settings, seen = Settings(form, units=3, truncated=1, persistent=1), []
    one, two = (meta_train(made_up(), settings, watch=lambda done, _: seen.append(done)) for _ in range(2))
    assert torch.equal(one.weights, two.weights)
    assert one.made["families"] == ["made-up"]
    assert not seen


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few and small networks, for speed."""
    torch.set_num_threads(1)
    for name, value in {"LARGEST": 300, "COORDINATES": 1_200}.items():
        monkeypatch.setattr(f"forerun.metatraining.problems.{name}", value)


@pytest.mark.slow
@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("name", "steps"), [("truncated", 12), ("persistent", 30)])
def test_practice_makes_a_rule_better_on_what_it_practises(name: str, steps: int) -> None:
    settings = {"truncated": 0, "persistent": 0, name: steps, f"{name}_rate": 0.03}
    trained = meta_train(made_up(), Settings(**settings))
    start = Trained(trained.rule, trained.rule.initial(torch.Generator().manual_seed(0)))
    assert practised(trained) < practised(start) - 0.03


def practised(trained: Trained) -> float:
    """Mean cost of the trainings of a few problems."""
    rng, total = np.random.default_rng(77), []
    for problem in [draw(made_up(), rng) for _ in range(3)]:
        practice = Practice.begin(problem, trained.rule, 1, np.random.default_rng(1))
        with torch.no_grad():
            for _ in range(60):
                costs, gradients, _ = practice.look()
                practice.move(trained.rule, trained.rule.views(trained.weights), gradients)
                total.append(costs.mean().item())
    return float(np.mean(total))
