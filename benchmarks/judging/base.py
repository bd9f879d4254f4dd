"""What is judged: ways to choose the next training on a task, having seen the recorded trials of others.

Notation: T source tasks, n recorded trials, N candidates of the target, d encoded columns, k trials seen.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, Self, runtime_checkable

import numpy as np

from forerun.metadata import MetaDataset
from forerun.metalearners import Prediction
from forerun.space import Configuration, Floats


@dataclass(frozen=True)
class Candidates:
    """The configurations that were recorded on one task, to choose among; what they scored is not here."""

    features: Floats
    """(m,) of the task, as a row of `MetaDataset.features`."""
    X: Floats
    """(N, d) encoded as `MetaDataset.X`: a configuration that recurs has equal rows everywhere."""
    configurations: Sequence[Configuration]
    """N, in natural units, for methods that bring a search space of their own."""


@dataclass(frozen=True)
class Seen:
    """The k trials so far, in their order."""

    rows: Sequence[int]
    """k numbers of candidates."""
    losses: Floats
    """(k,) raw, lower is better; NaN where the trial failed."""


class Method(ABC):
    """A way to choose trainings. What to try next is a function of all trials so far."""

    @abstractmethod
    def fit(self, meta: MetaDataset, rng: np.random.Generator) -> Self:
        """Learn from the source tasks. Forgets the past, returns self."""

    @abstractmethod
    def choose(self, candidates: Candidates, seen: Seen, rng: np.random.Generator) -> int:
        """Return the number of a candidate that was not tried yet."""


@runtime_checkable
class Predicting(Protocol):
    """A method that says what it expects."""

    def predict(self, candidates: Candidates, seen: Seen) -> Prediction:
        """Predict the raw losses of all N candidates; the std is that of one training's result."""
        ...


@runtime_checkable
class Bounding(Protocol):
    """A method whose intervals are not those of the normal distribution."""

    def widths(self, candidates: Candidates, seen: Seen) -> Mapping[int, float]:
        """Half widths of central intervals by percent, in stds of `Predicting.predict`."""
        ...
