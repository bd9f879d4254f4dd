"""The first trials on a target, of which nothing is known yet: those that served the history's tasks best together.

Notation: T tasks, N configurations, R (T, N) their normalised regrets, q (T,) probabilities of the tasks.

    worth(x) = sum_t q_t (r_t - min(r_t, R_t(x)))        r_t the regret so far, had the target been task t

With equal q this is the greedy portfolio (Feurer et al. 2022), the best that can be had of an order that is fixed
beforehand. Here the tasks that the trials contradict lose their weight: where a first trial ties with the
second, those on which both are equally bad count.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.special import logsumexp

from forerun.metadata import MetaDataset, Standard
from forerun.metadata.regret import ends
from forerun.metalearners.base import Floats
from forerun.metalearners.hypotheses import Piece

STANDARD = Standard(0.0, 1.0)


@dataclass(frozen=True)
class Opening:
    """Turns targets into regrets."""

    best: Floats
    """(T,) of each task's losses, in its scale."""
    worst: Floats
    """(T,)"""

    @classmethod
    def of(cls, meta: MetaDataset) -> Self:
        """Of the tasks of a history."""
        z = (meta.loss - meta.location[meta.task]) / meta.scale[meta.task]
        best, worst = np.array([ends(z[meta.task == t]) for t in range(len(meta.tasks))]).T
        return cls(best, worst)

    def regrets(self, targets: Floats) -> Floats:
        """Normalised regrets (T, N) of targets (T, N)."""
        width = np.where(self.worst > self.best, self.worst - self.best, np.inf)
        z = STANDARD.unbend(targets)
        return np.clip((z - self.best[:, None]) / width[:, None], 0.0, 1.0)

    def worth(self, tried: Floats, asked: Floats, q: Floats) -> Floats:
        """Worth (N,) of configurations with targets asked (T, N), when tried (T, k) have been."""
        so_far = self.regrets(tried).min(axis=1, initial=1.0)
        R = self.regrets(asked)
        gained = q @ (so_far[:, None] - np.minimum(so_far[:, None], R))
        # among equals the best on average
        return np.asarray(np.round(gained, 12) + 1e-9 * (1 - q @ R))


def task_weights(pieces: Sequence[Piece], tasks: int, trials: int) -> Floats:
    """Posterior probabilities (T,) of the tasks; equal ones before two trials, of which a difference can be told."""
    if trials < 2:
        return np.full(tasks, 1 / tasks)
    logs = logsumexp([p.evidence - p.hypothesis.log_weight for p in pieces if p.name == "tasks"], axis=0)
    weights = np.exp(logs - logs.max())
    return np.asarray(weights / weights.sum())
