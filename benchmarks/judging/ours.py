"""A meta-learner as a method: predicts by its surrogate, chooses by expected improvement.

As in `forerun.evaluation.replay`: the first trial is the lowest mean, and improvement is counted from the best
prediction, not the best result, of what was tried, since single results are noisy.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from forerun.metadata import MetaDataset
from forerun.metalearners import METALEARNERS, Context, Prediction, Surrogate, widths
from forerun.tuning.acquisition import improvement_of
from judging.base import Candidates, Method, Seen


@dataclass
class Ours(Method):
    """A meta-learner of the registry."""

    name: str

    def fit(self, meta: MetaDataset, rng: np.random.Generator) -> Self:
        """Learn across tasks."""
        self.learner_ = METALEARNERS[self.name]().fit(meta)
        return self

    def choose(self, candidates: Candidates, seen: Seen, rng: np.random.Generator) -> int:
        """The highest expected improvement among those that are left."""
        rows = list(seen.rows)
        score = np.array(improvement_of(self._adapted(candidates, seen), candidates.X, rows))
        score[rows] = np.inf
        return int(np.argmin(score))

    def predict(self, candidates: Candidates, seen: Seen) -> Prediction:
        """In raw units."""
        surrogate = self._adapted(candidates, seen)
        return surrogate.to_units(surrogate.predict(candidates.X))

    def widths(self, candidates: Candidates, seen: Seen) -> Mapping[int, float]:
        """As `Bounding.widths`."""
        return widths(self._adapted(candidates, seen))

    def _adapted(self, candidates: Candidates, seen: Seen) -> Surrogate:
        return self.learner_.adapt(Context(candidates.features, candidates.X[list(seen.rows)], seen.losses))
