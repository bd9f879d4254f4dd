"""Quadratic scores: their bounds hold, message passing on a tree is dynamic programming, brute force is the oracle."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from forerun.search import Certified, Problem, search
from forerun.search.tables.pairs import Pairs
from forerun.search.tables.products import products
from forerun.space import Categorical, Floats, Grid, Real, SearchSpace
from tests.search.problems import check_bounds, large
from tests.search.test_certified import allowed_by_hand, forbidden_in
from tests.space.strategies import spaces

pytestmark = pytest.mark.slow  # it enumerates what the others bound

SEEDS = st.integers(0, 10**6)


@dataclass(frozen=True)
class RandomQuadratic:
    """A quadratic score of encoded rows that says what it is made of."""

    affine: tuple[Floats, Floats]
    Q: Floats
    q: Floats
    c: float

    @classmethod
    def drawn(cls, columns: int, rng: np.random.Generator, size: int | None = None) -> Self:
        """Draw one of so many components; without a number, every pair of columns has a term of its own."""
        A = np.eye(columns) if size is None else rng.normal(size=(columns, size))
        Q = rng.normal(size=(A.shape[1], A.shape[1]))
        return cls((A, rng.normal(size=A.shape[1])), (Q + Q.T) / 2, rng.normal(size=len(Q)), rng.normal())

    def __call__(self, X: Floats) -> Floats:
        """Score encoded rows, one product after the other."""
        z = X @ self.affine[0] + self.affine[1]
        return np.asarray(((z @ self.Q) * z).sum(axis=1) + z @ self.q + self.c)

    def quadratic(self) -> tuple[tuple[Floats, Floats], Floats, Floats, float]:
        """As `Quadratic.quadratic`."""
        return self.affine, self.Q, self.q, self.c


def whole_numbers(score: RandomQuadratic) -> RandomQuadratic:
    """Small whole numbers for weights: many configurations score the same."""
    offset = np.zeros(len(score.q))
    return RandomQuadratic((np.round(score.affine[0]), offset), np.round(score.Q), np.round(score.q), 0.0)


def graph(
    domains: int, partners: Sequence[tuple[int, int]], rng: np.random.Generator, levels: int = 3
) -> tuple[Grid, RandomQuadratic]:
    """A grid of categorical domains, and a score with terms for some pairs of them only."""
    domain = Categorical(tuple("abcdefghijkl"[:levels]))
    grid = SearchSpace("graph", {f"x{i}": domain for i in range(domains)}, {}).grid(levels)
    columns = len(grid.encoder.columns)
    full = RandomQuadratic.drawn(columns, rng)
    owner = np.array([int(re.findall(r"x(\d+)", name)[0]) for name in grid.encoder.columns])
    allowed = np.eye(domains, dtype=bool)
    for i, j in partners:
        allowed[i, j] = allowed[j, i] = True
    return grid, RandomQuadratic(full.affine, full.Q * allowed[np.ix_(owner, owner)], full.q, full.c)


def tree(domains: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Each domain but the first has one partner among those before, in a random order."""
    names = rng.permutation(domains)
    return [(int(names[i]), int(names[rng.integers(i)])) for i in range(1, domains)]


def chain(domains: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Neighbours in a random order."""
    return list(itertools.pairwise(rng.permutation(domains).tolist()))


def quadratic(score: RandomQuadratic, grid: Grid) -> Pairs:
    return Pairs(grid, *score.quadratic())


@settings(max_examples=80, deadline=None, derandomize=True)
@given(spaces(most=4), SEEDS, st.sampled_from([None, 1, 3]))
def test_no_completion_is_below_its_bound(space: SearchSpace, seed: int, size: int | None) -> None:
    grid, rng = space.grid(3), np.random.default_rng(seed)
    structure = quadratic(RandomQuadratic.drawn(len(grid.encoder.columns), rng, size), grid)
    check_bounds(structure, grid, rng)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(spaces(most=4), SEEDS, st.sampled_from([None, 1, 3]), st.integers(1, 6))
def test_certified_is_brute_force(space: SearchSpace, seed: int, size: int | None, k: int) -> None:
    grid, rng = space.grid(3), np.random.default_rng(seed)
    assume(8 < grid.size <= 300)
    drawn = RandomQuadratic.drawn(len(grid.encoder.columns), rng, size)
    score = whole_numbers(drawn) if seed % 2 else drawn
    problem = Problem(score, grid, forbidden=forbidden_in(space, rng))
    problem = problem.apart_from(grid.levels_at(rng.integers(0, grid.size, 2)), distance=1 + seed % 2)
    found, allowed = Certified(60).search(problem, k, np.random.default_rng(0)), allowed_by_hand(problem)
    np.testing.assert_allclose(found.scores, allowed[:k], atol=1e-8)
    assert found.proven
    assert len(np.unique(found.L, axis=0)) == len(found.L)
    assert all(value >= found.bound for value in allowed[len(found.scores) :])


@pytest.mark.parametrize("kind", [chain, tree])
@pytest.mark.parametrize("seed", range(10))
def test_the_bound_at_the_root_of_a_tree_is_the_optimum(kind: type, seed: int) -> None:
    rng = np.random.default_rng(seed)
    grid, score = graph(7, kind(7, rng), rng)
    structure = quadratic(score, grid)
    (product,) = products(grid) or []
    arranged = product.arranged(structure.spreads(product), structure.leaf)
    optimum = score(grid.encode(grid.levels_at(np.arange(grid.size)))).min()
    for factors in (product, arranged):
        children, _ = structure.on(factors).below(np.zeros((1, 0), dtype=np.int32))
        assert children.min() == pytest.approx(optimum, abs=structure.slack)
    bounds = structure.on(arranged)
    _, completion = bounds.below(np.zeros((1, 0), dtype=np.int32))
    assert bounds.value(completion)[0] == pytest.approx(optimum, abs=structure.slack)


@pytest.mark.parametrize("kind", [chain, tree])
def test_a_tree_of_10_to_the_40_is_certified_with_its_best_ten(kind: type) -> None:
    rng = np.random.default_rng(3)
    grid, score = graph(40, kind(40, rng), rng, levels=10)
    assert grid.size == 10**40
    found = search(score, grid, 10, np.random.default_rng(0))
    assert found.strategy == "certified"
    assert found.proven


def test_pairs_that_vanish_are_dropped() -> None:
    rng = np.random.default_rng(0)
    partners = [(0, 3), (3, 4)]
    grid, score = graph(6, partners, rng)
    # turned, so that what vanishes does so only up to rounding
    turn = np.linalg.qr(rng.normal(size=score.Q.shape))[0]
    turned = RandomQuadratic((turn, score.affine[1] @ turn), turn.T @ score.Q @ turn, score.q @ turn, score.c)
    (product,) = products(grid) or []
    model = quadratic(turned, grid).model(product)
    axes = [factor.axes[0] for factor in product.factors]
    kept = {(axes[i], axes[j]) for i, j in zip(*np.nonzero(np.triu(model.partners)), strict=True)}
    assert kept == set(partners)
    everything = grid.encode(grid.levels_at(np.arange(grid.size)))
    np.testing.assert_allclose(turned(everything), score(everything), atol=1e-9)


def test_the_tables_say_what_the_score_says() -> None:
    grid, rng = large(3).grid(4, fixed={"x0": 0.25}), np.random.default_rng(1)
    score = RandomQuadratic.drawn(len(grid.encoder.columns), rng, 5)
    structure = quadratic(score, grid)
    for product in products(grid) or []:
        choice = np.stack([rng.integers(0, len(f), 50) for f in product.factors], axis=1).astype(np.int32)
        bounds, D = structure.on(product), len(product.factors)
        expected = score(grid.encode(product.rows(choice)))
        np.testing.assert_allclose(bounds.value(choice), expected, atol=structure.slack)
        np.testing.assert_allclose(
            bounds.moves(choice, D - 1)[np.arange(50), choice[:, -1]], expected, atol=structure.slack
        )
        base, parts = bounds.line(choice[:, :-1])
        np.testing.assert_allclose(base + parts[np.arange(50), choice[:, -1]], expected, atol=structure.slack)


def test_a_dense_score_of_10_to_the_12_is_certified() -> None:
    rng = np.random.default_rng(5)
    grid = SearchSpace(
        "dense", {f"x{i}": Real(0, 1) if i % 2 else Categorical(tuple("abcdefgh")) for i in range(13)}, {}
    ).grid(10)
    found = search(RandomQuadratic.drawn(len(grid.encoder.columns), rng), grid, 1, rng)
    assert grid.size > 10**12
    assert found.proven
