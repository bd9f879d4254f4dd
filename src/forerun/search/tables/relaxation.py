"""Lower bounds of a small ReLU network over all completions of a partial choice.

The network sees a configuration through z = z0 + sum of one table row per factor (see `products`); f(z) is
affine maps with max(0, .) between. When the first t factors are chosen, each z_h lies in a box [l_h, u_h]:
what is chosen, plus the least and the greatest row of every factor that is free. On a box,

    relu(z) <= s z + c      the chord: s = (relu(u) - relu(l)) / (u - l), c = relu(l) - s l
    relu(z) >= a z          a line through the origin: a = 1 where u > -l, else 0

so every term w relu(z) is at least a z w where w > 0 and (s z + c) w where w < 0, and the network is at least
one line lam . z + mu on the box. Over the free factors a line is a sum of tables, and is least where each
factor takes its least row: one minimum per factor, exactly. One matrix product thus gives a sound bound for
every child and a completion worth trying. With more hidden layers, the boxes of the later ones come from
lines through the earlier ones, and the line of the output is carried back through all of them.

Chord and line: Wong and Kolter, ICML 2018; Zhang et al. (CROWN), NeurIPS 2018; Singh et al. (DeepPoly), POPL
2019. Minimising the line over a product of tables in place of a box is what is ours.
"""

from typing import NamedTuple

import numpy as np

from forerun.search.base import Floats
from forerun.search.tables.products import Choice, Product, Tables
from forerun.search.tables.structure import Bounds, Line, Structure
from forerun.space import Grid

Map = tuple[Floats, Floats]
"""Weights (inputs, outputs) and offsets (outputs,) of an affine map."""


class Network(Structure):
    """A ReLU network over a sum of tables; without hidden layers, a sum of tables."""

    def __init__(self, grid: Grid, layers: list[Map]) -> None:
        self.tables = Tables.of_affine(grid, *layers[0])
        self.later = layers[1:]
        reach = np.abs(self.tables.constant) + sum(np.abs(t).max(axis=0) for t in self.tables.axes)
        terms = len(grid.encoder.columns)
        for weights, offset in self.later:
            reach = reach @ np.abs(weights) + np.abs(offset)
            terms += len(weights)
        # a sum of n terms is off by at most n eps times the sum of their magnitudes (Higham 2002, eq. 3.5)
        self.slack = 8 * terms * float(np.finfo(np.float64).eps * reach.max())

    @property
    def operations(self) -> int:
        """Arithmetic that a score costs once z is known: a comparison and a product for each weight."""
        return 1 + sum(2 * weights.size for weights, _ in self.later)

    def forward(self, z: Floats) -> Floats:
        """Scores (n,) of sums of table rows (n, s)."""
        for weights, offset in self.later:
            z = np.maximum(z, 0) @ weights + offset
        return np.asarray(z[:, 0])

    def spreads(self, product: Product) -> list[float]:
        """As `Structure.spreads`: ranges of the first layer's inputs, weighed by what they can change."""
        weights = np.ones(1)
        for later, _ in reversed(self.later):
            weights = np.abs(later) @ weights
        return [float(np.ptp(f.table(self.tables), axis=0) @ weights) for f in product.factors]

    def on(self, product: Product) -> "NetworkBounds":
        """As `Structure.on`."""
        return NetworkBounds(self, product)


class Slopes(NamedTuple):
    """Lower bounds lam . z + mu, o of them for each of n boxes."""

    lam: Floats
    """(n, o, s)"""
    mu: Floats
    """(n, o)"""


class Box(NamedTuple):
    """Where the inputs of a hidden layer lie, (n, s) each."""

    low: Floats
    high: Floats


class NetworkBounds(Bounds):
    """The network on one product."""

    def __init__(self, network: Network, product: Product) -> None:
        super().__init__(product)
        self.network = network
        self.rows = [factor.table(network.tables) for factor in product.factors]
        none = np.zeros((1, len(network.tables.constant)))
        least = [table.min(axis=0) for table in self.rows]
        most = [table.max(axis=0) for table in self.rows]
        # of what is free once t factors are chosen
        self.low = np.cumsum([*none, *least[::-1]], axis=0)[::-1]
        self.high = np.cumsum([*none, *most[::-1]], axis=0)[::-1]
        self.stacked = [np.concatenate(self.rows[t:]).T.copy() for t in range(len(self.rows))]

    def _sum(self, choice: Choice) -> Floats:
        """What the chosen rows make of z, (n, s)."""
        z = np.tile(self.network.tables.constant, (len(choice), 1))
        for t, chosen in enumerate(choice.T):
            z += self.rows[t][chosen]
        return z

    def value(self, choice: Choice) -> Floats:
        """As `Bounds.value`."""
        return self.network.forward(self._sum(choice))

    def moves(self, choice: Choice, factor: int) -> Floats:
        """As `Bounds.moves`."""
        rows = self.rows[factor]
        z = (self._sum(choice) - rows[choice[:, factor]])[:, None] + rows
        return self.network.forward(z.reshape(-1, z.shape[2])).reshape(z.shape[:2])

    def line(self, choice: Choice) -> Line:
        """As `Bounds.line`."""
        t, z = choice.shape[1], self._sum(choice)
        lam, mu = self._slopes(z, t)
        parts = lam[:, 0] @ self.stacked[t]
        return Line(np.einsum("ns,ns->n", lam[:, 0], z) + mu[:, 0], parts)

    def _slopes(self, z: Floats, t: int) -> Slopes:
        """One lower bound of the score on what n choices of t factors leave open."""
        later, n = self.network.later, len(z)
        if not later:
            return Slopes(np.ones((n, 1, 1)), np.zeros((n, 1)))
        boxes = [Box(z + self.low[t], z + self.high[t])]
        for weights, offset in later[:-1]:
            both = np.hstack([weights, -weights]).T
            lam, mu = self._back(np.broadcast_to(both, (n, *both.shape)), boxes)
            least = self._least(Slopes(lam, mu), z, t)
            half = len(offset)
            low = least[:, :half] + offset
            # where both lines meet, rounding may cross them
            boxes.append(Box(low, np.maximum(low, offset - least[:, half:])))
        weights, offset = later[-1]
        lam, mu = self._back(np.broadcast_to(weights.T, (n, 1, len(weights))), boxes)
        return Slopes(lam, mu + offset)

    def _least(self, slopes: Slopes, z: Floats, t: int) -> Floats:
        """The least value (n, o) of lines over all completions."""
        parts = slopes.lam @ self.stacked[t]
        least = np.minimum.reduceat(parts, self.starts[t], axis=2).sum(axis=2)
        return np.asarray(np.einsum("nos,ns->no", slopes.lam, z) + slopes.mu + least)

    def _back(self, weights: Floats, boxes: list[Box]) -> Slopes:
        """Carry weights (n, o, s) of the last of some hidden layers back to lines in z."""
        mu = np.zeros(weights.shape[:2])
        for i in range(len(boxes) - 1, -1, -1):
            low, high = boxes[i]
            on = np.maximum(low, 0)
            slope = (np.maximum(high, 0) - on) / np.maximum(high - low, 1e-300)
            chord = on - slope * low
            down = np.minimum(weights, 0)
            mu = mu + np.einsum("nos,ns->no", down, chord)
            lam = (weights - down) * (high > -low)[:, None] + down * slope[:, None]
            if i:
                between, offset = self.network.later[i - 1]
                mu, weights = mu + lam @ offset, lam @ between.T
        return Slopes(lam, mu)
