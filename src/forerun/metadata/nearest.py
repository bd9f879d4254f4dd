"""Which past data sets are most like a new one."""

from typing import NamedTuple

import numpy as np

from forerun.errors import HistoryError
from forerun.metadata.dataset import MetaDataset
from forerun.space import Floats


class Neighbour(NamedTuple):
    """A past data set and how far away it is."""

    task: str
    distance: float
    """Root mean squared difference of the standardised meta-features: 0 is the same, about 1.4 any two of them."""


def nearest_tasks(meta: MetaDataset, features: Floats, k: int = 5) -> list[Neighbour]:
    """Return the k data sets of the history most like a task with features (m,), nearest first.

    Only meta-features count: hardware makes no data set alike. One recorded on several machines counts once.
    Raises HistoryError when the history knows no meta-features.
    """
    columns = [i for i, name in enumerate(meta.feature_names) if name.startswith("mf_")]
    if not columns:
        raise HistoryError("a history must hold meta-features (mf_*) to tell which data sets are alike; got none")
    gaps = meta.features[:, columns] - np.asarray(features, dtype=float)[columns]
    distances = np.sqrt(np.mean(gaps**2, axis=1))
    found: dict[str, float] = {}
    for i in np.argsort(distances, kind="stable"):
        found.setdefault(meta.data_sets[i], float(distances[i]))
    return [Neighbour(task, distance) for task, distance in list(found.items())[:k]]
