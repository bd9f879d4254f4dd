"""What a score is made of, where it says so: the contract between talents of surrogates and exact search.

A score that is a function of a sum of tables (see `products`) can be bounded over many configurations at
once. A structure is such a score on a grid; on one product it gives *bounds*: for a choice of the first t
factors, a number that no completion of it can score below.

Notation as in `products`: choice (n, t), D factors, the next one with r rows.
"""

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

import numpy as np

from forerun.search.base import Floats
from forerun.search.tables.products import Choice, Product


class Line(NamedTuple):
    """A sum of one number for each free factor, nowhere above the score: least where every factor is."""

    base: Floats
    """(n,)"""
    parts: Floats
    """(n, rows of all free factors, one factor after the other)"""


class Below(NamedTuple):
    """What is known of the completions of n partial choices, without looking at each."""

    children: Floats
    """(n, r) for every row of the next factor: nothing below it scores less than this."""
    completion: Choice
    """(tries, D) complete choices worth looking at: where the lowest of the bounds come from."""


class Bounds(ABC):
    """A structured score on one product."""

    def __init__(self, product: Product) -> None:
        sizes = [len(factor) for factor in product.factors]
        self.sizes = sizes
        self.starts = [np.cumsum([0, *sizes[t:-1]]) for t in range(len(sizes))]
        """For every t, where the rows of each free factor start in the parts of a line."""

    @abstractmethod
    def line(self, choice: Choice) -> Line:
        """A lower bound of the score on all completions of partial choices (n, t), t < D."""

    @abstractmethod
    def value(self, choice: Choice) -> Floats:
        """The scores (n,) of complete choices (n, D)."""

    @abstractmethod
    def moves(self, choice: Choice, factor: int) -> Floats:
        """The scores (n, r) of complete choices with each row of one factor in place of the chosen one."""

    def below(self, choice: Choice, tries: int = 1) -> Below:
        """Bound the children of partial choices (n, t), t < D; complete the most promising ones, at most `tries`."""
        line = self.line(choice)
        return Below(self.children(line, choice.shape[1]), self.complete(choice, line, tries))

    def complete(self, choice: Choice, line: Line, tries: int) -> Choice:
        """Complete (tries, D) the choices (n, t) whose lines reach lowest, as the lines say."""
        t = choice.shape[1]
        tried = np.argsort(line.base + np.minimum.reduceat(line.parts, self.starts[t], axis=1).sum(axis=1))[:tries]
        ends = [*self.starts[t][1:], line.parts.shape[1]]
        rows = [line.parts[tried, i:j].argmin(axis=1) for i, j in zip(self.starts[t], ends, strict=True)]
        return np.hstack([choice[tried], np.stack(rows, axis=1).astype(np.int32)])

    def children(self, line: Line, t: int) -> Floats:
        """The least value of a line for each row of the next factor, (n, r)."""
        least = np.minimum.reduceat(line.parts, self.starts[t], axis=1)[:, 1:].sum(axis=1)
        return np.asarray((line.base + least)[:, None] + line.parts[:, : self.sizes[t]])


class Structure(ABC):
    """A structured score on one grid."""

    slack: float
    """Bounds and values are off by at most this through rounding in float64."""
    leaf: ClassVar[int] = 64
    """The last factors are multiplied to about so many rows, and scored in place of being bounded one by one."""

    @abstractmethod
    def spreads(self, product: Product) -> list[float]:
        """How much hangs on each factor, roughly; factors with much are decided first."""

    @abstractmethod
    def on(self, product: Product) -> Bounds:
        """The score on a product of the grid."""
