"""What every source task says of every candidate: its recorded loss, or its surrogate's.

Notation: T source tasks, N candidates, d encoded columns.

Where configurations recur across data sets the recorded losses are a matrix. Where they do not, or partly,
one surrogate a task fills the gaps: a forest of extremely randomised trees (Geurts et al., 2006) on the
encoding, fitted to the task's standardised losses, in which an exploded loss weighs no more than a bad one.
"""

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from forerun.metadata import MetaDataset, Standard
from forerun.space import Floats
from judging.regret import Ends

TREES = 50


class Said(NamedTuple):
    """What T tasks say of N candidates."""

    losses: Floats
    """(T, N) raw; NaN where the training failed."""
    known: npt.NDArray[np.bool_]
    """(T, N) whether it was recorded."""


@dataclass
class Matrix:
    """Losses of any configurations on the source tasks."""

    meta: MetaDataset
    ends: list[Ends]
    """T, between which a task's losses lie."""
    recorded: dict[bytes, list[tuple[int, float]]]
    """Encoded row -> tasks on which it was recorded, and the mean of its losses there."""
    columns: dict[bytes, tuple[Floats, npt.NDArray[np.bool_]]] = field(default_factory=dict)
    """Encoded row -> what was said of it, as candidates are asked about again and again."""

    @classmethod
    def of(cls, meta: MetaDataset) -> Self:
        """Of all tasks of a meta-dataset."""
        found: dict[bytes, dict[int, list[float]]] = {}
        for key, task, loss in zip(_keys(meta.X), meta.task.tolist(), meta.loss.tolist(), strict=True):
            found.setdefault(key, {}).setdefault(task, []).append(loss)
        recorded = {k: [(t, float(np.mean(losses))) for t, losses in row.items()] for k, row in found.items()}
        order = np.argsort(meta.task, kind="stable")
        parts = np.split(meta.loss[order], np.cumsum(np.bincount(meta.task, minlength=len(meta.tasks)))[:-1])
        matrix = cls(meta, [Ends.of(losses) for losses in parts], recorded)
        if any(len(row) < len(meta.tasks) for row in recorded.values()):
            # candidates will have gaps too: the surrogates are made here, not while a trial is waited for
            for task in range(len(meta.tasks)):
                matrix._surrogate(task)
        return matrix

    def at(self, X: Floats) -> Said:
        """What each task says of encoded candidates X (N, d); recorded values exactly where a row recurs."""
        keys = _keys(X)
        new = list({key: row for row, key in enumerate(keys) if key not in self.columns}.values())
        if new:
            self._learn([keys[row] for row in new], X[new])
        columns = [self.columns[key] for key in keys]
        return Said(np.stack([c[0] for c in columns], axis=1), np.stack([c[1] for c in columns], axis=1))

    def regrets(self, X: Floats) -> Floats:
        """The normalised regret (T, N) of candidates on each task, in [0, 1]; 1 where failed."""
        losses = self.at(X).losses
        return np.stack([ends.regret(row) for ends, row in zip(self.ends, losses, strict=True)])

    def _learn(self, keys: list[bytes], X: Floats) -> None:
        """Look up or predict what is said of distinct rows."""
        losses = np.full((len(self.meta.tasks), len(X)), np.nan)
        known = np.zeros(losses.shape, dtype=bool)
        for column, key in enumerate(keys):
            for task, loss in self.recorded.get(key, ()):
                losses[task, column], known[task, column] = loss, True
        for task in np.flatnonzero(~known.all(axis=1)):
            gaps = ~known[task]
            losses[task, gaps] = self._predict(int(task), X[gaps])
        for column, key in enumerate(keys):
            self.columns[key] = losses[:, column], known[:, column]

    def _predict(self, task: int, X: Floats) -> Floats:
        standard = Standard(float(self.meta.location[task]), float(self.meta.scale[task]))
        return standard.inverse(self._surrogate(task).predict(X))

    def _surrogate(self, task: int) -> Any:
        mine = self.meta.task == task
        return _forest(Trials.of(self.meta.X[mine], self.meta.y[mine]))


@dataclass(frozen=True)
class Trials:
    """One task's trials, told apart by a digest."""

    digest: bytes
    X: Floats = field(compare=False)
    y: Floats = field(compare=False)
    """In target units."""

    @classmethod
    def of(cls, X: Floats, y: Floats) -> Self:
        """Of encoded configurations X (n, d) and targets y (n,)."""
        X, y = np.ascontiguousarray(X), np.ascontiguousarray(y)
        return cls(hashlib.sha256(X.tobytes() + y.tobytes()).digest(), X, y)


@lru_cache(maxsize=512)
def _forest(trials: Trials) -> Any:
    """The surrogate of a task; kept, as the folds and methods of a run ask for the same ones."""
    from sklearn.ensemble import ExtraTreesRegressor

    return ExtraTreesRegressor(TREES, min_samples_leaf=2, random_state=0).fit(trials.X, trials.y)


def _keys(X: Floats) -> list[bytes]:
    """Rows as what can be looked up; -0.0 is 0.0."""
    return [row.tobytes() for row in np.ascontiguousarray(X + 0.0)]
