"""What a meta-learner has to beat: orders of configurations that need no learning and no adapting."""

from abc import ABC, abstractmethod
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from forerun.metadata import MetaDataset
from forerun.space import Floats


class Baseline(ABC):
    """Ranks configurations before any trial, and never changes its mind."""

    @abstractmethod
    def fit(self, meta: MetaDataset) -> Self:
        """Look at the history."""

    @abstractmethod
    def score(self, features: Floats, X: Floats) -> Floats:
        """Score encoded configurations X (n, d) for a task with features (m,), lower is better; NaN is unknown."""


@dataclass
class Average(Baseline):
    """The configurations that are best on average in the history, of those that at least half of the tasks share."""

    known_: dict[bytes, float] = field(init=False, repr=False)

    def fit(self, meta: MetaDataset) -> Self:
        """As `Baseline.fit`."""
        found: dict[bytes, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
        for key, task, y in zip(_keys(meta.X), meta.task, meta.y, strict=True):
            found[key][int(task)].append(float(y))
        most = max(map(len, found.values()), default=0)
        means = {key: [np.mean(ys) for ys in tasks.values()] for key, tasks in found.items() if len(tasks) * 2 >= most}
        self.known_ = {key: float(np.mean(ys)) for key, ys in means.items()}
        return self

    def score(self, features: Floats, X: Floats) -> Floats:
        """As `Baseline.score`."""
        return np.array([self.known_.get(key, np.nan) for key in _keys(X)])


@dataclass
class Nearest(Baseline):
    """What was good on the data set with the nearest features; of each configuration, the nearest one tried there."""

    meta_: MetaDataset = field(init=False, repr=False)

    def fit(self, meta: MetaDataset) -> Self:
        """As `Baseline.fit`."""
        self.meta_ = meta
        return self

    def score(self, features: Floats, X: Floats) -> Floats:
        """As `Baseline.score`."""
        meta = self.meta_
        tried = np.unique(meta.task)
        distance = np.linalg.norm(meta.features[tried] - features, axis=1)
        rows = np.flatnonzero(meta.task == tried[np.argmin(distance)])
        _, place = cKDTree(meta.X[rows]).query(X)
        return np.asarray(meta.y[rows][place])


BASELINES: dict[str, type[Baseline]] = {"average": Average, "nearest": Nearest}
RANDOM = "random"
"""Random order has no class: what to expect of it is known exactly (`replay.random_regret`)."""


def _keys(X: npt.NDArray[np.float64]) -> list[bytes]:
    # + 0.0: minus zero is zero
    return [row.tobytes() for row in np.round(X, 9) + 0.0]
