"""The discretised view: counting, index arithmetic, level matrices."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forerun.errors import SpaceError
from forerun.space import Categorical, Condition, Grid, Integer, Ordinal, Real, SearchSpace, Subset
from tests.space.strategies import drawn, spaces

small = spaces(most=4)
RESOLUTION = 3


def frozen(configuration: dict[str, Any]) -> frozenset[Any]:
    return frozenset((name, type(value), value) for name, value in configuration.items())


def enumerate_by_hand(space: SearchSpace, resolution: int) -> set[frozenset[Any]]:
    """Every combination of every domain's levels, pruned by the conditions: the slow, obvious way."""
    options = []
    for domain in space.domains.values():
        if isinstance(domain, Subset):
            n = len(domain.values)
            options.append(
                [tuple(itertools.compress(domain.values, bits)) for bits in itertools.product((0, 1), repeat=n)]
            )
        else:
            options.append(domain.levels(resolution))
    rows = itertools.product(*options)
    return {frozen(space.prune(dict(zip(space.domains, row, strict=True)))) for row in rows}


@given(small)
def test_the_count_is_the_number_of_distinct_configurations(space: SearchSpace) -> None:
    assert space.grid(RESOLUTION).size == len(enumerate_by_hand(space, RESOLUTION))


@given(small)
def test_indices_and_configurations_are_one_to_one(space: SearchSpace) -> None:
    grid = space.grid(RESOLUTION)
    indices = np.arange(min(grid.size, 200))
    found = grid.configurations(grid.levels_at(indices))
    assert len({frozen(c) for c in found}) == len(indices)
    assert {frozen(c) for c in found} <= enumerate_by_hand(space, RESOLUTION)
    for i, configuration in zip(indices[:20], found, strict=False):
        space.check(configuration)
        assert grid.index(configuration) == i
        assert grid.configuration(int(i)) == configuration


@given(small, st.integers(0, 50))
def test_canonical_rows_are_equal_exactly_when_configurations_are(space: SearchSpace, seed: int) -> None:
    grid = space.grid(RESOLUTION)
    L = grid.sample(np.random.default_rng(seed), 30)
    configurations = grid.configurations(L)
    assert grid.configurations(grid.canonical(L)) == configurations
    rows = {tuple(row) for row in grid.canonical(L)}
    assert len(rows) == len({frozen(c) for c in configurations})
    indices = [grid.index(c) for c in configurations]
    np.testing.assert_array_equal(grid.levels_at(np.array(indices, dtype=object)), grid.canonical(L))


@given(small, st.integers(0, 50))
def test_grid_and_space_encode_alike(space: SearchSpace, seed: int) -> None:
    grid = space.grid(RESOLUTION)
    L = grid.sample(np.random.default_rng(seed), 10)
    np.testing.assert_allclose(grid.encode(L), space.encode(grid.configurations(L)), atol=1e-12)


@given(spaces(name="one"), spaces(name="other"), st.integers(0, 50))
def test_grid_and_union_encode_alike(one: SearchSpace, other: SearchSpace, seed: int) -> None:
    try:
        union = SearchSpace.union([one, other])
    except SpaceError:
        return
    grid = one.grid(RESOLUTION, encoder=union)
    L = grid.sample(np.random.default_rng(seed), 10)
    np.testing.assert_allclose(grid.encode(L), union.encode(grid.configurations(L), own=one), atol=1e-12)


@given(small, st.integers(0, 50))
def test_an_encoded_row_is_a_sum_of_one_table_row_per_axis(space: SearchSpace, seed: int) -> None:
    grid = space.grid(RESOLUTION)
    L = grid.sample(np.random.default_rng(seed), 10)
    on, X = grid.active(L), np.tile(grid.constant, (10, 1))
    for i in range(len(L)):
        for axis, (columns, table) in enumerate(grid.tables):
            X[i, columns] += table[L[i, axis] if on[i, axis] else -1]
    np.testing.assert_allclose(X, grid.encode(L), atol=1e-12)


@given(small, st.integers(0, 50))
def test_values_off_the_grid_have_a_nearest_point_on_it(space: SearchSpace, seed: int) -> None:
    grid = space.grid(RESOLUTION)
    for configuration in drawn(space, seed=seed):
        index = grid.index(configuration)
        assert 0 <= index < grid.size
        near = grid.configuration(index)
        for name, value in configuration.items():
            domain = space.domains[name]
            if name not in near:  # its parent moved to another level
                assert space.conditions
            elif isinstance(domain, (Categorical, Subset)):
                assert near[name] == value
            else:
                gaps = np.abs(domain.encode(domain.levels(RESOLUTION))[:, 0] - domain.encode([value])[0, 0])
                assert abs(domain.encode([near[name]])[0, 0] - domain.encode([value])[0, 0]) == gaps.min()


def test_counting_is_exact_at_ten_to_the_forty() -> None:
    space = SearchSpace("huge", {f"x{i}": Integer(0, 9) for i in range(40)})
    grid = space.grid(10)
    assert grid.size == 10**40
    for index in (0, 1, 10**40 - 1, 1234567890123456789012345678901234567890):
        configuration = grid.configuration(index)
        assert "".join(str(v) for v in configuration.values()) == f"{index:040d}"
        assert grid.index(configuration) == index
    L = grid.levels_at(np.array([10**39, 5], dtype=object))
    assert L.dtype == np.int64


def test_counting_with_conditions_is_exact_at_great_size() -> None:
    tail = {f"y{i}": Integer(0, 9) for i in range(30)}
    space = SearchSpace(
        "s",
        {"k": Categorical(("a", "b")), "x": Integer(1, 7), **tail},
        {"x": Condition.of({"k": "a"}), "y0": Condition.of({"k": "b"})},
    )
    grid = space.grid(10)
    assert grid.size == (7 + 10) * 10**29
    assert grid.index(grid.configuration(grid.size - 1)) == grid.size - 1


def test_fixed_values_leave_one_level() -> None:
    space = SearchSpace(
        "s",
        {"o": Categorical(("adam", "sgd")), "m": Real(0, 1), "f": Subset(("a", "b")), "n": Integer(1, 9)},
        {"m": Condition.of({"o": "sgd"})},
    )
    grid = space.grid(5, fixed={"o": "sgd", "f": ("b",), "m": 0.123})
    assert grid.size == 5
    found = grid.configurations(grid.levels_at(np.arange(5)))
    assert all(c["o"] == "sgd" and c["f"] == ("b",) and c["m"] == 0.123 for c in found)
    assert space.grid(5, fixed={"o": "adam"}).size == 4 * 5
    with pytest.raises(SpaceError, match=r"'o'.*adam.*'rmsprop'"):
        space.grid(5, fixed={"o": "rmsprop"})
    with pytest.raises(SpaceError, match="'q'"):
        space.grid(5, fixed={"q": 1})


@pytest.mark.parametrize("index", [-1, 27, 10**50])
def test_an_index_outside_the_grid_is_refused(index: int) -> None:
    grid = SearchSpace("s", {k: Integer(0, 2) for k in "abc"}).grid(3)
    with pytest.raises(SpaceError, match="from 0 to 26"):
        grid.configuration(index)


@pytest.mark.slow
def test_a_grid_of_one_level_and_a_knot_of_parents_are_refused() -> None:
    with pytest.raises(SpaceError, match="resolution"):
        SearchSpace("s", {"a": Real(0, 1)}).grid(1)
    parents = {f"p{i}": Integer(0, 11) for i in range(6)}
    knot = SearchSpace("s", {**parents, "c": Integer(0, 1)}, {"c": Condition.of(dict.fromkeys(parents, 1))})
    with pytest.raises(SpaceError, match=r"p0.*fewer levels"):
        _ = knot.grid(12).size


def test_ten_features_are_ten_axes() -> None:
    grid: Grid = SearchSpace("s", {"features": Subset(tuple("abcdefghij")), "d": Ordinal((1, 2, 4))}).grid()
    assert grid.shape == [2] * 10 + [3]
    assert grid.size == 1024 * 3
