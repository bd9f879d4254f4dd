"""Candidates that are far apart, and values off the grid."""

import itertools

import numpy as np
import pytest

from forerun.checks.search import RandomNetwork
from forerun.search import STRATEGIES, CoordinateAscent, search
from forerun.search.base import mark
from forerun.search.refinement import gradient
from forerun.space import Grid, Real, SearchSpace
from tests.search.problems import SPACE, large, network

pytestmark = pytest.mark.slow  # it searches again and again


def distances(grid: Grid, configurations: list[dict[str, object]]) -> list[int]:
    rows = mark(grid, np.array([grid.nearest(c) for c in configurations]))
    return [int((one != other).sum()) for one, other in itertools.combinations(rows, 2)]


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("r", [2, 3])
def test_candidates_are_r_axes_apart(name: str, r: int) -> None:
    grid = large(3).grid(5)
    found = search(network(grid, 1), grid, 6, np.random.default_rng(0), strategy=STRATEGIES[name](), min_distance=r)
    assert len(found.candidates) == 6
    assert min(distances(grid, [dict(c.configuration) for c in found.candidates])) >= r


@pytest.mark.parametrize(("seed", "r"), [(0, 2), (1, 3), (2, 5)])
def test_the_greedy_choice_is_exact_when_enumerated(seed: int, r: int) -> None:
    """Also where the board is too short to hold all candidates, and the rest is searched for again."""
    grid = SPACE.grid(5)
    score = network(grid, seed)
    everything = search(score, grid, grid.size, np.random.default_rng(0)).candidates
    chosen: list[dict[str, object]] = []
    for candidate in everything:
        far = not chosen or min(distances(grid, [dict(candidate.configuration), *chosen])[: len(chosen)]) >= r
        if far and len(chosen) < 5:
            chosen.append(dict(candidate.configuration))
    found = search(score, grid, 5, np.random.default_rng(0), min_distance=r)
    assert [c.configuration for c in found.candidates] == chosen
    assert found.proven


def test_the_best_is_the_first_whatever_the_distance() -> None:
    grid = SPACE.grid(6)
    best = search(network(grid, 1), grid, 1, np.random.default_rng(0)).candidates[0]
    found = search(network(grid, 1), grid, 4, np.random.default_rng(0), min_distance=3)
    assert found.candidates[0] == best


def test_values_off_the_grid_are_better_and_belong_to_the_space() -> None:
    space = SearchSpace("s", {**SPACE.domains, "x": Real(-1, 1)}, SPACE.conditions)
    grid = space.grid(5)
    optimum = space.encode([{**grid.configuration(77), "x": 0.13}])[0]
    column = space.columns.index("x=u")

    def score(X: np.ndarray) -> np.ndarray:
        return np.abs(X[:, column] - optimum[column])

    on = search(score, grid, 3, np.random.default_rng(0))
    off = search(score, grid, 3, np.random.default_rng(0), off_grid=True)
    assert on.candidates[0].score == pytest.approx(0.13)
    assert off.candidates[0].score < 0.02
    for candidate in off.candidates:
        space.check(candidate.configuration)
        np.testing.assert_allclose(score(space.encode([candidate.configuration])), candidate.score, atol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_refined_candidates_keep_their_grid_points_and_their_limits(seed: int) -> None:
    grid = large(3).grid(5, fixed={"x0": 0.3})
    score = network(grid, seed)
    column = grid.encoder.columns.index("x1=u")

    def feasible(X: np.ndarray) -> np.ndarray:
        return X[:, column] <= 0.4

    def found(off_grid: bool) -> list[dict[str, object]]:
        result = search(
            score,
            grid,
            5,
            np.random.default_rng(seed),
            strategy=CoordinateAscent(restarts=8),
            min_distance=2,
            feasible=[feasible],
            off_grid=off_grid,
        )
        return [dict(c.configuration) for c in result.candidates]

    on, off = found(False), found(True)
    assert {grid.index(c) for c in on} == {grid.index(c) for c in off}
    assert min(distances(grid, off)) >= 2
    assert feasible(grid.space.encode(off)).all()
    assert all(c["x0"] == 0.3 for c in off)
    assert score(grid.space.encode(off)).sum() < score(grid.space.encode(on)).sum()


def test_an_absent_column_of_the_encoder_stays_absent_off_the_grid() -> None:
    other = SearchSpace("other", {"y": Real(0, 1), "x0": Real(0, 2)})
    union = SearchSpace.union([large(2), other])
    grid = large(2).grid(5, encoder=union)
    absent = union.columns.index("y is absent")
    seen = []

    def score(X: np.ndarray) -> np.ndarray:
        seen.append(X[:, absent].min())
        return X @ np.linspace(-1, 1, X.shape[1])

    search(score, grid, 2, np.random.default_rng(0), off_grid=True, strategy=CoordinateAscent(restarts=4))
    assert min(seen) == 1


@pytest.mark.parametrize("widths", [(), (6,), (5, 4)])
def test_the_gradient_is_that_of_the_score(widths: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    score = RandomNetwork.drawn(7, 1, widths)
    X, step = rng.normal(size=(4, 7)), 1e-6 * np.eye(7)
    ends = [[score(x + sign * step) for x in X] for sign in (1, -1)]
    np.testing.assert_allclose(gradient(score.layers(), X), (np.array(ends[0]) - ends[1]) / 2e-6, atol=1e-6)


def test_steps_down_the_gradient_find_more_than_random_ones() -> None:
    """Twelve values move at once: a network's candidates gain more than those of the same score, its form unknown."""
    grid = large(12).grid(4)
    gains = []
    for seed in range(5):
        score = network(grid, seed, 32)
        on = search(score, grid, 1, np.random.default_rng(0)).candidates[0].score
        open_, closed = (
            on
            - search(s, grid, 1, np.random.default_rng(0), strategy=CoordinateAscent(), off_grid=True)
            .candidates[0]
            .score
            for s in (score, lambda X, score=score: score(X))
        )
        gains.append((open_, closed))
    known, unknown = np.mean(gains, axis=0)
    assert known > unknown > 0
