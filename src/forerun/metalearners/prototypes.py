"""The trials of the history that attention looks at: few, so that it stays fast.

Notation: T tasks with k prototypes each, K = T k; B tasks that look at them.
"""

import numpy as np
import torch

from forerun.metadata import MetaDataset
from forerun.metalearners.attention import Attention, Prototypes, Tried
from forerun.metalearners.head import importance
from forerun.metalearners.trunk import Batch, Trials

PROTOTYPES = 512
"""K at most, but one a task at least."""


def prototypes(
    net: Attention, meta: MetaDataset, trials: Trials, support: Batch, tasks: torch.Tensor | None
) -> Prototypes:
    """Trials (T, k) of the history as attended to, those of the families of tasks (B,) hidden from them."""
    z, y = trials.x[support.rows], trials.y[support.rows]
    tau = net.code(Tried(z, y, support.real, trials.failed[support.rows]), trials.c[support.tasks])
    weight = torch.from_numpy(np.log(importance(meta)))[support.tasks, None].expand_as(y)
    weight = torch.where(support.real, weight, -torch.inf).flatten()[None]
    _, family = np.unique(np.array(meta.families), return_inverse=True)
    if tasks is not None and family.max():
        own = torch.from_numpy(family)
        hidden = own[tasks][:, None] == own[support.tasks].repeat_interleave(y.shape[1])
        weight = torch.where(hidden, -torch.inf, weight)
    return Prototypes(net.embed(z, tau).flatten(0, 1), y.flatten(), weight)


def spread(meta: MetaDataset) -> Batch:
    """Trials of every task, evenly from its best to its worst: a canonical history is sorted by them."""
    per = max(PROTOTYPES // len(meta.tasks), 1)
    counts = np.bincount(meta.task)
    starts = np.cumsum(counts) - counts
    rows = [s + np.linspace(0, n - 1, per).round().astype(int) for s, n in zip(starts, counts, strict=True)]
    real = [np.append(True, np.diff(part) > 0) for part in rows]
    return Batch(torch.arange(len(counts)), torch.from_numpy(np.array(rows)), torch.from_numpy(np.array(real)))
