"""A network without its weights: a function of named parameters.

Notation: n rows.
"""

from collections.abc import Mapping
from typing import Protocol

from torch import Tensor

Parameters = Mapping[str, Tensor]


class Architecture(Protocol):
    """One network without its weights."""

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of each parameter that it uses, by name."""
        ...

    def features(self, parameters: Parameters, X: Tensor) -> Tensor:
        """Return what the last hidden layer makes of X, (n, width); parameters have its `shapes`."""
        ...

    def scores(self, parameters: Parameters, X: Tensor) -> Tensor:
        """Return logits or standardised targets (n, outputs): a linear head ('head') on the features."""
        ...
