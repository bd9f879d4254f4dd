"""The certified optimum is the optimum: enumeration and brute force by the score itself are the oracles."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from forerun.checks.search import RandomNetwork
from forerun.search import AtMost, Certified, CoordinateAscent, Enumeration, Exhaustive, Problem, plan, search
from forerun.search.tables.products import products
from forerun.search.tables.relaxation import Network
from forerun.space import Condition, Grid, SearchSpace, Value
from tests.search.problems import SPACE, additive, check_bounds, large, network
from tests.space.strategies import spaces

WIDTHS = st.sampled_from([(), (1,), (5,), (16,), (6, 4), (4, 3, 3)])


def rounded(score: RandomNetwork) -> RandomNetwork:
    """Small whole numbers for weights, and whole axes without any: many configurations score the same."""
    return RandomNetwork([(np.round(w * (np.abs(w) > 1)), np.round(b)) for w, b in score.maps])


def forbidden_in(space: SearchSpace, rng: np.random.Generator) -> tuple[Condition, ...]:
    """A combination of two values that some configuration has."""
    configuration = space.sample(rng, 1)[0]
    names = [n for n, v in configuration.items() if not isinstance(v, tuple)]
    if len(names) < 2:
        return ()
    chosen: dict[str, Value] = {n: configuration[n] for n in rng.permutation(names)[:2]}
    return (Condition.of({n: [v] for n, v in chosen.items()}),)


def allowed_by_hand(problem: Problem) -> list[float]:
    """The scores of all configurations that nothing forbids, by the plain meaning of every limit."""
    grid, found = problem.grid, []
    configurations = [grid.configuration(i) for i in range(grid.size)]
    X = grid.encoder.encode(configurations, own=grid.space)
    taken = [(c, distance) for rows, distance in problem.taken for c in grid.configurations(rows)]
    for configuration, score, *verdicts in zip(
        configurations, problem.score(X), *(f(X) for f in problem.feasible), strict=True
    ):
        forbidden = any(c.holds(configuration) for c in problem.forbidden)
        near = any(apart(grid, configuration, other) < distance for other, distance in taken)
        if all(verdicts) and not forbidden and not near:
            found.append(float(score))
    return sorted(found)


def apart(grid: Grid, one: dict[str, Value], other: dict[str, Value]) -> int:
    """In how many axes two configurations differ; every element of a subset is an axis."""
    differing = 0
    for axis in grid.axes:
        values = [c.get(axis.domain) for c in (one, other)]
        if axis.element is not None:
            values = [v if v is None else axis.element in v for v in values]
        differing += repr(values[0]) != repr(values[1])  # False is not 0
    return differing


@pytest.mark.slow
@settings(max_examples=200, deadline=None, derandomize=True)
@given(spaces(most=4), st.integers(0, 10**6), WIDTHS, st.integers(1, 6))
def test_certified_is_exhaustive_is_brute_force(space: SearchSpace, seed: int, widths: tuple[int, ...], k: int) -> None:
    grid, rng = space.grid(3), np.random.default_rng(seed)
    tied, capped = rng.random(2) < 0.5
    assume(8 < grid.size <= 300)
    drawn = RandomNetwork.drawn(len(grid.encoder.columns), seed, widths)
    score = rounded(drawn) if tied else drawn
    feasible = (AtMost(RandomNetwork.drawn(len(grid.encoder.columns), seed + 1, (4,)), 0.5),) if capped else ()
    problem = Problem(score, grid, feasible, forbidden_in(space, rng))
    problem = problem.apart_from(grid.levels_at(rng.integers(0, grid.size, 2)), distance=1 + seed % 2)
    certified = Certified(60).search(problem, k, np.random.default_rng(0))
    enumerated = Enumeration().search(problem, k, np.random.default_rng(0))
    swept = Exhaustive(workers=1).search(problem, k, np.random.default_rng(0))
    allowed = allowed_by_hand(problem)
    np.testing.assert_allclose(certified.scores, allowed[:k], atol=1e-9)
    np.testing.assert_allclose(certified.scores, enumerated.scores, atol=1e-9)
    np.testing.assert_allclose(swept.scores, enumerated.scores, atol=1e-9)
    assert certified.proven
    assert swept.proven
    assert len(np.unique(certified.L, axis=0)) == len(certified.L)
    np.testing.assert_array_equal(certified.L, grid.canonical(certified.L))
    others = allowed[len(certified.scores) :]
    assert all(value >= certified.bound for value in others)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, derandomize=True)
@given(spaces(most=4), st.integers(0, 10**6), WIDTHS)
def test_no_completion_is_below_its_bound(space: SearchSpace, seed: int, widths: tuple[int, ...]) -> None:
    grid, rng = space.grid(3), np.random.default_rng(seed)
    structure = Network(grid, RandomNetwork.drawn(len(grid.encoder.columns), seed, widths).layers())
    check_bounds(structure, grid, rng)


def test_the_products_are_the_grid() -> None:
    grid = SPACE.grid(4)
    rows = []
    for product in products(grid) or []:
        sizes = [len(f) for f in product.factors]
        arranged = product.arranged(list(range(len(sizes))), leaf=8)
        assert arranged.size == product.size
        choices = np.array(list(itertools.product(*(range(len(f)) for f in arranged.factors))), dtype=np.int32)
        rows.append(arranged.rows(choices))
    found = np.vstack(rows)
    assert len(found) == len(np.unique(found, axis=0)) == grid.size
    np.testing.assert_array_equal(found, grid.canonical(found))


def test_tables_say_what_the_encoding_says() -> None:
    grid = large(3).grid(4, fixed={"x0": 0.25})
    score = network(grid, 3, 7, 5)
    structure = Network(grid, score.layers())
    for product in products(grid) or []:
        rng = np.random.default_rng(1)
        choice = np.stack([rng.integers(0, len(f), 50) for f in product.factors], axis=1).astype(np.int32)
        said = structure.on(product).value(choice)
        np.testing.assert_allclose(said, score(grid.encode(product.rows(choice))), atol=10 * structure.slack)


@pytest.mark.parametrize("k", [1, 50])
def test_a_linear_score_is_certified_in_a_space_of_10_to_the_40(k: int) -> None:
    grid = large(40).grid(12)
    assert grid.size > 10**40
    found = search(additive(grid, 0), grid, k, np.random.default_rng(0))
    assert found.strategy == "certified"
    assert found.proven
    assert len(found.candidates) == k
    assert found.seconds < 30


def test_when_the_time_is_up_the_bound_holds_and_nothing_is_claimed() -> None:
    grid = large(12).grid(12)
    score = network(grid, 0, 64)
    hurried = search(score, grid, 1, np.random.default_rng(0), strategy=Certified(seconds=0.2))
    assert not hurried.proven
    assert hurried.bound < hurried.candidates[0].score
    assert hurried.gap == pytest.approx(hurried.candidates[0].score - hurried.bound)
    drawn = score(grid.encode(grid.sample(np.random.default_rng(1), 10_000)))
    assert drawn.min() >= hurried.bound


def test_a_forbidden_learner_costs_no_search() -> None:
    """Its branches are cut off whole, however good they are."""
    grid = large(8).grid(8)
    score = network(grid, 5)
    free = search(score, grid, 1, np.random.default_rng(0))
    best = free.candidates[0].configuration["learner"]
    found = search(score, grid, 1, np.random.default_rng(0), forbidden=[Condition.of({"learner": str(best)})])
    assert found.proven
    assert found.candidates[0].configuration["learner"] != best
    assert found.candidates[0].score > free.candidates[0].score


def test_a_structure_that_lies_is_an_error() -> None:
    grid = SPACE.grid(4)

    class Liar(RandomNetwork):
        def __call__(self, X: np.ndarray) -> np.ndarray:
            return super().__call__(X) + X[:, 0]

    score = Liar(network(grid, 0).maps)
    with pytest.raises(ValueError, match="what its structure says"):
        search(score, grid, 1, np.random.default_rng(0))


def test_a_plateau_is_not_enumerated() -> None:
    """Every configuration scores the same: one is as good as the other, and that is seen at once."""
    grid = large(8).grid(12)
    flat = RandomNetwork([(np.zeros((len(grid.encoder.columns), 1)), np.ones(1))])
    found = search(flat, grid, 3, np.random.default_rng(0))
    assert found.proven
    assert [c.score for c in found.candidates] == [1.0, 1.0, 1.0]
    assert found.scored < 10_000


def test_what_can_be_scored_in_time_is_scored_where_branching_does_not_get_through() -> None:
    small, large_ = (large(n).grid(7) for n in (2, 12))
    score = network(small, 0, 32, 32)
    assert [type(s) for s in plan(Problem(score, small), 5, 0)] == [Certified, Exhaustive]
    assert [type(s) for s in plan(Problem(network(large_, 0), large_), 5, 0)] == [Certified]
    assert [type(s) for s in plan(Problem(lambda X: X[:, 0], small), 5, 0)] == [CoordinateAscent]
    assert [type(s) for s in plan(Problem(lambda X: X[:, 0], small), 5, 10**6)] == [Enumeration]


@pytest.mark.slow
def test_the_second_engine_finishes_what_the_first_did_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forerun.search.plan", lambda *_: [Certified(seconds=0.0), Exhaustive()])
    grid = large(2).grid(7)
    score = network(grid, 0, 32, 32)
    found = search(score, grid, 2, np.random.default_rng(0))
    assert found.strategy == "exhaustive"
    assert found.proven
    best = search(score, grid, 2, np.random.default_rng(0), strategy=Certified())
    np.testing.assert_allclose([c.score for c in found.candidates], [c.score for c in best.candidates])
