"""The meta-dataset: what many trials teach, as arrays.

Notation: T tasks, n trials, d encoded columns, m task features.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from forerun.space import Floats, SearchSpace


@dataclass(frozen=True)
class MetaDataset:
    """Trials of many tasks, encoded in the union of their search spaces."""

    space: SearchSpace
    """The union space; X has its columns."""
    X: Floats
    """(n, d) encoded configurations."""
    task: npt.NDArray[np.int64]
    """(n,) index of each trial's task."""
    loss: Floats
    """(n,) raw validation losses, NaN for failed trials."""
    seconds: Floats
    """(n,) fit seconds; NaN where unknown."""
    y: Floats
    """(n,) the target that a meta-learner fits: standardised per task (see `targets`), finite."""
    tasks: Sequence[str]
    """T names."""
    families: Sequence[str]
    """T names; no split parts a family."""
    features: Floats
    """(T, m) task features: standardised meta-features and hardware, finite."""
    feature_names: Sequence[str]
