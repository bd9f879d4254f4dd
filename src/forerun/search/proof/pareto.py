"""The Pareto front of two scores over a grid, exactly: what no configuration beats in one without losing in the other.

Branch and bound with a goal of its own. Let p and q be neighbours on the front so far, p better in the first
score and q in the second: what is unseen is wanted between them only inside the *corner* (q1, p2), better than q
in the first score and than p in the second. A node is bounded in both scores and in weighted sums of them:
lines below the scores (`structure.Line`) add up to a line below the sum, whose least is more than the sum of
their leasts. A node is cut off when it reaches into no corner. (Bound sets: Przybylski and Gandibleux,
Multi-objective branch and bound, European Journal of Operational Research 2017.)

Notation: n nodes or configurations, C corners, q sums. Inside, scores are divided by their ranges.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forerun.search.base import Booleans, Feasible, Floats, Levels, Problem, Score
from forerun.search.proof.best import agree
from forerun.search.proof.branch import BranchAndBound, Goal
from forerun.search.tables.pieces import Piece, pieces
from forerun.search.tables.products import Choice
from forerun.search.tables.structure import Bounds, Line, Structure
from forerun.search.tables.talents import structure_of
from forerun.space import Condition, Configuration, Grid

SECONDS = 60.0
SUMS = np.array([[0.5, 0.5], [0.15, 0.85], [0.85, 0.15], [1.0, 0.0], [0.0, 1.0]])
"""(q, 2) weights of the scores in the sums that nodes are bounded by; the first one orders the search."""
TRIES = 4
"""Completions of each chunk that are looked at, for each sum."""
DRAWN = 500
"""Random configurations of each product from which the ranges of the scores are told."""


@dataclass(frozen=True)
class Front:
    """Configurations of which none is beaten by another."""

    configurations: list[Configuration]
    """In order of the first score, best first."""
    scores: Floats
    """(n, 2), rising in the first column and falling in the second."""
    proven: bool
    """True when every allowed configuration of the grid is beaten or matched by one of these, up to the tolerance."""
    size: int
    """How many configurations the grid holds."""
    seconds: float


def pareto(
    scores: tuple[Score, Score],
    grid: Grid,
    rng: np.random.Generator,
    *,
    feasible: Sequence[Feasible] = (),
    forbidden: Sequence[Condition] = (),
    seconds: float = SECONDS,
    tolerance: float = 1e-6,
) -> Front:
    """Find the front of two scores, lower is better in both; the tolerance is a share of each score's range.

    When the time is up, the front is what was found so far. Raises ValueError for scores that do not say what
    they are made of (`space.Additive`).
    """
    began = time.perf_counter()
    problem = Problem(scores[0], grid, tuple(feasible), tuple(forbidden))
    first, second = (structure_of(score, grid) for score in scores)
    parts = None if first is None else pieces(problem, first)
    if parts is None or second is None:
        raise ValueError("a Pareto front needs two scores that say what they are made of; got one that does not")
    goal = Unbeaten(problem, scores[1], second, tolerance)
    goal.start(parts, rng)
    left = BranchAndBound(goal).run(parts, began + seconds)
    configurations: list[Configuration] = [*grid.configurations(goal.L)]
    return Front(configurations, goal.points * goal.scale, left == np.inf, grid.size, time.perf_counter() - began)


class Unbeaten(Goal):
    """The front so far, and its corners."""

    def __init__(self, problem: Problem, second: Score, structure: Structure, tolerance: float) -> None:
        self.problem, self.second, self.structure, self.tolerance = problem, second, structure, tolerance
        self.bounds: dict[int, Bounds] = {}
        self.scale = np.ones(2)
        self.L: Levels = np.zeros((0, len(problem.grid.axes)), dtype=np.int64)
        self.points = np.zeros((0, 2))
        self.corners = Corners(self.points, tolerance)

    def start(self, parts: list[Piece], rng: np.random.Generator) -> None:
        """Measure the scores on random configurations, which are the first front."""
        self.bounds = {id(piece): self.structure.on(piece.product) for piece in parts}
        drawn = [
            np.stack([rng.integers(0, len(f), DRAWN) for f in piece.product.factors], axis=1).astype(np.int32)
            for piece in parts
        ]
        values = np.vstack([self._values(piece, choice) for piece, choice in zip(parts, drawn, strict=True)])
        values = values[np.isfinite(values).all(axis=1)]
        if len(values):
            self.scale = np.maximum(np.ptp(values, axis=0), 1e-9)
        for piece, choice in zip(parts, drawn, strict=True):
            self.take(piece, choice)

    def below(self, piece: Piece, choice: Choice) -> Floats:
        """As `Goal.below`: one bound for each sum."""
        t, allowed = choice.shape[1], piece.allowed(choice)
        one, two = piece.bounds.line(choice), self.bounds[id(piece)].line(choice)
        found = []
        for a, b in SUMS / self.scale:
            line = Line(a * one.base + b * two.base, a * one.parts + b * two.parts)
            self.take(piece, piece.bounds.complete(choice, line, TRIES))
            found.append(np.where(allowed, piece.bounds.children(line, t), np.inf))
        return np.stack(found, axis=2)

    def wanted(self, bounds: Floats) -> Booleans:
        """As `Goal.wanted`."""
        return self.corners.reached(bounds)

    def take(self, piece: Piece, choice: Choice) -> None:
        """As `Goal.take`: put on the front what is not beaten."""
        values = self._values(piece, choice) / self.scale
        good: Booleans = np.asarray(np.isfinite(values).all(axis=1))
        good[good] = self.wanted(values[good] @ SUMS.T)
        if not good.any():
            return
        L = piece.product.rows(choice[good])
        exact = np.stack([self.problem.values(L), self.second(self.problem.grid.encode(L))], axis=1)
        for column in range(2):
            agree(values[good][:, column] * self.scale[column], exact[:, column], self.tolerance)
        kept = np.isfinite(exact[:, 0])
        self._join(L[kept], exact[kept] / self.scale)

    def _values(self, piece: Piece, choice: Choice) -> Floats:
        return np.stack([piece.value(choice), self.bounds[id(piece)].value(choice)], axis=1)

    def _join(self, L: Levels, points: Floats) -> None:
        L, points = np.vstack([self.L, L]), np.vstack([self.points, points])
        order = np.lexsort((*L.T[::-1], points[:, 1], points[:, 0]))
        L, points = L[order], points[order]
        before = np.minimum.accumulate(np.concatenate([[np.inf], points[:-1, 1]]))
        kept = points[:, 1] < before
        self.L, self.points = L[kept], points[kept]
        self.corners = Corners(self.points, self.tolerance)


class Corners:
    """What a front leaves open."""

    def __init__(self, points: Floats, tolerance: float) -> None:
        # (C,) from left to right: before the first point, between neighbours, after the last
        self.x = np.concatenate([points[:, 0], [np.inf]]) - tolerance
        self.y = np.concatenate([[np.inf], points[:, 1]]) - tolerance
        sums = [(a * self.x if a else 0.0) + (b * self.y if b else 0.0) for a, b in SUMS]  # 0 times inf is no number
        # highest[i][:, j] is the highest of each sum among the corners j ... j + 2^i - 1
        self.highest = [np.array(sums)]
        while (step := 2 ** (len(self.highest) - 1)) * 2 <= len(self.x):
            last = self.highest[-1]
            self.highest.append(np.maximum(last[:, :-step], last[:, step:]))

    def reached(self, bounds: Floats) -> Booleans:
        """Which nodes with these bounds (n, q) of the sums may reach into a corner (n,).

        Each score alone leaves a run of corners; every sum must be low enough for one of those.
        """
        start = np.searchsorted(self.x, bounds[:, 3], side="right")
        stop = np.searchsorted(-self.y, -bounds[:, 4], side="left")
        reached = start < stop
        rows = np.flatnonzero(reached)
        length = stop[rows] - start[rows]
        level = np.log2(length).astype(int)
        for i in np.unique(level):
            at = rows[level == i]
            table = self.highest[i]
            most = np.maximum(table[:, start[at]], table[:, stop[at] - 2**i])
            reached[at] = (most > bounds[at].T).all(axis=0)
        return reached
