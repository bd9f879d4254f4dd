"""What a score is made of, where it says so: the contract between talents of surrogates and exact search.

A score that is a function of a sum of tables (see `products`) can be bounded over many configurations at
once. A structure is such a score on a grid; on one product it gives *bounds*: for a choice of the first t
factors, a number that no completion of it can score below.

Notation as in `products`: choice (n, t), D factors, the next one with r rows.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple

from forerun.search.base import Floats
from forerun.search.products import Choice, Product


class Below(NamedTuple):
    """What is known of the completions of n partial choices, without looking at each."""

    children: Floats
    """(n, r) for every row of the next factor: nothing below it scores less than this."""
    completion: Choice
    """(tries, D) complete choices worth looking at: where the lowest of the bounds come from."""


class Bounds(ABC):
    """A structured score on one product."""

    @abstractmethod
    def below(self, choice: Choice, tries: int = 1) -> Below:
        """Bound the children of partial choices (n, t), t < D; complete the most promising ones, at most `tries`."""

    @abstractmethod
    def value(self, choice: Choice) -> Floats:
        """The scores (n,) of complete choices (n, D)."""

    @abstractmethod
    def moves(self, choice: Choice, factor: int) -> Floats:
        """The scores (n, r) of complete choices with each row of one factor in place of the chosen one."""


class Structure(ABC):
    """A structured score on one grid."""

    slack: float
    """Bounds and values are off by at most this through rounding in float64."""

    @abstractmethod
    def spreads(self, product: Product) -> list[float]:
        """How much hangs on each factor, roughly; factors with much are decided first."""

    @abstractmethod
    def on(self, product: Product) -> Bounds:
        """The score on a product of the grid."""
