"""A warm start: configurations that were good together on the source tasks.

Notation: T source tasks, N candidates.

What a source task says of a candidate is the loss of its nearest evaluations in encoded space, weighted by
their distance: the recorded one where the configuration recurs. Losses are scaled to [0, 1] per task. Greedily,
the next configuration is the one that most lowers the mean, over tasks, of the best loss among those tried.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.neighbors import KNeighborsRegressor

from forerun.metadata import MetaDataset
from forerun.space import Floats
from judging.peers_inputs import Inputs, source_losses

NEIGHBOURS = 5


@dataclass(frozen=True)
class WarmStart:
    """What the source tasks say of configurations."""

    inputs: Inputs
    tasks: list[KNeighborsRegressor]

    @classmethod
    def fit(cls, meta: MetaDataset, inputs: Inputs) -> "WarmStart":
        """Keep the source tasks."""
        tasks = []
        for rows, losses in source_losses(meta):
            model = KNeighborsRegressor(min(NEIGHBOURS, len(rows)), weights="distance", n_jobs=1)
            tasks.append(model.fit(inputs(meta.X[rows]), scaled(losses)))
        return cls(inputs, tasks)

    def losses(self, X: Floats) -> Floats:
        """Scaled losses (T, N) of encoded candidates."""
        Z = self.inputs(X)
        return np.array([task.predict(Z) for task in self.tasks])


def gains(losses: Floats, tried: list[int]) -> Floats:
    """How much (N,) each candidate lowers the mean best loss (T, N) of those tried, and a little its own mean."""
    reached = losses[:, tried].min(axis=1) if tried else np.ones(len(losses))
    together = np.minimum(losses, reached[:, None]).mean(axis=0)
    # where nothing is gained any more, the best on average
    return -together - 1e-9 * losses.mean(axis=0)


def scaled(losses: Floats) -> Floats:
    """Losses of one task in [0, 1]; equal ones are all 0."""
    return (losses - losses.min()) / max(float(np.ptp(losses)), 1e-300)
