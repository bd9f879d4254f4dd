"""The meta-dataset: what many trials teach, as arrays.

Notation: T tasks, n trials, d encoded columns, m task features.

A row of tasks is a data set on one kind of hardware: the same data set recorded in two environments makes
two rows, 'iris' and 'iris @ cpu_model=...', which share their meta-features, their family and the standard
of their losses, and differ in their hardware features.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from forerun.metadata.scaler import FeatureScaler
from forerun.space import Floats, SearchSpace

LOSS = "loss"
SECONDS = "log10 seconds"
BETWEEN = " @ "
"""Stands between the names of a data set and of an environment; neither part of it may stand in a task's name."""


@dataclass(frozen=True)
class MetaDataset:
    """Trials of many tasks, encoded in the union of their search spaces."""

    space: SearchSpace
    """The union space; X has its columns."""
    X: Floats
    """(n, d) encoded configurations."""
    task: npt.NDArray[np.int64]
    """(n,) index of each trial's task."""
    loss: Floats
    """(n,) raw validation losses, NaN for failed trials."""
    seconds: Floats
    """(n,) fit seconds; NaN where unknown; the limit where the training ran into it (`censored`)."""
    y: Floats
    """(n,) the target that a meta-learner fits: standardised per task (see `targets`), finite."""
    tasks: Sequence[str]
    """T names."""
    families: Sequence[str]
    """T names; no split parts a family."""
    features: Floats
    """(T, m) task features: standardised meta-features and hardware, finite."""
    feature_names: Sequence[str]
    location: Floats
    """(T,) of each task's raw losses, see `targets.Standard`."""
    scale: Floats
    """(T,)"""
    censored: npt.NDArray[np.bool_]
    """(n,) whether the training was stopped by its time limit."""
    started: Floats
    """(n,) when the training began, in seconds since 1970 (UTC); NaN where unknown."""
    scaler: FeatureScaler
    """How `features` were made of raw ones; makes those of a new task."""
    target: str = LOSS
    """What y stands for: LOSS (standardised) or SECONDS (absolute)."""

    def __len__(self) -> int:
        return len(self.y)

    @property
    def failed(self) -> npt.NDArray[np.bool_]:
        """(n,) whether the trial ended without a loss."""
        return np.isnan(self.loss)

    @property
    def data_sets(self) -> list[str]:
        """T names of data sets, without the environment."""
        return [name.partition(BETWEEN)[0] for name in self.tasks]

    def for_seconds(self) -> Self:
        """The same trials with y = log10 of their fit seconds, those of unknown time left out.

        Times are not standardised per task: how long a training takes on a new task is asked in seconds.
        A censored trial took longer than we know; it enters with twice its limit, a crude but finite guess.
        """
        meta = self.of_rows(np.flatnonzero(np.isfinite(self.seconds) & (self.seconds >= 0)))
        guess = meta.seconds * np.where(meta.censored, 2.0, 1.0)
        # clocks cannot tell durations below a tenth of a millisecond apart
        return replace(meta, y=np.log10(np.maximum(guess, 1e-4)), target=SECONDS)

    def of_tasks(self, indices: Iterable[int]) -> Self:
        """The trials of some tasks, which are numbered anew in the order given. Standards and features stay."""
        wanted = np.fromiter(indices, dtype=np.int64)
        place = np.full(len(self.tasks), -1, dtype=np.int64)
        place[wanted] = np.arange(len(wanted))
        part = self.of_rows(np.flatnonzero(place[self.task] >= 0))
        return replace(
            part,
            task=place[part.task],
            tasks=[self.tasks[i] for i in wanted],
            families=[self.families[i] for i in wanted],
            features=self.features[wanted],
            location=self.location[wanted],
            scale=self.scale[wanted],
        )

    def without(self, families: Iterable[str]) -> Self:
        """The trials of all tasks but those of some families, for cross-validation."""
        left_out = set(families)
        return self.of_tasks(i for i, family in enumerate(self.families) if family not in left_out)

    def of_rows(self, rows: npt.NDArray[np.int64]) -> Self:
        """Some trials, in the order given, of the same tasks."""
        per_trial = ("X", "task", "loss", "seconds", "y", "censored", "started")
        return replace(self, **{name: getattr(self, name)[rows] for name in per_trial})

    def save(self, path: Path) -> None:
        """Write as one Parquet file (see `metadata.saved`)."""
        from forerun.metadata.saved import save

        save(self, path)

    @classmethod
    def load(cls, path: Path) -> "MetaDataset":
        """Read what `save` wrote. Raises FormatError when it is foreign, damaged or of a newer version."""
        from forerun.metadata.saved import load

        return load(path)
