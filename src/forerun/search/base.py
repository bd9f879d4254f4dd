"""The contract of search strategies: the best k of a discretised space by a score, without training any.

A strategy sees level matrices (see `space.grid`) and a score, never a meta-learner's class. Lower scores
are better. A level matrix L is (n, D) int64: for every domain of the space the index of its level, also
for domains that are inactive in a row (the grid knows which are, encodes them as inactive, and makes two
rows that differ only in inactive levels one configuration).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forerun.space import Configuration, Grid

Floats = npt.NDArray[np.float64]
Levels = npt.NDArray[np.int64]
Score = Callable[[Floats], Floats]
"""Encoded configurations (n, d) to scores (n,), lower is better, finite."""


@dataclass(frozen=True)
class Candidate:
    """One configuration that a search proposes."""

    configuration: Configuration
    score: float


@dataclass(frozen=True)
class Found:
    """What a search found and how far it can be trusted."""

    candidates: list[Candidate]
    """k distinct configurations, best first."""
    scored: int
    """How many candidates were scored."""
    size: int
    """How many the space holds (exact)."""
    exhaustive: bool
    """True when nothing in the space scores better than the first candidate, for certain."""
    seconds: float


class SearchStrategy(ABC):
    """Finds configurations with low scores."""

    @abstractmethod
    def search(self, score: Score, grid: Grid, k: int, rng: np.random.Generator) -> Found:
        """Return the k best distinct configurations found, best first (fewer when the space holds fewer)."""
