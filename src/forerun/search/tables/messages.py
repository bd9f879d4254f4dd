"""Messages between tables and pairs of tables: the same sum, with a better lower bound in plain sight.

A sum of one entry of every table U_f and of every pair's table P_fg is at least the sum of the least entries
of all of them. For any messages M_fg[i], i a row of factor f, it is the same sum as that of

    U_f[i] + sum over g of M_fg[i]     and     P_fg[i, j] - M_fg[i] - M_gf[j]

and good messages make the bound high (the highest is the dual of a linear program). Two kinds of updates, none
of which lowers it:

1. A factor with one partner left hands over all that it knows: its table goes into the pair, and from there
   the least over its rows into the partner's table. Where in the end no factor is left, that was dynamic
   programming, and the bound is the least sum: so it is for chains and trees of pairs.
2. The others, the core, are visited forwards and backwards, SWEEPS times. Each takes from all earlier partners
   the least over their rows, and hands what it has to the later ones, in equal shares. (With more earlier
   partners than later ones the shares are as many as those, so that some is left for the way back.)

Numbers that are the same for all rows of a factor need not travel: messages have mean zero.

Kolmogorov, Convergent tree-reweighted message passing for energy minimization, PAMI 2006; in this form in A new
look at reweighted message passing, PAMI 2015.

Notation: D factors, R rows of all of them, one factor after the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from forerun.search.base import Booleans, Floats, Levels

SWEEPS = 30


@dataclass(frozen=True)
class Model:
    """A table for every factor, and one for every pair of factors that have something to say to each other."""

    sizes: Sequence[int]
    tables: Floats
    """(R,)"""
    pairs: Floats
    """(R, R) symmetric, zero between the rows of one factor and between those that are no partners."""
    partners: Booleans
    """(D, D)"""

    @classmethod
    def of(cls, sizes: Sequence[int], tables: Floats, pairs: Floats, dust: float) -> Self:
        """Put into the tables what is a sum of tables, and leave out pairs that then vanish, up to `dust` together."""
        found = cls(sizes, tables, pairs, ~np.eye(len(sizes), dtype=bool))._masked()
        means = np.add.reduceat(found.pairs, found.starts, axis=1) / sizes
        overall = (np.add.reduceat(means, found.starts, axis=0) / np.array(sizes)[:, None])[found.owner]
        # the rows and columns of what is left have mean zero; either factor of a pair gets half of its mean
        found = cls(sizes, *found.told(means - overall / 2), found.partners)
        greatest = found.blocks(np.maximum, np.abs(found.pairs))
        return cls(sizes, found.tables, found.pairs, greatest > dust / greatest.size)._masked()

    def _masked(self) -> Self:
        mask = self.partners[self.owner][:, self.owner]
        return type(self)(self.sizes, self.tables, np.where(mask, self.pairs, 0.0), self.partners)

    @cached_property
    def starts(self) -> Levels:
        """(D,) the first row of each factor."""
        return np.cumsum([0, *self.sizes[:-1]])

    @cached_property
    def slices(self) -> list[slice]:
        """The rows of each factor."""
        return [slice(start, start + n) for start, n in zip(self.starts, self.sizes, strict=True)]

    @cached_property
    def owner(self) -> Levels:
        """(R,) the factor of each row."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)

    def blocks(self, how: np.ufunc, pairs: Floats) -> Floats:
        """One number for each pair's table, (D, D)."""
        return np.asarray(how.reduceat(how.reduceat(pairs, self.starts, axis=0), self.starts, axis=1))

    def told(self, messages: Floats) -> tuple[Floats, Floats]:
        """The tables (R,) and those of pairs (R, R) after messages (R, D), which only partners send each other."""
        spread = messages[:, self.owner]
        return self.tables + messages.sum(axis=1), self.pairs - spread - spread.T


def peel(partners: Booleans) -> list[tuple[int, int | None]]:
    """Take away factors with at most one partner left until there are none: (factor, partner), in that order."""
    left, found = partners.copy(), dict[int, int | None]()
    todo = [f for f in range(len(left)) if left[f].sum() <= 1]
    while todo:
        f = todo.pop()
        if f in found:
            continue
        found[f] = partner = int(left[f].argmax()) if left[f].any() else None
        if partner is not None:
            left[f, partner] = left[partner, f] = False
            if left[partner].sum() <= 1:
                todo.append(partner)
    return list(found.items())


def send(model: Model, most: float) -> Floats:
    """Good messages (R, D) for a model; no sum of theirs has a magnitude above `most`."""
    exchange = Exchange(model)
    leaves = peel(model.partners)
    core = [f for f in range(len(model.sizes)) if f not in dict(leaves)]
    for leaf, partner in leaves:
        if partner is not None:
            exchange.hand_over(leaf, partner)
    found = exchange.sent
    for _ in range(SWEEPS if core else 0):
        exchange.visit(core)
        exchange.visit(core[::-1])
        if exchange.magnitude() > most:
            break
        found = exchange.sent.copy()
    return found


class Exchange:
    """Tables, while messages are sent."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.tables, self.pairs = model.tables.copy(), model.pairs.copy()
        self.sent = np.zeros((len(model.tables), len(model.sizes)))

    def hand_over(self, leaf: int, partner: int) -> None:
        """Give the partner what the leaf, chosen as is best for it, comes to."""
        own, other = self.model.slices[leaf], self.model.slices[partner]
        self._move(leaf, -np.outer(self.tables[own], np.arange(len(self.model.sizes)) == partner))
        least = self.pairs[own, other].min(axis=0)
        self._move(partner, np.outer(least, np.arange(len(self.model.sizes)) == leaf))

    def visit(self, order: Sequence[int]) -> None:
        """Visit factors in this order: take from those before, hand on to those after."""
        count = len(self.model.sizes)
        seen, still = np.zeros(count, dtype=bool), np.isin(np.arange(count), order)
        for f in order:
            own, partners = self.model.slices[f], self.model.partners[f]
            still[f] = False
            earlier, later = partners & seen, partners & still
            taken = np.minimum.reduceat(self.pairs[own], self.model.starts, axis=1) * earlier
            shares = later / max(earlier.sum(), later.sum())
            self._move(f, taken - np.outer(self.tables[own] + taken.sum(axis=1), shares))
            seen[f] = True

    def _move(self, f: int, amounts: Floats) -> None:
        """Move amounts (rows, D) from the pairs of a factor into its table."""
        own, amounts = self.model.slices[f], amounts - amounts.mean(axis=0)
        self.sent[own] += amounts
        self.tables[own] += amounts.sum(axis=1)
        block = self.pairs[own] - amounts[:, self.model.owner]
        self.pairs[own], self.pairs[:, own] = block, block.T

    def magnitude(self) -> float:
        """The most that messages, all taken as positive, come to in a sum."""
        each = np.abs(self.sent).sum(axis=1)
        return float(np.maximum.reduceat(each, self.model.starts).sum())
