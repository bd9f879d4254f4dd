"""The front of two scores: the plain definition is the oracle."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from forerun.checks.search import RandomNetwork
from forerun.search import AtMost, Problem
from forerun.search.proof.pareto import pareto
from forerun.space import Condition, SearchSpace
from tests.search.problems import SPACE, large, network
from tests.space.strategies import spaces

pytestmark = pytest.mark.slow  # it compares all with all


def unbeaten(points: np.ndarray) -> np.ndarray:
    """The distinct points (n, 2) that no other beats, by comparing all with all."""
    beaten = ((points[:, None] >= points[None]).all(axis=2) & (points[:, None] > points[None]).any(axis=2)).any(axis=1)
    return np.unique(points[~beaten], axis=0)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(spaces(most=4), st.integers(0, 10**6), st.sampled_from([(), (3,), (8,), (4, 3)]), st.booleans())
def test_the_front_is_what_nothing_beats(space: SearchSpace, seed: int, widths: tuple[int, ...], tied: bool) -> None:
    grid = space.grid(3)
    assume(8 < grid.size <= 300)
    columns = len(grid.encoder.columns)
    one, two, cap = (RandomNetwork.drawn(columns, seed + i, w) for i, w in enumerate((widths, (2,), (3,))))
    if tied:
        two = RandomNetwork([(np.round(w), np.round(b)) for w, b in two.maps])
    feasible = (AtMost(cap, 1.0),)
    front = pareto((one, two), grid, np.random.default_rng(0), feasible=feasible, tolerance=1e-9)
    L = grid.levels_at(np.arange(grid.size))
    values = np.stack([Problem(one, grid, feasible).values(L), two(grid.encode(L))], axis=1)
    expected = unbeaten(values[np.isfinite(values[:, 0])])
    assert front.proven
    assert len(front.scores) == len(front.configurations)
    # every true point is matched, and nothing else is there; what ties may be told twice, apart by rounding
    near = np.abs(front.scores[:, None] - expected[None]) < 1e-6 * (1 + np.abs(expected))
    assert near.all(axis=2).any(axis=0).all()
    assert near.all(axis=2).any(axis=1).all()


def test_the_front_of_a_large_space_holds_the_best_of_both() -> None:
    grid = large(4).grid(8)
    scores = network(grid, 0), network(grid, 1, 4)
    front = pareto(scores, grid, np.random.default_rng(0), tolerance=1e-3)
    assert front.proven
    assert (np.diff(front.scores[:, 0]) > 0).all()
    assert (np.diff(front.scores[:, 1]) < 0).all()
    X = grid.encode(grid.sample(np.random.default_rng(1), 20_000))
    drawn = np.stack([score(X) for score in scores], axis=1)
    allowance = 1.1e-3 * np.ptp(drawn, axis=0)
    for point in drawn[np.lexsort(drawn.T)][::50]:
        assert (front.scores <= point + allowance).all(axis=1).any()


def test_what_is_forbidden_is_not_on_the_front() -> None:
    grid = SPACE.grid(5)
    scores = network(grid, 0), network(grid, 1)
    front = pareto(scores, grid, np.random.default_rng(0), forbidden=[Condition.of({"learner": ["svm", "knn"]})])
    assert {c["learner"] for c in front.configurations} == {"mlp"}


def test_a_score_without_a_structure_is_an_error() -> None:
    grid = SPACE.grid(4)
    with pytest.raises(ValueError, match="say what they are made of"):
        pareto((network(grid, 0), lambda X: X[:, 0]), grid, np.random.default_rng(0))
