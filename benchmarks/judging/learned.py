"""The recurrent optimizer as a method: taught on the source tasks, it says which candidate is nearest to its proposal.

Nothing is fitted to the target, and its meta-features are not looked at.
"""

from dataclasses import dataclass, field
from typing import Self

import numpy as np

from forerun.metadata import MetaDataset
from forerun.search.recurrent import RecurrentOptimizer
from forerun.tuning.learned import learn_to_optimize
from judging.base import Candidates, Method, Seen


@dataclass
class LearnedOptimizer(Method):
    """Chen et al., ICML 2017 (`forerun.search.recurrent`)."""

    optimizer: RecurrentOptimizer = field(default_factory=RecurrentOptimizer)

    def fit(self, meta: MetaDataset, rng: np.random.Generator) -> Self:
        """Learn to optimize what the source tasks let one imagine."""
        learn_to_optimize(meta, rng, self.optimizer)
        return self

    def choose(self, candidates: Candidates, seen: Seen, rng: np.random.Generator) -> int:
        """Of those that are left, the likeliest proposal."""
        rows = list(seen.rows)
        apart = self.optimizer.score(candidates.X[rows], seen.losses)(candidates.X)
        apart[rows] = np.inf
        return int(apart.argmin())
