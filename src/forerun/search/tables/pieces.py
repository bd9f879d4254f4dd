"""One product of a problem, with everything that decides what may be proposed in it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forerun.search.base import AtMost, Booleans, Floats, Problem
from forerun.search.tables.limits import Limits, LimitsOnProduct
from forerun.search.tables.products import Choice, Product, products
from forerun.search.tables.structure import Below, Bounds, Structure
from forerun.search.tables.talents import structure_of


@dataclass(frozen=True)
class Cap:
    """A structured score that may not exceed a limit."""

    bounds: Bounds
    limit: float


@dataclass(frozen=True)
class Piece:
    """A product, the score's bounds on it, and what forbids; what is forbidden scores +inf."""

    product: Product
    bounds: Bounds
    caps: Sequence[Cap]
    limits: LimitsOnProduct
    slack: float
    """What rounding may do to a bound."""

    def below(self, choice: Choice, tries: int = 1) -> Below:
        """As `Bounds.below`, with +inf for children that hold nothing allowed."""
        children, completion = self.bounds.below(choice, tries)
        return Below(np.where(self.allowed(choice), children, np.inf), completion)

    def allowed(self, choice: Choice) -> Booleans:
        """Which children (n, r) of partial choices may hold something allowed."""
        allowed = self.limits.children(choice)
        for cap in self.caps:
            allowed &= cap.bounds.children(cap.bounds.line(choice), choice.shape[1]) <= cap.limit
        return allowed

    def value(self, choice: Choice) -> Floats:
        """As `Bounds.value`."""
        return np.where(self.allow(choice), self.bounds.value(choice), np.inf)

    def allow(self, choice: Choice) -> Booleans:
        """Which complete choices (n,) are allowed."""
        allowed = self.limits.allow(choice)
        for cap in self.caps:
            allowed &= cap.bounds.value(choice) <= cap.limit
        return allowed

    def moves(self, choice: Choice, factor: int) -> Floats:
        """As `Bounds.moves`."""
        values = np.where(self.limits.moves(choice, factor), self.bounds.moves(choice, factor), np.inf)
        for cap in self.caps:
            values[cap.bounds.moves(choice, factor) > cap.limit] = np.inf
        return values


def pieces(problem: Problem, structure: Structure) -> list[Piece] | None:
    """The pieces of a problem whose score has a structure; None where the grid falls into too many."""
    whole = products(problem.grid)
    if whole is None:
        return None
    return on(problem, structure, [product.arranged(structure.spreads(product), structure.leaf) for product in whole])


def on(problem: Problem, structure: Structure, whole: Sequence[Product]) -> list[Piece]:
    """The pieces on products of the grid, whose factors are in order."""
    limits, capped = Limits(problem), caps(problem)
    slack = max([structure.slack, *(other.slack for other, _ in capped)])
    found = []
    for arranged in whole:
        held = [Cap(other.on(arranged), limit + other.slack) for other, limit in capped]
        found.append(Piece(arranged, structure.on(arranged), held, limits.on(arranged), slack))
    return found


def caps(problem: Problem) -> list[tuple[Structure, float]]:
    """The structured scores among what is feasible, with their limits; the others are asked row by row."""
    found = []
    for feasible in problem.feasible:
        if isinstance(feasible, AtMost):
            structure = structure_of(feasible.score, problem.grid)
            if structure is not None:
                found.append((structure, feasible.limit))
    return found
