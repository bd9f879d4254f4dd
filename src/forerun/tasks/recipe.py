"""How to come by a task: where its frame is read, what is predicted, whom to cite."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Recipe:
    """A task to be made on demand."""

    family: str
    target: str
    kind: str
    load: Callable[[], pd.DataFrame]
    """Reads the features and the target, and nothing else."""
    source: str
    """Citation of the data."""
