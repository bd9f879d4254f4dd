"""Lower bounds of a quadratic score: a constant, a table for every factor and one for every pair of factors.

The score sees a configuration through z = z0 + E_f[row] + ... (see `products`), so z Q z + q z + c is

    constant + sum over f of U_f[i] + sum over f < g of P_fg[i, j]       P_fg = 2 E_f Q E_g'

with i, j the rows chosen. The sum of the least entries of all tables is a lower bound, a poor one. *Messages*
(see `messages`) between tables and pairs, found once for a product, make it a good one without changing a
score; where the pairs form chains and trees, the best one.

A node uses the tables as they are then: those of free factors with the rows that others chose in their pairs,
and the least entries of what is left of the pairs of free factors.

Notation: R rows of all factors, one factor after the other.
"""

from typing import ClassVar

import numpy as np

from forerun.search.base import Floats
from forerun.search.tables.messages import Model, peel, send
from forerun.search.tables.products import Choice, Product, Tables
from forerun.search.tables.structure import Bounds, Line, Structure
from forerun.space import Grid

GROWTH = 8.0
"""Messages may have this many times the magnitude of the score; what rounding does grows with them."""


class Pairs(Structure):
    """A quadratic score of a sum of tables."""

    leaf: ClassVar[int] = 1
    """Factors stay apart: the product of two leaves of a tree may close a circle."""

    def __init__(self, grid: Grid, affine: tuple[Floats, Floats], Q: Floats, q: Floats, c: float) -> None:
        self.tables = Tables.of_affine(grid, *affine)
        self.Q, self.q, self.c = (Q + Q.T) / 2, q, c
        reach = np.abs(self.tables.constant) + sum(np.abs(t).max(axis=0) for t in self.tables.axes)
        self.reach = float(reach @ np.abs(self.Q) @ reach + np.abs(q) @ reach + abs(c))
        terms = len(grid.encoder.columns) + len(q) + len(grid.axes) ** 2
        # as in `relaxation`, for the score; pairs that vanish up to this are left out, all together
        self.dust = 8 * terms * float(np.finfo(np.float64).eps) * self.reach
        self.slack = self.dust * (2 + 2 * GROWTH)

    def forward(self, z: Floats) -> Floats:
        """Scores (n,) of sums of table rows (n, s)."""
        return np.asarray(np.einsum("ns,ns->n", z @ self.Q + self.q, z) + self.c)

    def spreads(self, product: Product) -> list[float]:
        """As `Structure.spreads`: what a factor's tables range over; then, parents first, what hangs on few pairs."""
        model = self.model(product)
        rows = model.slices
        single = [float(np.ptp(model.tables[own])) for own in rows]
        double = [sum(float(np.ptp(model.pairs[own, other])) for other in rows) for own in rows]
        doublings = np.log(1 + np.array(model.sizes))
        worth = (np.array(single) + np.array(double)) / doublings
        leaves = [f for f, _ in peel(model.partners)]
        lowest = min((worth[f] for f in range(len(rows)) if f not in leaves), default=1.0)
        for place, f in enumerate(leaves):
            worth[f] = lowest * (place + 1) / (len(leaves) + 1)
        return list(worth * doublings)

    def model(self, product: Product) -> Model:
        """The tables of a product, of factors and of pairs."""
        E, z0 = np.vstack([factor.table(self.tables) for factor in product.factors]), self.tables.constant
        half = E @ self.Q
        tables = np.einsum("rs,rs->r", half, E) + E @ (2 * self.Q @ z0 + self.q)
        return Model.of([len(factor) for factor in product.factors], tables, 2 * half @ E.T, self.dust)

    def on(self, product: Product) -> "PairsBounds":
        """As `Structure.on`."""
        return PairsBounds(self, product)


class PairsBounds(Bounds):
    """The score on one product."""

    def __init__(self, score: Pairs, product: Product) -> None:
        super().__init__(product)
        self.score = score
        self.rows = [factor.table(score.tables) for factor in product.factors]
        model = score.model(product)
        self.first = model.starts
        self.told, self.pairs = model.told(send(model, GROWTH * score.reach))
        self.constant = float(score.forward(score.tables.constant[None])[0])
        least = np.minimum.reduceat(np.minimum.reduceat(self.pairs, self.first, axis=0), self.first, axis=1)
        # of pairs of free factors, once t factors are chosen
        self.least = [float(np.triu(least[t:, t:], 1).sum()) for t in range(len(least))]

    def line(self, choice: Choice) -> Line:
        """As `Bounds.line`."""
        n, t = choice.shape
        base, parts = np.full(n, self.constant + self.least[t]), np.tile(self.told, (n, 1))
        for f, chosen in enumerate(choice.T):
            row = self.first[f] + chosen
            # what the factors chosen before have made of this one's table
            base += parts[np.arange(n), row]
            parts += self.pairs[row]
        return Line(base, parts[:, self.first[t] :])

    def complete(self, choice: Choice, line: Line, tries: int) -> Choice:
        """As `Bounds.complete`, one factor after the other, as ties are broken by pairs: on a tree, to an optimum."""
        found = super().complete(choice, line, tries)[:, : choice.shape[1]]
        for t in range(choice.shape[1], len(self.sizes)):
            best = self.line(found).parts[:, : self.sizes[t]].argmin(axis=1)
            found = np.hstack([found, best[:, None].astype(np.int32)])
        return found

    def value(self, choice: Choice) -> Floats:
        """As `Bounds.value`."""
        return self.score.forward(self._sum(choice))

    def moves(self, choice: Choice, factor: int) -> Floats:
        """As `Bounds.moves`."""
        rows = self.rows[factor]
        z = (self._sum(choice) - rows[choice[:, factor]])[:, None] + rows
        return self.score.forward(z.reshape(-1, z.shape[2])).reshape(z.shape[:2])

    def _sum(self, choice: Choice) -> Floats:
        """What the chosen rows make of z, (n, s)."""
        z = np.tile(self.score.tables.constant, (len(choice), 1))
        for rows, chosen in zip(self.rows, choice.T, strict=True):
            z += rows[chosen]
        return z
