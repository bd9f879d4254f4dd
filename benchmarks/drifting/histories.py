"""Histories made of recorded evaluations, in which what is good changes half-way, or does not.

Data sets arrive one a day, in an order drawn by the seed. The kinds:

    hardware   from the change on every training takes longer, under the time limit that its data set always had (what
               its longest recorded training took): long ones fail
    metric     from the change on the loss is another metric of the same trainings
    time       from the change on the loss is how long a training takes
    none       nothing changes
    narrowed   nothing changes, but from half-way on only the better half of a data set's configurations is tried,
               as when people know by now what is good
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from forerun.errors import SettingsError
from forerun.evaluation import draw
from forerun.metadata import MetaDataset
from forerun.metadata.recency import DAY
from forerun.space import Floats
from judging.recordings import read, shipped
from judging.sources import with_losses

SHIPPED = Path(__file__).parents[2] / "data" / "history"
CHANGES = ("hardware", "metric", "time")
KINDS = (*CHANGES, "none", "narrowed")


@dataclass(frozen=True)
class Recordings:
    """Trainings of many data sets, with two losses and a time each."""

    name: str
    meta: MetaDataset
    other: Floats | None
    """(n,) losses by another metric; None where there is none."""
    seconds: Floats | None
    """(n,); None where times were not recorded."""

    @classmethod
    def of_project(cls) -> "Recordings":
        """The project's own, of which one metric is known."""
        meta = shipped(SHIPPED).meta
        return cls("history", meta, None, meta.seconds)

    @classmethod
    def of_folder(cls, name: str, folder: Path, metrics: Sequence[str]) -> "Recordings":
        """A benchmark in the tidy form; metrics are the columns of the loss, the other loss and, if known, seconds."""
        first, other, *seconds = (read(name, folder, metric).meta for metric in metrics)
        if not all(len(first) == len(meta) for meta in (other, *seconds)):
            raise SettingsError(f"metrics {', '.join(metrics)} must be known of the same trainings of {name!r}")
        return cls(name, first, other.loss, seconds[0].loss if seconds else None)

    def after(self, kind: str, slower: float) -> Floats:
        """Losses (n,) from the change on."""
        if kind == "metric":
            if self.other is None:
                raise SettingsError(f"recordings must have a second metric for the kind 'metric'; {self.name} has none")
            return self.other
        if kind not in ("hardware", "time"):
            return self.meta.loss
        if self.seconds is None:
            raise SettingsError(f"recordings must have seconds for the kind {kind!r}; {self.name} has none")
        if kind == "time":
            return self.seconds
        longest = pd.Series(self.seconds).groupby(self.meta.task).transform("max")
        return np.where(self.seconds * slower <= longest, self.meta.loss, np.nan)


@dataclass(frozen=True)
class Story:
    """A history as it comes in, and the data sets that come last."""

    meta: MetaDataset
    """What can be known; each trial began at its time."""
    later: MetaDataset
    """Everything that was recorded, with the losses from the change on: of data sets that came last, to be replayed."""
    order: npt.NDArray[np.int64]
    """Tasks as they arrive."""
    half: int
    """So many arrive before the change."""
    tests: int
    """So many come last, and are never known."""

    def known(self, since: int) -> MetaDataset:
        """What is known when so many data sets have arrived since the change."""
        return self.meta.of_tasks(self.order[: self.half + since])

    def forgotten(self, since: int) -> MetaDataset:
        """What is left for one who knows of the change: only what came after."""
        return self.meta.of_tasks(self.order[self.half : self.half + since])


def story(recordings: Recordings, kind: str, seed: int, *, slower: float, tests: int, trials: int, pool: int) -> Story:
    """One order of arrival; so many trials of each data set are known, and `pool` can be chosen from."""
    rng = np.random.default_rng(seed)
    meta = recordings.meta
    order = rng.permutation(len(meta.tasks))
    half = (len(order) - tests + 1) // 2
    place = np.argsort(order)[meta.task]
    changed = with_losses(meta, recordings.after(kind, slower))
    mixed = with_losses(meta, np.where(place < half, meta.loss, changed.loss))
    started = DAY * (place + rng.random(len(meta)))
    known = replace(mixed, started=started)
    if kind == "narrowed":
        middle = pd.Series(meta.loss).groupby(meta.task).transform("median")
        known = known.of_rows(np.flatnonzero((place < half) | (meta.loss <= middle)))
    return Story(draw(known, trials, rng), draw(changed, pool, rng), order, half, tests)
