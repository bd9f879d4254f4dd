"""How loosely branch and bound would see a network: a penalty while training, so that optima can be certified.

Search certifies the best configuration by lines around every max(0, z_h), where z_h is only known to lie in
a box [l_h, u_h]. A unit that may be on or off is seen through its chord, which is loose by at most

    gap_h = u_h (-l_h) / (u_h - l_h)     for l_h < 0 < u_h, else 0     (the chord's height over the kink)

The penalty is the sum of |v_h| gap_h, v the output weights: by about so much the bound of a whole space is
off. It is small where units are stable or matter little. A network sees a sum of one table row per axis
(see `space.grid`), so the boxes are sums of each table's extremes, exactly.

Not all axes are active together. The history says which are: its most common *patterns* of active, inactive
and absent domains stand for all, each counting by its share of the trials. A small space is enumerated; there
a penalty would only cost accuracy.

Notation: A axes, R rows of all their tables, G patterns, i inputs of the first layer, H hidden units.

Chord: Wong and Kolter, ICML 2018; Zhang et al. (CROWN), NeurIPS 2018. Training networks so that they verify
quickly: Xiao, Tjeng, Shafiullah and Madry, ICLR 2019, who reward stable units; the patterns are ours.
"""

from collections import Counter
from dataclasses import dataclass
from math import prod
from typing import Self

import numpy as np
import numpy.typing as npt
import torch

from forerun.metalearners.base import Floats
from forerun.metalearners.components import Components
from forerun.space import SearchSpace

RESOLUTION = 8
"""Levels of a numeric axis: what it adds is a parabola, whose extremes they miss by 2 % of its range at most."""
PATTERNS = 64
"""So many at most; a space with many conditions may have thousands."""
SMALL = 200_000
"""Combinations of levels that search enumerates within a second or two."""


@dataclass(frozen=True)
class Boxes:
    """The tables of a space, as the first layer sees them."""

    rows: torch.Tensor
    """(R, i) what each level of each axis adds to the inputs, axis by axis."""
    levels: torch.Tensor
    """(A,) how many of the rows are each axis's."""
    active: torch.Tensor
    """(G, A) one where an axis is active in a pattern, else zero."""
    rest: torch.Tensor
    """(G, i) what the domains that are not active add."""
    share: torch.Tensor
    """(G,) sums to one."""

    @classmethod
    def of(cls, space: SearchSpace, X: Floats, inputs: Components) -> Self:
        """The boxes of a space, of whose trials X (n, d) are the encodings and inputs what a network sees."""
        grid = space.grid(RESOLUTION)
        flags, patterns, share = _patterns(space, X)
        off = np.asarray(patterns.reshape(len(patterns), -1, 2).any(axis=2))
        domains = list(space.groups)
        active = ~off[:, [domains.index(axis.domain) for axis in grid.axes]]
        rows = np.vstack([table[:-1] @ inputs.axes[columns] for columns, table in grid.tables])
        rest = patterns @ inputs.axes[flags] - inputs.center @ inputs.axes
        levels = torch.tensor(grid.shape)
        return cls(_single(rows), levels, _single(active), _single(rest), _single(share))

    def gap(self, first: torch.Tensor, offset: torch.Tensor, last: torch.Tensor) -> torch.Tensor:
        """The penalty of a network with first layer (i, H), offset (H,) and output weights (H,)."""
        rows, rest = self.rows @ first, self.rest @ first + offset
        low, high = (torch.segment_reduce(rows, end, lengths=self.levels, axis=0) for end in ("min", "max"))
        below, above = torch.relu(-(self.active @ low + rest)), torch.relu(self.active @ high + rest)
        # 1e-9: a unit that no axis moves has no gap
        return self.share @ (below * above / (below + above + 1e-9)) @ last.abs()


def needed(space: SearchSpace) -> bool:
    """Whether a space is too large to be enumerated, so that its best configuration takes a proof."""
    # inactive axes count, which makes it an upper bound: exact counts refuse spaces with very many conditions
    return prod(space.grid(RESOLUTION).shape) > SMALL


def _patterns(space: SearchSpace, X: Floats) -> tuple[npt.NDArray[np.int64], Floats, Floats]:
    """Columns (2 D,) that flag each domain as inactive and absent, common patterns of them (G, 2 D), shares (G,)."""
    flags = np.array([column for group in space.groups.values() for column in (group.stop - 2, group.stop - 1)])
    # as bytes: sorting long rows would take longer than training
    counts = Counter(row.tobytes() for row in X[:, flags] > 0.5).most_common(PATTERNS)
    patterns = np.array([np.frombuffer(row, dtype=bool) for row, _ in counts], dtype=float)
    times = np.array([count for _, count in counts], dtype=float)
    return flags, patterns, times / times.sum()


def _single(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array.astype(np.float32))
