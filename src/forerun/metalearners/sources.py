"""What every task of a history says of any configuration: its recorded target, or that of a smooth fit.

Notation: T tasks, n trials, N configurations asked about, d encoded columns, L landmarks.

The fit is kernel ridge regression with a Matern-5/2 kernel on L landmarks (Nystrom: Williams & Seeger 2001)
in two levels: weights that all tasks share, and how each task strays from them. Where a configuration recurs
across tasks, what was recorded takes the fit's place, and where only some tasks recorded it, the others'
gaps are filled by forests. So a history of shared configurations is an exact matrix, one
without is a matrix of fits, and everything between works alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Self

import numpy as np

from forerun.metadata import MetaDataset
from forerun.metalearners.base import Floats
from forerun.metalearners.hierarchy import Grams

LANDMARKS = 256
LENGTHS = (0.25, 0.5, 1.0, 2.0)
"""Length scales that are tried, in median distances of landmarks."""
RIDGES = (0.003, 0.03, 0.3)
"""Penalties that are tried."""
JUDGED = 10_000
"""Trials, at most, by which they are chosen."""
STRETCHES = (1 / 3, 3.0)
"""Of a domain's columns; what they say of losses differs from domain to domain."""
SKETCH = 4_000
"""Trials, at most, by which the stretches are chosen, with a quarter of the landmarks."""
TREES = 30
LEFT_OUT = 0.25
"""Share of the trials by which errors are measured."""
GAIN = 0.01
"""A stretch that lowers the error by a smaller share is not worth it."""


def matern(A: Floats, B: Floats, length: float) -> Floats:
    """Matern-5/2 covariances (a, b) of rows A (a, d) and B (b, d)."""
    squares = (A**2).sum(axis=1)[:, None] + (B**2).sum(axis=1) - 2 * A @ B.T
    r = np.sqrt(5 * np.maximum(squares, 0.0)) / length
    return np.asarray((1 + r + r**2 / 3) * np.exp(-r))


@dataclass(frozen=True)
class Sources:
    """T functions of a configuration."""

    stretch: Floats
    """(d,) factors of the columns, before distances are measured; 0 for domains that the history never had."""
    landmarks: Floats
    """(L, d) stretched"""
    length: Floats
    """() of the kernel."""
    weights: Floats
    """(T, L) of the kernel's columns."""
    level: Floats
    """() that all tasks share."""
    rows: Floats
    """(R, d) recurring configurations."""
    recorded: Floats
    """(T, R) their targets; what was not recorded is `filled`."""

    @classmethod
    def fit(cls, meta: MetaDataset) -> Self:
        """Learn from a meta-dataset in canonical order."""
        stretch = _stretches(_sample(meta, SKETCH)) * _met(meta)
        X = meta.X * stretch
        landmarks = _landmarks(meta.X, LANDMARKS) * stretch
        judged = _sample(meta, JUDGED)
        errors = {length: _errors(judged, judged.X * stretch, landmarks, length, RIDGES) for length in LENGTHS}
        _, length, ridge = min(
            (e, length, r) for length, row in errors.items() for e, r in zip(row, RIDGES, strict=True)
        )
        length *= _median_distance(landmarks)
        Phi, root = _features(X, landmarks, length)
        level = float(meta.y.mean())
        weights = _weights(_grams(Phi, meta, level), ridge) @ root.T
        nothing = np.zeros((0, meta.X.shape[1])), np.zeros((len(meta.tasks), 0))
        smooth = cls(stretch, landmarks, np.array(length), weights, np.array(level), *nothing)
        rows, table = recurring(meta)
        if not len(rows):
            return smooth
        return replace(smooth, rows=rows, recorded=filled(meta, rows, table))

    def at(self, X: Floats) -> Floats:
        """Targets (T, N) of encoded configurations X (N, d)."""
        found = self.level + self.weights @ matern(self.landmarks, X * self.stretch, float(self.length))
        known = self._known
        place = np.array([known.get(row.tobytes(), -1) for row in self._told_apart(X)], dtype=np.int64)
        found[:, place >= 0] = self.recorded[:, place[place >= 0]]
        return np.asarray(found)

    @cached_property
    def _known(self) -> dict[bytes, int]:
        """The number of each recurring configuration."""
        return {row.tobytes(): i for i, row in enumerate(self._told_apart(self.rows))}

    def _told_apart(self, X: Floats) -> Floats:
        """What of encoded configurations the history can know."""
        return np.round(X, 9) * (self.stretch > 0) + 0.0

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything, by name."""
        return {f"sources_{f.name}": getattr(self, f.name) for f in fields(self)}

    @classmethod
    def of_arrays(cls, arrays: dict[str, np.ndarray]) -> Self:
        """The inverse of `arrays`."""
        return cls(*(arrays[f"sources_{f.name}"] for f in fields(cls)))


def recurring(meta: MetaDataset) -> tuple[Floats, Floats]:
    """Configurations (R, d) that at least two tasks trained, and their mean targets (T, R), NaN where unknown."""
    rows, place = np.unique(np.round(meta.X, 9) + 0.0, axis=0, return_inverse=True)
    pairs = np.unique(place.ravel() * len(meta.tasks) + meta.task)
    shared = np.bincount(pairs // len(meta.tasks), minlength=len(rows)) >= 2
    # of what does not recur there is no table: a history of single configurations would fill the memory with it
    number = np.where(shared, np.cumsum(shared) - 1, -1)[place.ravel()]
    mine = number >= 0
    shape = (len(meta.tasks), int(shared.sum()))
    totals, counts = np.zeros(shape), np.zeros(shape)
    np.add.at(totals, (meta.task[mine], number[mine]), meta.y[mine])
    np.add.at(counts, (meta.task[mine], number[mine]), 1)
    with np.errstate(invalid="ignore"):
        return rows[shared], totals / counts


def filled(meta: MetaDataset, rows: Floats, table: Floats) -> Floats:
    """Targets (T, R) of recurring configurations, gaps filled by a forest of extremely randomised trees for each task.

    A forest, not the smooth fit: what is missing on a task often is what could not be trained there, and a forest
    says no better of it than of what was (Geurts et al., 2006).
    """
    from sklearn.ensemble import ExtraTreesRegressor

    found = table.copy()
    for t in np.flatnonzero(np.isnan(table).any(axis=1)):
        gaps, mine = np.isnan(table[t]), meta.task == t
        forest = ExtraTreesRegressor(TREES, min_samples_leaf=2, max_features=1 / 3, random_state=0).fit(
            meta.X[mine], meta.y[mine]
        )
        found[t, gaps] = forest.predict(rows[gaps])
    return found


def _sample(meta: MetaDataset, most: int) -> MetaDataset:
    """At most so many trials."""
    return meta.of_rows(np.sort(np.random.default_rng(1).permutation(len(meta))[:most]))


def _met(meta: MetaDataset) -> Floats:
    """(d,) 0 for the columns of domains that were absent in all trials, else 1: what was never tried cannot tell
    a target that has it from the history's tasks.
    """
    met = np.ones(meta.X.shape[1])
    for columns in meta.space.groups.values():
        met[columns] = not (meta.X[:, columns.stop - 1] == 1).all()
    return met


def _landmarks(X: Floats, most: int) -> Floats:
    """At most so many distinct rows of X."""
    distinct = np.unique(X, axis=0)
    return distinct[np.sort(np.random.default_rng(0).permutation(len(distinct))[:most])]


def _stretches(meta: MetaDataset) -> Floats:
    """How far to stretch each column (d,), found domain by domain: what lowers the error on trials left out stays."""

    landmarks = _landmarks(meta.X, LANDMARKS // 4)

    def error(stretch: Floats) -> float:
        return _errors(meta, meta.X * stretch, landmarks * stretch, 1.0, (0.03,))[0]

    stretch = np.ones(meta.X.shape[1])
    best = error(stretch)
    for columns in meta.space.groups.values():
        for factor in STRETCHES if np.ptp(meta.X[:, columns], axis=0).any() else ():
            other = stretch.copy()
            other[columns] *= factor
            found = error(other)
            if found < (1 - GAIN) * best:
                stretch, best = other, found
                break
    return stretch


def _errors(meta: MetaDataset, X: Floats, landmarks: Floats, length: float, ridges: Sequence[float]) -> list[float]:
    """Mean square errors on a quarter of the trials, with stretched encodings X (n, d), for each penalty."""
    left = np.random.default_rng(2).random(len(meta)) < LEFT_OUT
    if not left.any() or left.all():
        return [np.inf for _ in ridges]
    Phi, _ = _features(X, landmarks, length * _median_distance(landmarks))
    level = float(meta.y[~left].mean())
    grams = _grams(Phi[~left], meta.of_rows(np.flatnonzero(~left)), level)
    true, task = meta.y[left] - level, meta.task[left]
    said = (np.einsum("np,np->n", Phi[left], _weights(grams, ridge)[task]) for ridge in ridges)
    return [float(np.mean((true - mean) ** 2)) for mean in said]


def _median_distance(L: Floats) -> float:
    """The median distance of landmarks; 1 where there is none."""
    squares = (L**2).sum(axis=1)[:, None] + (L**2).sum(axis=1) - 2 * L @ L.T
    apart = np.sqrt(np.maximum(squares[np.triu_indices(len(L), 1)], 0.0))
    return float(np.median(apart)) if len(apart) and np.median(apart) > 0 else 1.0


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
