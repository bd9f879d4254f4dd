"""Areas under regret curves, and their ratios with intervals.

Notation: R (tasks, trials) mean normalised regret of the best trial so far, over the seeds; A = mean over trials.

A ratio is that of mean areas, not the mean of ratios: a task that everybody solves at once has none. Intervals are
95 % of a cluster bootstrap over groups of data sets, the same draws above and below the line.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forerun.space import Floats

DRAWS = 2_000
Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Curves:
    """One method on one history."""

    groups: Sequence[str]
    """Of the tasks."""
    R: Floats

    @classmethod
    def of(cls, rows: Rows) -> "Curves":
        """Of what the harness found, in its order of tasks and seeds."""
        tasks, task = np.unique([row["task"] for row in rows], return_inverse=True)
        regret = np.array([row["regret"] for row in rows])
        family = {row["task"]: row["family"] for row in rows}
        means = [regret[task == t].mean(axis=0) for t in range(len(tasks))]
        return cls([family[name] for name in tasks.tolist()], np.array(means))

    def over(self, other: "Curves") -> tuple[float, float, float]:
        """Ratio of mean areas: its value, and the ends of its interval."""
        mine, theirs = self.R.mean(axis=1), other.R.mean(axis=1)
        names, group = np.unique(self.groups, return_inverse=True)
        rng = np.random.default_rng(0)
        drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), DRAWS)[:, group]
        below = drawn @ theirs
        low, high = np.quantile((drawn @ mine)[below > 0] / below[below > 0], [0.025, 0.975])
        return float(mine.mean() / theirs.mean()), float(low), float(high)


def misled_once(rows: Rows, alone: Rows) -> list[dict[str, Any]]:
    """The first trial as a history had it, all later ones as if there were none.

    Of a reversed history nothing can be known before the first result: it is as consistent as the true one.
    What this costs is the least that a method which follows its history at first can pay, unless it turns the
    history around.
    """
    return [
        {**own, "regret": np.minimum(row["regret"][0], [row["regret"][0], *own["regret"][:-1]]).tolist()}
        for row, own in zip(rows, alone, strict=True)
    ]
