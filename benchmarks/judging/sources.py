"""Histories that mislead, or are of no use, to see what transfer costs where there is nothing to transfer.

    real       as recorded
    shuffled   the losses of each task change places at random: noise of the right size
    reversed   the losses of each task change their sign: what was good is said to be bad
    none       one task alone, whose losses are all the same: a method learns the search space and nothing of it

`none` is a method without history, run through the same code: its AUC is what the misled one is held against. What a
method then does of itself (draw at random, or model the target's own trials) is its own affair; a method that
cannot fit such a history says so by its error.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from forerun.metadata import MetaDataset
from forerun.metadata.targets import standard_of
from forerun.space import Floats

Change = Callable[[MetaDataset, np.random.Generator], MetaDataset]


def shuffled(meta: MetaDataset, rng: np.random.Generator) -> MetaDataset:
    """Permute the losses within each task."""
    order = np.arange(len(meta))
    for task in range(len(meta.tasks)):
        mine = np.flatnonzero(meta.task == task)
        order[mine] = rng.permutation(mine)
    return replace(meta, loss=meta.loss[order], y=meta.y[order])


def reverse(meta: MetaDataset, rng: np.random.Generator) -> MetaDataset:
    """Negate the losses; what failed stays failed."""
    return with_losses(meta, -meta.loss)


def constant(meta: MetaDataset, rng: np.random.Generator) -> MetaDataset:
    """Keep the task with the most trials, all of which end alike."""
    one = meta.of_tasks([int(np.bincount(meta.task).argmax())])
    return with_losses(one, np.zeros(len(one)))


def with_losses(meta: MetaDataset, loss: Floats) -> MetaDataset:
    """The same trials with other losses, standardised anew: per data set, whatever it was recorded on."""
    data_sets = np.array(meta.data_sets)
    y, location, scale = np.empty(len(meta)), np.empty(len(data_sets)), np.empty(len(data_sets))
    for name in dict.fromkeys(data_sets):
        mine = (data_sets == name)[meta.task]
        standard = standard_of(loss[mine])
        y[mine] = standard.forward(loss[mine])
        location[data_sets == name], scale[data_sets == name] = standard.location, standard.scale
    return replace(meta, loss=loss, y=y, location=location, scale=scale)


SOURCES: dict[str, Change] = {
    "real": lambda meta, rng: meta,
    "shuffled": shuffled,
    "reversed": reverse,
    "none": constant,
}
