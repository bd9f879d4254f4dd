"""Task coordinates: the few numbers by which the head tells tasks apart.

They are 1, the leading components of the task features and, where absolute levels count (times), the
level that ridge regression expects from all features: how long a training takes hangs on the rows above
all, which need not be a leading component.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from forerun.metadata import SECONDS, MetaDataset
from forerun.metadata.scales import Line, ridge
from forerun.metalearners.base import Floats
from forerun.metalearners.components import Components
from forerun.metalearners.hierarchy import Grams

FOLDS = 5
"""Of families, when expecting the levels of tasks that were learned from."""


@dataclass(frozen=True)
class Coordinates:
    """Makes the coordinates c (q,) of a task from its features (m,)."""

    components: Components
    level: Line | None = None

    @classmethod
    def fit(cls, meta: MetaDataset, grams: Grams, most: int) -> tuple[Self, Floats]:
        """Learn from the tasks of a history, and return with it their coordinates C (T, q)."""
        components = Components.fit(meta.features, most, unit=True)
        C = np.column_stack([np.ones(len(meta.tasks)), components.cut(meta.features)])
        if meta.target != SECONDS:
            return cls(components), C
        values = levels(grams)
        line = ridge(meta.features, values, meta.families, doubt=1.0)
        return cls(components, line), np.column_stack([C, _expected(meta, values) - line.intercept])

    def of(self, features: Floats) -> Floats:
        """Coordinates (q,) of a task with features (m,)."""
        level = [] if self.level is None else [self.level.at(features) - self.level.intercept]
        return np.concatenate([[1.0], self.components.cut(features[None])[0], level])


def levels(grams: Grams) -> Floats:
    """Mean target of each task (T,), as if all had tried the same; the first basis function is 1."""
    n = np.maximum(grams.G[:, 0, 0], 1e-9)
    means, y = grams.G[:, 0] / n[:, None], grams.g[:, 0] / n
    # effects of configurations within tasks, shared by all
    within = np.sum(grams.G - n[:, None, None] * means[:, :, None] * means[:, None, :], axis=0)
    along = np.sum(grams.g - n[:, None] * means * y[:, None], axis=0)
    effects = np.linalg.solve(within + np.eye(len(within)), along)
    return np.asarray(y - means @ effects + (means * (n / n.sum())[:, None]).sum(axis=0) @ effects)


def _expected(meta: MetaDataset, values: Floats) -> Floats:
    """The levels that the other families let one expect: a fit to themselves would look too good."""
    families, place = np.unique(np.array(meta.families), return_inverse=True)
    fold = place % min(FOLDS, len(families))
    found = np.full(len(values), values.mean())
    for held in range(fold.max() + 1):
        rest = np.flatnonzero(fold != held)
        if len(rest):
            line = ridge(meta.features[rest], values[rest], list(np.array(meta.families)[rest]), doubt=1.0)
            found[fold == held] = [line.at(row) for row in meta.features[fold == held]]
    return found
