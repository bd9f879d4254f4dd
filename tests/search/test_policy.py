"""REINFORCE: gradients against finite differences, tables against the score itself, conditions and limits."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from forerun.checks.search import Counting
from forerun.errors import SettingsError
from forerun.search import HEURISTICS, STRATEGIES, AtMost, Certified, Problem, Reinforce, ReinforceRecurrent, search
from forerun.search.policy.controllers import Independent
from forerun.search.policy.layout import Layout, Marked
from forerun.search.policy.recurrent import Recurrent
from forerun.search.policy.reinforce import advantages
from forerun.search.policy.scoring import Scorer, tabled
from forerun.space import Condition
from tests.search.problems import SPACE, large, network

pytestmark = pytest.mark.slow  # models are trained

GRID = SPACE.grid(4)
Make = Callable[[], Independent | Recurrent]


def independent(entropy: float = 0.0) -> Independent:
    return Independent(Layout(GRID), np.random.default_rng(0), rate=0.1, entropy=entropy)


def recurrent(entropy: float = 0.0) -> Recurrent:
    return Recurrent(Layout(GRID), np.random.default_rng(0), rate=0.01, entropy=entropy)


def log_probability(policy: Independent, rows: Marked) -> np.ndarray:
    """Of each row, by the obvious loop."""
    p, starts = policy.probabilities(), policy.layout.starts
    return np.array([sum(np.log(p[starts[a] + level]) for a, level in enumerate(row) if level >= 0) for row in rows])


@pytest.mark.parametrize("make", [independent, recurrent])
def test_draws_respect_conditions(make: Make) -> None:
    rows = make().draw(300)
    np.testing.assert_array_equal(rows >= 0, GRID.active(np.maximum(rows, 0).astype(np.int64)))
    assert (rows < np.array(GRID.shape)).all()
    # every level of every axis is drawn by somebody: the rarest has odds of 1 in 3 * 2 * 4
    assert all(len(np.unique(rows[:, a][rows[:, a] >= 0])) == size for a, size in enumerate(GRID.shape))


def test_the_independent_controller_draws_with_its_probabilities() -> None:
    policy = independent()
    policy.theta[:3] = np.log([0.7, 0.2, 0.1])
    shares = np.bincount(policy.draw(20_000)[:, 0], minlength=3) / 20_000
    # 5 standard deviations: one false alarm in a million
    np.testing.assert_allclose(shares, [0.7, 0.2, 0.1], atol=5 * np.sqrt(0.25 / 20_000))


def test_the_gradient_of_the_independent_controller_is_that_of_the_log_probability() -> None:
    policy = independent()
    policy.theta += np.random.default_rng(1).normal(size=len(policy.theta))
    rows = policy.draw(40)
    worth = np.random.default_rng(2).normal(size=40)
    stepped = []
    policy.ascent.step = stepped.append  # type: ignore[assignment]
    policy.learn(rows, worth)
    for r in range(len(policy.theta)):
        ends = []
        for shift in (1e-5, -2e-5):
            policy.theta[r] += shift
            ends.append(float((worth * log_probability(policy, rows)).mean()))
        policy.theta[r] += 1e-5
        assert stepped[0][r] == pytest.approx((ends[0] - ends[1]) / 2e-5, abs=1e-7)


def test_the_bonus_alone_makes_a_controller_more_uncertain_and_counts_active_axes_only() -> None:
    policy = independent(entropy=1.0)
    policy.theta += np.random.default_rng(1).normal(size=len(policy.theta))
    before = policy.learn(policy.draw(500), np.zeros(500))
    for _ in range(20):
        after = policy.learn(policy.draw(500), np.zeros(500))
    assert after > before + 0.2
    kernel = GRID.axes.index(next(axis for axis in GRID.axes if axis.domain == "svm.kernel"))
    never = policy.draw(500)
    never = never[never[:, kernel] < 0]
    told = policy.theta.copy()
    policy.ascent.mean[:] = 0
    policy.learn(never, np.ones(len(never)))
    own = slice(*policy.layout.starts[kernel : kernel + 2])
    np.testing.assert_array_equal(policy.theta[own], told[own])


@pytest.mark.parametrize("make", [independent, recurrent])
def test_what_is_rewarded_becomes_likelier(make: Make) -> None:
    policy = make()
    rows = policy.draw(400)
    wanted = rows[:, 0] == 1
    for _ in range(15):
        policy.learn(rows, wanted - wanted.mean())
    assert (policy.draw(400)[:, 0] == 1).mean() > wanted.mean() + 0.2


def test_the_recurrent_controller_learns_what_no_independent_one_can() -> None:
    """Two axes that must agree: independent, each of them is as likely either way."""
    policy = recurrent(entropy=0.3)
    a, b = (i for i, axis in enumerate(GRID.axes) if axis.element in ("a", "b"))
    for _ in range(60):
        rows = policy.draw(256)
        agree = rows[:, a] == rows[:, b]
        policy.learn(rows, (agree - agree.mean()).astype(np.float64))
    rows = policy.draw(1000)
    assert (rows[:, a] == rows[:, b]).mean() > 0.9
    assert 0.1 < rows[:, a].mean() < 0.9


def test_log_probabilities_all_at_once_are_those_of_the_steps() -> None:
    policy = recurrent()
    rows = policy.draw(5)[:, policy.axes].astype(np.int64)
    with torch.no_grad():
        policy.walk.weights.normal_()
        chosen, state, steps = torch.from_numpy(rows), torch.zeros(1, 5, policy.walk.place.shape[1]), []
        for axis in range(len(policy.axes)):
            logits, state = policy.walk.step(axis, chosen[:, axis - 1], state)
            steps.append(logits)
        torch.testing.assert_close(torch.stack(steps, dim=1), policy.walk(chosen))


def test_the_best_are_rewarded_and_what_is_forbidden_never_is() -> None:
    scores = np.concatenate([np.arange(100.0), np.full(300, np.inf)])
    found = advantages(scores)
    assert found.mean() == pytest.approx(0)
    np.testing.assert_array_equal(np.flatnonzero(found > 0), np.arange(21))
    np.testing.assert_allclose(advantages(1e6 * scores - 5), found)
    assert (advantages(np.full(50, np.inf)) == 0).all()
    assert (advantages(np.append(np.full(97, np.inf), [2.0, 1.0, 3.0])) > 0).sum() == 3


def test_tables_say_what_the_score_says_and_what_is_forbidden() -> None:
    grid = large(3).grid(5)
    problem = Problem(
        network(grid, 0),
        grid,
        feasible=(AtMost(network(grid, 1), 0.5),),
        forbidden=(Condition.of({"learner": "mlp", "x0": ">= 0.5"}),),
        taken=((grid.sample(np.random.default_rng(3), 2), 4),),
    )
    tables = tabled(problem)
    assert tables is not None
    rows = Independent(Layout(grid), np.random.default_rng(0), rate=0.1, entropy=0.0).draw(3000)
    expected = problem.values(np.maximum(rows, 0).astype(np.int64))
    assert 0.05 < np.isinf(expected).mean() < 0.95
    np.testing.assert_allclose(tables.score(rows), expected)


def test_tables_are_used_in_large_spaces_and_nothing_is_encoded_but_the_best() -> None:
    grid = large(8).grid(6)
    score = Counting(network(grid, 0))
    found = Reinforce(limit=20_000).search(Problem(score, grid), 1, np.random.default_rng(0))
    assert score.read
    assert found.scored >= 20_000
    assert score.asked < 500
    np.testing.assert_allclose(found.scores, network(grid, 0)(grid.encode(found.L)))


def test_a_limit_that_says_nothing_of_itself_is_asked_row_by_row() -> None:
    grid = large(3).grid(5)
    column = grid.encoder.columns.index("learner=svm")
    problem = Problem(network(grid, 0), grid, feasible=(lambda X: X[:, column] == 0,))
    assert tabled(problem) is None
    found = Reinforce(limit=4_000).search(problem, 5, np.random.default_rng(0))
    assert (grid.encode(found.L)[:, column] == 0).all()


def test_a_row_is_put_on_the_board_once() -> None:
    grid = large(8).grid(6)
    scorer = Scorer(Problem(network(grid, 0), grid), 3)
    rows = Independent(Layout(grid), np.random.default_rng(0), rate=0.1, entropy=0.0).draw(50)
    scorer.score(np.concatenate([rows, rows]))
    asked = len(scorer.known)
    scorer.score(rows)
    assert len(scorer.known) == asked
    assert scorer.board.scored == 150
    best = np.sort(network(grid, 0)(grid.encode(np.maximum(rows, 0).astype(np.int64))))
    np.testing.assert_allclose(scorer.board.scores, best[:3])


def test_reinforce_finds_certified_optima_of_random_networks() -> None:
    """In 3 of 4 random networks or more; measured: 4 of 4."""
    grid, found = large(6).grid(8), 0
    for seed in range(100, 104):
        score = network(grid, seed)
        best = search(score, grid, 1, np.random.default_rng(0), strategy=Certified(20.0))
        assert best.proven
        ours = Reinforce(limit=300_000).search(Problem(score, grid), 1, np.random.default_rng(seed))
        found += ours.scores[0] < best.candidates[0].score + 1e-6
    assert found >= 3


def test_the_recurrent_controller_searches_better_than_chance() -> None:
    grid = large(6).grid(8)
    score = network(grid, 100)
    drawn = score(grid.encode(grid.sample(np.random.default_rng(0), 8_000)))
    ours = ReinforceRecurrent(limit=8_000).search(Problem(score, grid), 1, np.random.default_rng(0))
    assert ours.scores[0] < drawn.min() - drawn.std() / 4


def test_the_pipeline_searches_as_its_setting_says() -> None:
    from forerun.steps.knowledge import strategy_of
    from forerun.steps.settings import TuneSettings

    assert strategy_of(TuneSettings()) is None
    assert [type(strategy_of(TuneSettings(strategy=name))) for name in HEURISTICS] == [
        STRATEGIES[name] for name in HEURISTICS
    ]
    with pytest.raises(SettingsError, match=r"tune.strategy must be null or one of .*reinforce.*; got 'certified'"):
        strategy_of(TuneSettings(strategy="certified"))


@pytest.mark.parametrize("name", HEURISTICS)
def test_what_the_pipeline_may_be_told_to_use_needs_no_structure(name: str) -> None:
    grid = SPACE.grid(3, fixed={"learner": "knn", "features": ("a",)})
    found = search(lambda X: X[:, 0] + X.sum(axis=1), grid, 1, np.random.default_rng(0), strategy=STRATEGIES[name]())
    assert len(found.candidates) == 1
