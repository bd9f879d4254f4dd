"""Exhaustive search scores everything and loses nothing: enumeration by the score itself is the oracle."""

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from forerun.checks.search import RandomNetwork
from forerun.search import AtMost, Certified, Enumeration, Exhaustive, Problem, SearchStrategy, search
from forerun.search.sweep import parts as cut
from forerun.search.sweep.parts import parts
from forerun.search.tables.products import products
from forerun.search.tables.relaxation import Network
from forerun.space import Condition, Grid, Real, SearchSpace
from tests.search.problems import SPACE, network
from tests.search.test_certified import forbidden_in, rounded
from tests.space.strategies import spaces

pytestmark = pytest.mark.slow  # it scores everything, again and again

WIDTHS = st.sampled_from([(), (1,), (5,), (33,), (6, 4), (17, 3), (4, 3, 3)])


def many(domains: int, levels: int = 10) -> Grid:
    """A conditional space with two products, one of them of levels ** domains configurations."""
    extra = {f"x{i}": Real(0, 1) for i in range(domains - 1)}
    only = Condition.of({"learner": "svm"})
    conditions = {"svm.C": only, "x0": only}
    return SearchSpace("many", {**SPACE.domains, **extra}, {**SPACE.conditions, **conditions}).grid(
        levels, fixed={"learner": "svm", "svm.kernel": "linear", "features": ()}
    )


@contextmanager
def small_parts() -> Iterator[None]:
    """Cut small spaces into heads, blocks and suffixes as large ones are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cut, "TABLE", 1)
        patch.setattr(cut, "FEW", 5)
        patch.setattr(cut, "ROWS", 6)
        yield


def test_small_spaces_can_be_cut_as_large_ones_are() -> None:
    grid = SPACE.grid(4)
    score = network(grid, 0)
    with small_parts():
        found = parts(Problem(score, grid), Network(grid, score.layers()), products(grid) or [])
    assert sum(part.split.heads * part.block * part.suffix for part in found) == grid.size
    assert max(part.split.heads for part in found) > 3
    assert max(part.block for part in found) > 3
    assert max(part.suffix for part in found) > 3


@pytest.mark.parametrize("whole", [True, False])
@settings(max_examples=60, deadline=None, derandomize=True)
@given(spaces(most=4), st.integers(0, 10**6), WIDTHS, st.integers(1, 6))
def test_exhaustive_agrees_with_enumeration(
    whole: bool, space: SearchSpace, seed: int, widths: tuple[int, ...], k: int
) -> None:
    grid, rng = space.grid(3), np.random.default_rng(seed)
    tied, capped, opaque = rng.random(3) < 0.5
    assume(8 < grid.size <= 2_000)
    drawn = RandomNetwork.drawn(len(grid.encoder.columns), seed, widths)
    other = RandomNetwork.drawn(len(grid.encoder.columns), seed + 1, (4,))
    feasible = ((AtMost(other, 0.5),) if capped else ()) + ((lambda X: other(X) > -1.0,) if opaque else ())
    problem = Problem(rounded(drawn) if tied else drawn, grid, feasible, forbidden_in(space, rng))
    problem = problem.apart_from(grid.levels_at(rng.integers(0, grid.size, 2)), distance=1 + seed % 2)
    with nullcontext() if whole else small_parts():
        found = Exhaustive(workers=1).search(problem, k, np.random.default_rng(0))
    expected = Enumeration().search(problem, k, np.random.default_rng(0))
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-9)
    assert found.proven
    assert found.scored <= grid.size
    assert len(np.unique(found.L, axis=0)) == len(found.L)


@pytest.mark.parametrize("strategy", [Exhaustive(), Certified()])
@pytest.mark.parametrize("seed", range(3))
def test_a_limit_without_structure_that_forbids_the_best_half_is_kept(strategy: SearchStrategy, seed: int) -> None:
    grid = SPACE.grid(4)
    score = network(grid, seed)
    median = np.median(score(grid.encode(grid.levels_at(np.arange(grid.size)))))
    problem = Problem(score, grid, (lambda X: score(X) > median,))
    found = strategy.search(problem, 2, np.random.default_rng(0))
    expected = Enumeration().search(problem, 2, np.random.default_rng(0))
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-9)


@pytest.mark.parametrize("widths", [(), (1,), (5,), (33,), (64,), (8, 8), (33, 5, 3)])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_float32_is_off_by_no_more_than_its_bound(widths: tuple[int, ...], scale: float) -> None:
    grid = many(5, 4)
    drawn = RandomNetwork.drawn(len(grid.encoder.columns), len(widths), widths)
    score = RandomNetwork([(w * scale, b) for w, b in drawn.maps])
    structure = Network(grid, score.layers())
    for part in parts(Problem(score, grid), structure, products(grid) or []):
        rows = np.arange(part.block)
        head = part.split.head_at(part.split.heads - 1)
        z = part.stream.z(head)
        values = part.stream.scores(z, rows)
        off = np.abs(part.stream.minima(z, rows) - values.min(axis=1)).max()
        assert off <= part.stream.error
        assert part.stream.error < 1e-2 * np.abs(values).max()
        i, j = np.divmod(np.arange(values.size), part.suffix)
        true = score(grid.encode(part.split.product.rows(part.split.choices(head, i, j))))
        assert np.abs(true - values.ravel()).max() <= part.stream.slack + structure.slack


def test_numbers_that_float32_cannot_hold_are_scored_in_float64() -> None:
    grid = SPACE.grid(4)
    drawn = network(grid, 1)
    score = RandomNetwork([(w * 1e25, b * 1e25) for w, b in drawn.maps])
    found = Exhaustive().search(Problem(score, grid), 3, np.random.default_rng(0))
    expected = Enumeration().search(Problem(score, grid), 3, np.random.default_rng(0))
    np.testing.assert_allclose(found.scores, expected.scores)


def test_many_are_found_in_a_space_of_a_million() -> None:
    grid = many(6)
    score = network(grid, 5, 16)
    problem = Problem(score, grid)
    found = Exhaustive().search(problem, 1_000, np.random.default_rng(0))
    certified = Certified(60).search(problem, 1_000, np.random.default_rng(0))
    assert found.scored == grid.size
    np.testing.assert_allclose(found.scores, certified.scores, atol=1e-9)


def test_axes_that_change_nothing_cost_no_second_look() -> None:
    """All configurations score the same: after the first ones, none is worth the board."""
    grid = many(6)
    drawn = network(grid, 5, 16)
    score = RandomNetwork([(w * 0, b) for w, b in drawn.maps])
    asked: list[int] = []
    problem = Problem(Counted(score, asked), grid)
    found = Exhaustive().search(problem, 1, np.random.default_rng(0))
    assert found.proven
    assert sum(asked) < 100_000


class Counted:
    def __init__(self, score: RandomNetwork, asked: list[int]) -> None:
        self.score, self.asked = score, asked

    def __call__(self, X: np.ndarray) -> np.ndarray:
        self.asked.append(len(X))
        return self.score(X)

    def layers(self) -> list[tuple[np.ndarray, np.ndarray]]:
        return self.score.layers()


def test_time_is_kept_on_a_space_that_nobody_can_enumerate() -> None:
    grid = many(40)
    score = network(grid, 0, 32)
    began = time.perf_counter()
    found = search(score, grid, 3, np.random.default_rng(0), strategy=Exhaustive(seconds=0.5))
    assert time.perf_counter() - began < 20  # on a busy machine, too
    assert found.size == 10**40
    assert found.strategy == "exhaustive"
    assert not found.proven
    assert found.bound == -np.inf
    assert len(found.candidates) == 3


def test_an_interrupt_ends_it_with_the_best_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    grid = many(8)
    score = network(grid, 0, 32)
    calls = []

    def interrupted(self: object, part: object, scored: object) -> None:
        calls.append(part)
        if len(calls) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("forerun.search.sweep.exhaustive.Sweep._again", interrupted)
    found = Exhaustive().search(Problem(score, grid), 1, np.random.default_rng(0))
    assert not found.proven
    assert len(found.L) == 1
    calls.clear()
    with pytest.raises(KeyboardInterrupt):
        Exhaustive(interruptible=False).search(Problem(score, grid), 1, np.random.default_rng(0))


def test_the_bar_is_quiet_in_a_pipe(capfd: pytest.CaptureFixture[str]) -> None:
    grid = SPACE.grid(4)
    Exhaustive(progress=True).search(Problem(network(grid, 0), grid), 1, np.random.default_rng(0))
    assert capfd.readouterr() == ("", "")


def test_the_number_of_threads_changes_nothing() -> None:
    grid = many(6)
    problem = Problem(rounded(network(grid, 3, 8)), grid)
    one, four = (Exhaustive(workers=n).search(problem, 50, np.random.default_rng(0)) for n in (1, 4))
    np.testing.assert_array_equal(one.L, four.L)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_space() -> None:
    """From a million to a billion: less than 32 MB more at the peak, where the scores alone would be 4,000."""
    peaks = []
    for domains in (6, 9):
        grid = many(domains)
        found = Exhaustive().search(Problem(network(grid, 0, 32), grid), 10, np.random.default_rng(0))
        assert found.scored == grid.size
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    megabyte = 2**20 if sys.platform == "darwin" else 2**10
    assert peaks[1] - peaks[0] < 32 * megabyte
