"""Peers that need no model of the target: random search, the best on average, a portfolio, nearest data sets.

Notation: T source tasks, N candidates, R (T, N) normalised regrets (see `matrix`).

The greedy portfolio (what zero-shot AutoML ships; Feurer et al., JMLR 2022, section 3) adds the candidate that
lowers sum_t min(R_t, regret of the portfolio so far on t) the most; among equals, the best on average.
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.stats import rankdata

from forerun.metadata import MetaDataset
from forerun.space import Floats
from judging.base import Candidates, Method, Seen
from judging.matrix import Matrix

NEIGHBOURS = 5
TELLING = 3
"""Trials from which their rank correlation says which data sets are alike."""


class Random(Method):
    """Uniformly at random, without replacement."""

    def fit(self, meta: MetaDataset, rng: np.random.Generator) -> Self:
        """Nothing to learn."""
        return self

    def choose(self, candidates: Candidates, seen: Seen, rng: np.random.Generator) -> int:
        """Any of those that are left."""
        return int(rng.choice(np.setdiff1d(np.arange(len(candidates.X)), seen.rows)))


@dataclass
class Tabulated(Method):
    """Chooses by the regrets of the candidates on the source tasks."""

    def fit(self, meta: MetaDataset, rng: np.random.Generator) -> Self:
        """Tabulate the source tasks."""
        self.matrix_ = Matrix.of(meta)
        self.features_ = meta.features
        self.last_: tuple[Floats, Floats] = (np.zeros((0, 0)), np.zeros((0, 0)))
        """Candidates that were asked about last, and their regrets: a cache."""
        return self

    def choose(self, candidates: Candidates, seen: Seen, rng: np.random.Generator) -> int:
        """The lowest score of those that are left; the first among equals."""
        if self.last_[0] is not candidates.X:
            self.last_ = (candidates.X, self.matrix_.regrets(candidates.X))
        R = self.last_[1]
        keys = [np.round(score, 12) for score in self.scores(R, candidates, seen)]
        for key in keys:
            key[list(seen.rows)] = np.inf
        return int(np.lexsort(keys[::-1])[0])

    @abstractmethod
    def scores(self, R: Floats, candidates: Candidates, seen: Seen) -> list[Floats]:
        """Scores (N,) of the candidates, the first decides, the others among its equals; lower is better."""


class Average(Tabulated):
    """The best on average over the source tasks, one after the other."""

    def scores(self, R: Floats, candidates: Candidates, seen: Seen) -> list[Floats]:
        """Mean regrets."""
        return [R.mean(axis=0)]


class Portfolio(Tabulated):
    """The greedy portfolio: each configuration serves the tasks that those before it serve badly."""

    def scores(self, R: Floats, candidates: Candidates, seen: Seen) -> list[Floats]:
        """Mean over the tasks of the best regret, were the candidate added to those tried."""
        so_far = R[:, list(seen.rows)].min(axis=1, initial=1.0)
        return [np.minimum(so_far[:, None], R).mean(axis=0), R.mean(axis=0)]


class Nearest(Tabulated):
    """The best on average over the nearest data sets, by meta-features; without any, by the trials so far."""

    def scores(self, R: Floats, candidates: Candidates, seen: Seen) -> list[Floats]:
        """Mean regrets over the neighbours, then over all tasks."""
        near = np.argsort(self._distance(R, candidates, seen), kind="stable")[:NEIGHBOURS]
        return [R[near].mean(axis=0), R.mean(axis=0)]

    def _distance(self, R: Floats, candidates: Candidates, seen: Seen) -> Floats:
        """(T,), all equal as long as nothing tells the tasks apart."""
        if self.features_.shape[1]:
            return np.linalg.norm(self.features_ - candidates.features, axis=1)
        losses = np.where(np.isfinite(seen.losses), seen.losses, np.inf)
        if len(losses) < TELLING:
            return np.zeros(len(R))
        ranks = rankdata(R[:, list(seen.rows)], axis=1)
        return -_correlations(ranks, rankdata(losses))


def _correlations(A: Floats, b: Floats) -> Floats:
    """Of each row of A (T, k) with b (k,); 0 where one of the two is constant."""
    A, b = A - A.mean(axis=1, keepdims=True), b - b.mean()
    norms = np.linalg.norm(A, axis=1) * np.linalg.norm(b)
    return np.divide(A @ b, norms, out=np.zeros(len(A)), where=norms > 0)
