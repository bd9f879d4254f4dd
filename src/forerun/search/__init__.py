"""The best of billions of configurations by a score, without training any.

Strategies that only ask for scores stand here. Scores that say what they are made of (`tables`) can be searched
with proof, by branch and bound (`proof`) or by scoring everything (`sweep`). Some strategies learn: a policy what
scores well (`policy`), a recurrent network to optimize (`recurrent`).
"""

import time
from collections.abc import Sequence

import numpy as np

from forerun.search.ascent import CoordinateAscent
from forerun.search.base import AtMost, Candidate, Feasible, Found, Problem, Ranked, Score, SearchStrategy
from forerun.search.diversity import search_diverse
from forerun.search.enumeration import Enumeration
from forerun.search.evolution import Evolution
from forerun.search.policy.reinforce import Reinforce, ReinforceRecurrent
from forerun.search.proof.certified import Certified
from forerun.search.random import Random
from forerun.search.refinement import refine
from forerun.search.sweep.exhaustive import Exhaustive
from forerun.search.tables.relaxation import Network
from forerun.search.tables.talents import structure_of
from forerun.space import Condition, Configuration, Grid

STRATEGIES: dict[str, type[SearchStrategy]] = {
    "enumeration": Enumeration,
    "exhaustive": Exhaustive,
    "certified": Certified,
    "ascent": CoordinateAscent,
    "evolution": Evolution,
    "reinforce": Reinforce,
    "reinforce_recurrent": ReinforceRecurrent,
    "random": Random,
}

HEURISTICS = ("ascent", "evolution", "reinforce", "reinforce_recurrent", "random")
"""Strategies for any score on a grid of any size; none of them proves anything."""

SECONDS = 5.0
"""Time for a proof, where there can be one."""
RATE = 2e10
"""Operations a second that exhaustive search does at least, on two cores."""
LIMIT = 200_000
"""Grids of at most this many configurations are enumerated, which takes a second or two."""


def search(
    score: Score,
    grid: Grid,
    k: int,
    rng: np.random.Generator,
    *,
    strategy: SearchStrategy | None = None,
    min_distance: int = 0,
    seconds: float = SECONDS,
    limit: int = LIMIT,
    feasible: Sequence[Feasible] = (),
    forbidden: Sequence[Condition] = (),
    taken: Sequence[Configuration] = (),
    starts: Sequence[Configuration] = (),
    off_grid: bool = False,
) -> Found:
    """Find the k best configurations of a grid, best first, any two at least `min_distance` axes apart.

    score takes encoded configurations (n, d) and returns (n,), lower is better, +inf forbids. `feasible`
    forbids too (what would train too long, say: `AtMost`), so does `forbidden` (every clause of one of its
    conditions holds), and grid points nearest to the configurations in `taken` are not proposed. `starts` are
    worth starting from. Fixed values are the grid's (`space.grid(fixed=...)`).

    Without a strategy, a score that says what it is made of (`space.Additive`, `space.Quadratic`) is searched
    with proof, for at most `seconds`: by branch and bound, and where that does not get through in half of the
    time, by scoring everything, if the time allows. With another score, grids of at most `limit` configurations
    are enumerated, larger ones climbed. `Found` says which it was and what it promises. With `off_grid` the
    numeric values of what was found are then moved off the grid where that is better: the promises are of the grid.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1; got {k}")
    began = time.perf_counter()
    problem = Problem(score, grid, tuple(feasible), tuple(forbidden), starts=_rows(grid, starts))
    problem = problem.apart_from(_rows(grid, taken))
    for engine in [strategy] if strategy else plan(problem, seconds, limit):
        ranked = search_diverse(engine, problem, k, rng, min_distance)
        if ranked.proven:
            break
    candidates = _candidates(problem, ranked)
    if off_grid:
        candidates = refine(problem, ranked.L, ranked.scores, rng)
    return Found(
        candidates=candidates,
        scored=ranked.scored,
        size=grid.size,
        proven=ranked.proven,
        bound=ranked.bound,
        seconds=time.perf_counter() - began,
        strategy=next((name for name, cls in STRATEGIES.items() if cls is type(engine)), type(engine).__name__),
    )


def plan(problem: Problem, seconds: float, limit: int) -> list[SearchStrategy]:
    """The strategies for a problem, until one has a proof: what the score's talents, the grid and the time allow."""
    structure, size = structure_of(problem.score, problem.grid), problem.grid.size
    if structure is None:
        return [Enumeration() if size <= limit else CoordinateAscent()]
    if isinstance(structure, Network) and size * structure.operations <= RATE * seconds / 2:
        # the second one first raises the bar as the first one does, so it finds nothing worse
        return [Certified(seconds / 2), Exhaustive(seconds / 2, interruptible=False)]
    return [Certified(seconds)]


def _rows(grid: Grid, configurations: Sequence[Configuration]) -> np.ndarray:
    rows = [grid.nearest(configuration) for configuration in configurations]
    return np.array(rows, dtype=np.int64).reshape(-1, len(grid.axes))


def _candidates(problem: Problem, ranked: Ranked) -> list[Candidate]:
    configurations = problem.grid.configurations(ranked.L)
    return [Candidate(c, float(s)) for c, s in zip(configurations, ranked.scores, strict=True)]


__all__ = [
    "HEURISTICS",
    "LIMIT",
    "STRATEGIES",
    "AtMost",
    "Candidate",
    "Certified",
    "CoordinateAscent",
    "Enumeration",
    "Evolution",
    "Exhaustive",
    "Feasible",
    "Found",
    "Problem",
    "Random",
    "Ranked",
    "Reinforce",
    "ReinforceRecurrent",
    "Score",
    "SearchStrategy",
    "plan",
    "refine",
    "search",
]
