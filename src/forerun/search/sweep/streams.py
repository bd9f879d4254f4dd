"""Scores of a network on a split product: all of them in float32 with a bound of the error, some in float64.

A row of the block, with a choice of the head, and a row of the suffix make z = head + row + suffix row. With at
most one hidden layer a candidate is scored from both sides' folded rows without ever forming z (see `kernels`).
With more, z and the first ReLU fill a block that fits the cache, and the other layers are matrix products.

What float32 does to a score is bounded a priori: with u = 2^-24, a sum of n terms, each made with k roundings,
is off by at most (n + k) u times the sum of their magnitudes (Higham 2002, section 3.1; terms in u^2 are covered
by counting two roundings more).
"""

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt

from forerun.search.base import Floats, Levels
from forerun.search.sweep.splits import Split
from forerun.search.tables.products import Choice
from forerun.search.tables.relaxation import Network

Singles = npt.NDArray[np.float32]

UNIT32, UNIT64 = 2.0**-24, 2.0**-53
LARGEST = float(np.finfo(np.float32).max)
CANDIDATES = 2**12
"""Rows that matrix products work on at a time: enough to be worth the call, few enough for the cache."""


class Stream(ABC):
    """The scores of a network on a split product. z (s,) is the sum of a choice of the head, with z0."""

    error: float
    """Scores in float32 are off by at most this; +inf where it cannot hold them."""
    slack: float
    """Scores in float64 are off by at most this."""

    def __init__(self, network: Network, split: Split) -> None:
        self.zero = network.tables.constant
        self.heads = [factor.table(network.tables) for factor in split.head]

    def z(self, head: Choice) -> Floats:
        """The sum (s,) of a choice (1, h) of the head, with z0."""
        z = self.zero.copy()
        for table, chosen in zip(self.heads, head[0], strict=True):
            z += table[chosen]
        return z

    @abstractmethod
    def minima(self, z: Floats, rows: Levels) -> Singles:
        """The least score (n,) of rows (n,) of the block over the suffix, in float32."""

    @abstractmethod
    def scores(self, z: Floats, rows: Levels) -> Floats:
        """The scores (n, m) of rows (n,) of the block with every row of the suffix, in float64."""


def stream(network: Network, split: Split) -> Stream:
    """The stream for a network's depth."""
    return Shallow(network, split) if len(network.later) <= 1 else Deep(network, split)


def work(network: Network) -> int:
    """Roughly how many instructions a candidate costs in each lane: pairs of a comparison and a sum, or products."""
    return 1 + len(network.tables.constant) + sum(weights.size for weights, _ in network.later[:-1])


def _single(values: Floats) -> Singles:
    with np.errstate(over="ignore"):  # such scores are never made in float32
        return values.astype(np.float32)


class Shallow(Stream):
    """No hidden layer, or one. Notation as in `kernels`."""

    def __init__(self, network: Network, split: Split) -> None:
        from forerun.search.sweep import kernels

        super().__init__(network, split)
        self.kernels = kernels
        weights, self.constant = np.zeros(0), 0.0
        if network.later:
            weights, self.constant = network.later[0][0][:, 0], float(network.later[0][1][0])
        raised, lowered = np.flatnonzero(weights > 0), np.flatnonzero(weights < 0)
        self.raised, order = len(raised), np.concatenate([raised, lowered])
        self.order, self.weights = order, weights[order]
        self.linear = not network.later
        self.rows = self._folded(split.rows.table(network.tables))
        other = self._folded(split.columns.table(network.tables))
        if not self.linear:
            other = np.hstack([other[:, 1:].sum(axis=1, keepdims=True), -other[:, 1:]])
        self.suffix = np.ascontiguousarray(other.T)
        self.single_rows, self.tiles = _single(self.rows), kernels.tiled(_single(other))
        reach = np.abs(self._folded(network.tables.constant[None])[0]) + np.abs([self.constant, *np.zeros(len(order))])
        for table in self.heads:
            reach += np.abs(self._folded(table)).max(axis=0)
        magnitude = float((reach + np.abs(self.rows).max(axis=0) + np.abs(other).max(axis=0)).sum())
        # 1 + s sums, of terms with three roundings
        roundings = len(order) + 6
        self.error = roundings * UNIT32 * magnitude if magnitude < LARGEST else np.inf
        self.slack = roundings * UNIT64 * magnitude

    def _folded(self, z: Floats) -> Floats:
        """Rows (n, 1 + units) of what tables (n, s) add to the sum, and to each unit."""
        if self.linear:
            return z
        return np.hstack([np.zeros((len(z), 1)), z[:, self.order] * self.weights])

    def _head(self, z: Floats) -> Floats:
        head: Floats = self._folded(z[None])[0]
        head[0] += self.constant
        return head

    def minima(self, z: Floats, rows: Levels) -> Singles:
        """As `Stream.minima`."""
        out = np.empty(len(rows), dtype=np.float32)
        head = self._head(z).astype(np.float32)
        self.kernels.minima(head, self.single_rows, rows, self.tiles, self.raised, out)
        return out

    def scores(self, z: Floats, rows: Levels) -> Floats:
        """As `Stream.scores`."""
        out = np.empty((len(rows), self.suffix.shape[1]))
        self.kernels.scores(self.rows[rows] + self._head(z), self.suffix, self.raised, out)
        return out


class Deep(Stream):
    """Two hidden layers, or more."""

    def __init__(self, network: Network, split: Split) -> None:
        from forerun.search.sweep import kernels

        super().__init__(network, split)
        self.kernels, self.network, self.slack = kernels, network, network.slack
        self.rows = split.rows.table(network.tables)
        self.suffix = split.columns.table(network.tables)
        self.single_rows, self.single_suffix = _single(self.rows), _single(self.suffix)
        self.layers = [(_single(w), _single(b)) for w, b in network.later]
        reach = np.abs(network.tables.constant) + np.abs(self.rows).max(axis=0) + np.abs(self.suffix).max(axis=0)
        for table in self.heads:
            reach = reach + np.abs(table).max(axis=0)
        off, largest = 6 * UNIT32 * reach, reach.max()
        for weights, offset in network.later:
            # the magnitudes of what is off, too
            reach = (reach + off) @ np.abs(weights) + np.abs(offset)
            off = off @ np.abs(weights) + (len(weights) + 5) * UNIT32 * reach
            largest = max(largest, reach.max(), np.abs(weights).max())
        self.error = float(off[0]) if largest < LARGEST else np.inf

    def minima(self, z: Floats, rows: Levels) -> Singles:
        """As `Stream.minima`."""
        found = np.empty(len(rows), dtype=np.float32)
        single, m = z.astype(np.float32), len(self.suffix)
        step = max(1, CANDIDATES // m)
        sizes = [len(weights) for weights, _ in self.layers] + [1]
        buffers = [np.empty((step * m, size), dtype=np.float32) for size in sizes]
        for start in range(0, len(rows), step):
            part = rows[start : start + step]
            at = len(part) * m
            self.kernels.first_layer(self.single_rows[part] + single, self.single_suffix, buffers[0])
            for (weights, offset), given, made in zip(self.layers[:-1], buffers[:-2], buffers[1:-1], strict=True):
                np.matmul(given[:at], weights, out=made[:at])
                self.kernels.bend(made[:at], offset)
            np.matmul(buffers[-2][:at], self.layers[-1][0], out=buffers[-1][:at])
            found[start : start + step] = buffers[-1][:at].reshape(len(part), m).min(axis=1)
        return np.asarray(found + self.layers[-1][1][0])

    def scores(self, z: Floats, rows: Levels) -> Floats:
        """As `Stream.scores`."""
        sums = (self.rows[rows] + z)[:, None] + self.suffix
        return self.network.forward(sums.reshape(-1, sums.shape[2])).reshape(sums.shape[:2])
