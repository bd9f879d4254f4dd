"""The contract of search strategies: the best of a discretised space by a score, without training any.

A strategy sees level matrices (see `space.grid`) and a score, never a meta-learner's class. Lower scores
are better. A level matrix L is (n, A) int64: for every axis of the grid the index of its level, also for
axes that are inactive in a row (the grid knows which are, encodes them as inactive, and makes two rows
that differ only in inactive levels one configuration).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from forerun.space import Condition, Configuration, Grid

Floats = npt.NDArray[np.float64]
Levels = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]
Score = Callable[[Floats], Floats]
"""Encoded configurations (n, d) to scores (n,), lower is better; +inf forbids, NaN is an error."""
Feasible = Callable[[Floats], Booleans]
"""Encoded configurations (n, d) to whether each may be proposed (n,)."""

CHUNK = 2**14
"""Rows encoded at once: what is encoded stays in the cache, and memory does not grow with the space."""


@dataclass(frozen=True)
class AtMost:
    """Feasible is what scores no more than a limit; a search may read the score's structure, where it has one."""

    score: Score
    limit: float

    def __call__(self, X: Floats) -> Booleans:
        """Which encoded configurations are within the limit."""
        return np.asarray(self.score(X) <= self.limit)


@dataclass(frozen=True)
class Candidate:
    """One configuration that a search proposes."""

    configuration: Configuration
    score: float


@dataclass(frozen=True)
class Found:
    """What a search found and how far it can be trusted."""

    candidates: list[Candidate]
    """Distinct configurations, best first; fewer than asked for when no more are allowed (or were found)."""
    scored: int
    """How many candidates were scored."""
    size: int
    """How many the grid holds (exact)."""
    proven: bool
    """True when these are the best for certain: no other allowed configuration of the grid scores below `bound`."""
    bound: float
    """No allowed configuration of the grid that is not among the candidates scores below this, for certain.

    -inf when nothing is known; with a proof it is the last candidate's score less the search's tolerance, and
    +inf when nothing else is allowed. Between the two, it says how much better an unseen one could be.
    """
    seconds: float
    strategy: str = ""
    """Name of the strategy that was used."""

    @property
    def gap(self) -> float:
        """By how much an unseen configuration could be better than the best candidate, at most."""
        best = min((c.score for c in self.candidates), default=np.inf)
        return 0.0 if self.proven else max(0.0, best - self.bound)


@dataclass(frozen=True)
class Problem:
    """What is to be searched: a grid by a score, and what may not be proposed."""

    score: Score
    grid: Grid
    feasible: tuple[Feasible, ...] = ()
    """What may be proposed: all of them must allow it (a predicted training time within the budget, for example)."""
    forbidden: tuple[Condition, ...] = ()
    """Combinations that may not be proposed."""
    taken: tuple[tuple[Levels, int], ...] = ()
    """Rows (t, A) and a distance: what is fewer than that many axes from one of them may not be proposed."""
    starts: Levels | None = None
    """(s, A) rows worth starting from, for strategies that start somewhere."""

    def values(self, L: Levels) -> Floats:
        """Score the rows (n,); what is forbidden scores +inf."""
        if len(L) == 0:
            return np.zeros(0)
        return np.concatenate([self._chunk(L[i : i + CHUNK]) for i in range(0, len(L), CHUNK)])

    def _chunk(self, L: Levels) -> Floats:
        values = self.evaluate(self.grid.encode(L))
        for rows, distance in self.taken:
            values[self._near(L, rows, distance)] = np.inf
        for condition in self.forbidden:
            values[self.grid.meets(condition, L)] = np.inf
        return values

    def evaluate(self, X: Floats) -> Floats:
        """Score encoded rows (n, d); what is not feasible scores +inf."""
        values = np.array(self.score(X), dtype=np.float64)
        if values.shape != (len(X),) or np.isnan(values).any():
            raise ValueError(f"a score must give one number a row, none of them NaN; got {values} for {len(X)} rows")
        for feasible in self.feasible:
            values[~np.asarray(feasible(X), dtype=bool)] = np.inf
        return values

    def _near(self, L: Levels, others: Levels, distance: int) -> Booleans:
        if distance == 1:  # the usual case: equal rows, found by sorting
            canonical = self.grid.canonical
            return np.asarray(np.isin(row_bytes(canonical(L)), row_bytes(canonical(others))))
        rows, near = mark(self.grid, L), np.zeros(len(L), dtype=bool)
        for other in mark(self.grid, others):
            near |= (rows != other).sum(axis=1) < distance
        return near

    def apart_from(self, rows: Levels, distance: int = 1) -> Self:
        """Return the problem with everything fewer than `distance` axes from these rows (t, A) forbidden too."""
        return replace(self, taken=(*self.taken, (rows, distance))) if len(rows) else self


def row_bytes(L: Levels) -> npt.NDArray[np.void]:
    """Each row as one opaque value (n,), so that rows can be sorted and compared at once."""
    return np.ascontiguousarray(L).view(np.dtype((np.void, L.shape[1] * L.itemsize))).ravel()


def mark(grid: Grid, L: Levels) -> Levels:
    """Set inactive axes to -1: in how many entries two rows differ is how many axes they are apart."""
    return np.where(grid.active(L), L, -1)


@dataclass(frozen=True)
class Ranked:
    """The best rows of a grid that a strategy found."""

    L: Levels
    """(m, A) canonical, distinct, best first, none of them forbidden."""
    scores: Floats
    """(m,) finite"""
    scored: int
    proven: bool
    """True when no allowed row that is missing here scores below `bound`, and that is the last row's score."""
    bound: float
    """No allowed row that is missing here scores below this: -inf when nothing is known (see `Found.bound`)."""


class SearchStrategy(ABC):
    """Finds configurations with low scores."""

    pool: ClassVar[int] = 50
    """Rows to ask for, for each candidate, where candidates must be apart: many where more cost nothing."""

    @abstractmethod
    def search(self, problem: Problem, m: int, rng: np.random.Generator) -> Ranked:
        """Return the m best rows found (fewer when fewer are allowed). Same generator state, same answer."""
