"""What the peers share: the columns that a Gaussian process or a forest sees, trials without gaps, who is left.

Notation: N candidates, d encoded columns, c of them used, k trials seen.

Encoded configurations hold u and its second Legendre polynomial for every number, and `inactive` and
`absent` for every domain. A peer gets what its users would give it: numbers in [0, 1] (on their scale),
one-hot categories, and one column for each way to be inactive. Repeated and constant columns are dropped, as
length scales and distances count columns.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forerun.metadata import MetaDataset
from forerun.space import Floats, Integer, Ordinal, Real, SearchSpace
from judging.base import Candidates, Seen


@dataclass(frozen=True)
class Inputs:
    """Picks and places the columns that a peer sees."""

    columns: npt.NDArray[np.int64]
    """(c,) of the d encoded ones."""
    low: Floats
    high: Floats
    """(c,) what becomes 0 and 1."""

    @classmethod
    def of(cls, space: SearchSpace, X: Floats) -> "Inputs":
        """Columns that tell rows of X (n, d) apart."""
        X = np.unique(X, axis=0)
        columns = [c for c in _once_a_number(space) if np.ptp(X[:, c]) > 0]
        kept: dict[bytes, int] = {}
        for c in columns:
            # turned so that its first row is low: a column and its complement say the same
            z = (X[:, c] - X[:, c].min()) / np.ptp(X[:, c])
            kept.setdefault(np.round(z if z[0] <= 0.5 else 1 - z, 9).tobytes(), c)
        used = np.array(sorted(kept.values()), dtype=np.int64)
        return cls(used, X[:, used].min(axis=0), X[:, used].max(axis=0))

    def __call__(self, X: Floats) -> Floats:
        """Rows (n, c) in [0, 1], beyond it where X is beyond what was known."""
        return np.ascontiguousarray((X[:, self.columns] - self.low) / (self.high - self.low))


def _once_a_number(space: SearchSpace) -> list[int]:
    """All encoded columns but the second one of numbers."""
    second = {
        group.start + 1
        for name, group in space.groups.items()
        if isinstance(space.domains[name], (Integer, Ordinal, Real))
    }
    return [c for c in range(len(space.columns)) if c not in second]


def known(seen: Seen) -> Floats:
    """Losses (k,) where a failed trial counts as the worst one so far; zeros where all failed."""
    losses = np.asarray(seen.losses, dtype=float)
    fine = losses[np.isfinite(losses)]
    return np.where(np.isfinite(losses), losses, fine.max() if len(fine) else 0.0)


def standardised(losses: Floats) -> Floats:
    """Losses (k,) with mean 0 and standard deviation 1; equal ones are all 0."""
    spread = losses.std()
    return (losses - losses.mean()) / (spread if spread > 1e-12 * max(1.0, np.abs(losses).max()) else 1.0)


def untried(candidates: Candidates, seen: Seen) -> npt.NDArray[np.int64]:
    """Numbers of the candidates that are left."""
    left = np.ones(len(candidates.X), dtype=bool)
    left[np.asarray(seen.rows, dtype=np.int64)] = False
    return np.flatnonzero(left)


def highest(scores: Floats, rows: npt.NDArray[np.int64], rng: np.random.Generator) -> int:
    """The one of `rows` with the highest of their scores; among equals, one at random."""
    best = np.flatnonzero(scores >= scores.max())
    return int(rows[rng.choice(best)])


def source_losses(meta: MetaDataset) -> list[tuple[npt.NDArray[np.int64], Floats]]:
    """Rows of each source task, and their losses where a failed trial counts as the worst one of its task."""
    found = []
    for t in range(len(meta.tasks)):
        rows = np.flatnonzero(meta.task == t)
        losses = meta.loss[rows]
        if np.isfinite(losses).any() and np.nanmax(losses) > np.nanmin(losses):
            found.append((rows, np.where(np.isfinite(losses), losses, np.nanmax(losses))))
    return found
