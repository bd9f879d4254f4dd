"""The contract of meta-learners: `fit` across tasks (slow), `adapt` to one (seconds), `predict` (microseconds).

Notation: T tasks, n trials, d encoded columns, m task features, k trials seen on the target task.

Losses are compared only within a task: `MetaDataset.y` is standardised per task (see
`metadata.targets`), and a surrogate predicts in those *target units*, so that neither the unit nor the
offset of a task's loss can matter. Lower is better.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol, Self, runtime_checkable

import numpy as np
import numpy.typing as npt

from forerun.errors import HistoryError
from forerun.metadata import MetaDataset

Floats = npt.NDArray[np.float64]

NORMAL = {50: 0.6745, 80: 1.2816, 95: 1.9600}
"""Half widths of central intervals of the normal distribution, by percent, in standard deviations."""


class Prediction(NamedTuple):
    """What a surrogate says of n configurations, in target units."""

    mean: Floats
    """(n,)"""
    std: Floats
    """(n,), of the noisy result of one training, not only of the model's own doubt."""


@dataclass(frozen=True)
class Context:
    """What is known of the target task: its features and the k trials seen so far (k = 0 is ordinary)."""

    features: Floats
    """(m,), a row as in `MetaDataset.features`."""
    X: Floats
    """(k, d)"""
    y: Floats
    """(k,), raw losses (or log10 seconds); NaN where the trial failed."""

    def __post_init__(self) -> None:
        if self.features.ndim != 1 or self.X.ndim != 2 or self.y.shape != (len(self.X),):
            shapes = f"{self.features.shape}, {self.X.shape} and {self.y.shape}"
            raise HistoryError(f"features, X and y of a context must be (m,), (k, d) and (k,); got {shapes}")

    @classmethod
    def empty(cls, features: Floats, columns: int) -> Self:
        """Nothing seen yet, of configurations encoded in so many columns."""
        return cls(features, np.zeros((0, columns)), np.zeros(0))


@runtime_checkable
class Surrogate(Protocol):
    """A meta-learner adapted to one task."""

    def predict(self, X: Floats) -> Prediction:
        """Predict encoded configurations X (n, d) in target units."""
        ...

    def to_units(self, prediction: Prediction) -> Prediction:
        """Turn a prediction from target units into the raw units of the task's loss (or log seconds).

        The mean's order is kept, and only the mean decides on it: a limit in raw units is one in target units.
        """
        ...


@runtime_checkable
class Measured(Protocol):
    """A surrogate whose intervals were measured on the history, not taken from the normal distribution."""

    def widths(self) -> Mapping[int, float]:
        """Half widths of the central intervals in raw units, by percent as NORMAL, in stds of `to_units`."""
        ...


def widths(surrogate: Surrogate) -> Mapping[int, float]:
    """Half widths of a surrogate's central intervals in raw units, by percent, in stds."""
    return surrogate.widths() if isinstance(surrogate, Measured) else NORMAL


class MetaLearner(ABC):
    """Learns from the trials of many tasks what to expect on one more."""

    ordered: ClassVar[bool] = False
    """Whether the order of a context's trials matters; that of the history's tasks and trials never does."""

    @abstractmethod
    def fit(self, meta: MetaDataset) -> Self:
        """Learn across tasks. Forgets the past, returns self. Raises HistoryError when there is too little."""

    @abstractmethod
    def adapt(self, context: Context) -> Surrogate:
        """Condition on the target's trials. Changes nothing in self; an empty context is ordinary."""

    @abstractmethod
    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """What `fit` found, as JSON-able settings and named arrays; nothing in it is code."""

    @classmethod
    @abstractmethod
    def from_state(cls, settings: dict[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """The inverse of `state`: predicts the same numbers to the last bit."""
