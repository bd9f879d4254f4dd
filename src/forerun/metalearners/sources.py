"""What every task of a history says of any configuration: its recorded target, or that of a smooth fit.

Notation: T tasks, n trials, N configurations asked about, d encoded columns, L landmarks.

The fit is kernel ridge regression with a Matern-5/2 kernel on L landmarks (Nystrom: Williams & Seeger 2001)
in two levels: weights that all tasks share, and how each task strays from them. Where a configuration recurs
across tasks, what was recorded takes the fit's place, and where only some tasks recorded it, what the fit
misses on those is corrected on the others too. So a history of shared configurations is an exact matrix, one
without is a matrix of fits, and everything between works alike.
"""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import numpy.typing as npt

from forerun.metadata import MetaDataset
from forerun.metalearners.base import Floats
from forerun.metalearners.hierarchy import Grams

LANDMARKS = 256
LENGTHS = (0.25, 0.5, 1.0, 2.0)
"""Length scales that are tried, in median distances of landmarks."""
RIDGES = (0.003, 0.03, 0.3)
"""Penalties that are tried."""
JUDGED = 20_000
"""Trials, at most, by which they are chosen."""


def matern(A: Floats, B: Floats, length: float) -> Floats:
    """Matern-5/2 covariances (a, b) of rows A (a, d) and B (b, d)."""
    squares = (A**2).sum(axis=1)[:, None] + (B**2).sum(axis=1) - 2 * A @ B.T
    r = np.sqrt(5 * np.maximum(squares, 0.0)) / length
    return np.asarray((1 + r + r**2 / 3) * np.exp(-r))


@dataclass(frozen=True)
class Sources:
    """T functions of a configuration."""

    landmarks: Floats
    """(L, d)"""
    length: Floats
    """() of the kernel."""
    weights: Floats
    """(T, L) of the kernel's columns."""
    level: Floats
    """() that all tasks share."""
    rows: Floats
    """(R, d) recurring configurations."""
    recorded: Floats
    """(T, R) their targets; what was not recorded is filled by corrected fits."""

    @classmethod
    def fit(cls, meta: MetaDataset) -> Self:
        """Learn from a meta-dataset in canonical order."""
        distinct = np.unique(meta.X, axis=0)
        rng = np.random.default_rng(0)
        landmarks = distinct[np.sort(rng.permutation(len(distinct))[:LANDMARKS])]
        level = float(meta.y.mean())
        length, weights = _best_fit(meta, landmarks, level)
        nothing = np.zeros((0, meta.X.shape[1])), np.zeros((len(meta.tasks), 0))
        smooth = cls(landmarks, np.array(length), weights, np.array(level), *nothing)
        rows, table = recurring(meta)
        if not len(rows):
            return smooth
        fit = smooth.at(rows)
        known = np.isfinite(table)
        missed = np.where(known, table - fit, 0.0).sum(axis=0) / (known.sum(axis=0) + 1.0)
        return cls(landmarks, smooth.length, weights, smooth.level, rows, np.where(known, table, fit + missed))

    def at(self, X: Floats) -> Floats:
        """Targets (T, N) of encoded configurations X (N, d)."""
        found = self.level + self.weights @ matern(self.landmarks, X, float(self.length))
        place = _places(self.rows, X)
        found[:, place >= 0] = self.recorded[:, place[place >= 0]]
        return np.asarray(found)

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything, by name."""
        return {f"sources_{f.name}": getattr(self, f.name) for f in fields(self)}

    @classmethod
    def of_arrays(cls, arrays: dict[str, np.ndarray]) -> Self:
        """The inverse of `arrays`."""
        return cls(*(arrays[f"sources_{f.name}"] for f in fields(cls)))


def recurring(meta: MetaDataset) -> tuple[Floats, Floats]:
    """Configurations (R, d) that at least two tasks trained, and their mean targets (T, R), NaN where unknown."""
    distinct, place = np.unique(np.round(meta.X, 9) + 0.0, axis=0, return_inverse=True)
    shape = (len(meta.tasks), len(distinct))
    totals, counts = np.zeros(shape), np.zeros(shape)
    np.add.at(totals, (meta.task, place.ravel()), meta.y)
    np.add.at(counts, (meta.task, place.ravel()), 1)
    shared = (counts > 0).sum(axis=0) >= 2
    with np.errstate(invalid="ignore"):
        return distinct[shared], (totals / counts)[:, shared]


def _places(rows: Floats, X: Floats) -> npt.NDArray[np.int64]:
    """(N,) the number of each configuration among the recurring ones, -1 where it is none."""
    known = {row.tobytes(): i for i, row in enumerate(rows)}
    return np.array([known.get(row.tobytes(), -1) for row in np.round(X, 9) + 0.0], dtype=np.int64)


def _best_fit(meta: MetaDataset, landmarks: Floats, level: float) -> tuple[float, Floats]:
    """Length scale and weights (T, L) that tell trials left out best."""
    apart = np.sqrt(((landmarks[:, None, ::1] - landmarks[None]) ** 2).sum(axis=2))
    unit = float(np.median(apart[np.triu_indices(len(landmarks), 1)])) if len(landmarks) > 1 else 1.0
    rng = np.random.default_rng(1)
    rows = np.sort(rng.permutation(len(meta))[:JUDGED])
    part = meta.of_rows(rows)
    left = rng.random(len(part)) < 0.25
    best = (np.inf, LENGTHS[0], RIDGES[0])
    for length in LENGTHS if left.any() and not left.all() else ():
        Phi, _ = _features(part.X, landmarks, length * unit)
        known = part.of_rows(np.flatnonzero(~left))
        grams = _grams(Phi[~left], known, level)
        for ridge in RIDGES:
            own = _weights(grams, ridge)
            error = part.y[left] - level - np.einsum("np,np->n", Phi[left], own[part.task[left]])
            best = min(best, (float(np.mean(error**2)), length, ridge))
    Phi, root = _features(meta.X, landmarks, best[1] * unit)
    return best[1] * unit, _weights(_grams(Phi, meta, level), best[2]) @ root.T


def _features(X: Floats, landmarks: Floats, length: float) -> tuple[Floats, Floats]:
    """Whitened kernel columns Phi (n, L) of X, and the root (L, L) that makes them."""
    variances, vectors = np.linalg.eigh(matern(landmarks, landmarks, length))
    keep = variances > 1e-8 * variances[-1]
    root = vectors[:, keep] / np.sqrt(variances[keep])
    return matern(X, landmarks, length) @ root, root


def _grams(Phi: Floats, meta: MetaDataset, level: float) -> Grams:
    return Grams.of(Phi, meta.y - level, meta.task, len(meta.tasks), np.ones(len(meta)))


def _weights(grams: Grams, ridge: float) -> Floats:
    """Weights (T, p): shared ones by ridge over all trials, then each task's own deviation."""
    eye = np.eye(grams.G.shape[1])
    shared = np.linalg.solve(grams.G.sum(axis=0) + ridge * eye, grams.g.sum(axis=0))
    residual = grams.g - grams.G @ shared
    own = np.stack([np.linalg.solve(G + ridge * eye, r) for G, r in zip(grams.G, residual, strict=True)])
    return np.asarray(shared + own)
