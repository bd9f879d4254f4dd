"""What is said on each night after the change, and what a meta-learner that forgets, or does not, is worth then."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from drifting.histories import Story
from forerun.evaluation.drift import Drift, measure_drift
from forerun.evaluation.replay import Recorded, replay
from forerun.metadata import MetaDataset
from forerun.metadata.recency import DAY, recent
from forerun.metalearners import METALEARNERS

THRESHOLD = 0.1
TRIALS = 10
SHOWN = (1, 3, 5, 10)
ALL, RECENT, ORACLE = "everything", "recent", "oracle"
Rows = list[dict[str, Any]]


def night(told: Story, since: int, seed: int) -> tuple[dict[str, Any], Drift]:
    """What is measured when so many data sets have arrived since the change."""
    found = measure_drift(told.known(since), seed=seed)
    plain = {name: getattr(found, name) for name in ("drift", "low", "high", "usual", "now", "untold")}
    days = found.half_life_s / DAY
    return {"since": since, "seed": seed, "said": found.passes(THRESHOLD), "half_life": days, **plain}, found


def arms(told: Story, since: int, found: Drift) -> dict[str, MetaDataset]:
    """What each way of remembering learns from."""
    known = told.known(since)
    arms = {ALL: known, RECENT: recent(known, found.half_life_s) if found.passes(THRESHOLD) else known}
    # of one data set nothing can be learned across data sets
    return arms | ({ORACLE: told.forgotten(since)} if since >= 2 else {})


def regrets(told: Story, since: int, found: Drift, learners: Sequence[str], seed: int) -> Iterator[dict[str, Any]]:
    """Regret on the data sets that come last, a row each."""
    for name in learners:
        rows: dict[int, Rows] = {}
        for arm, meta in arms(told, since, found).items():
            if id(meta) not in rows:  # where nothing was forgotten, it is the same
                rows[id(meta)] = list(_replayed(told, meta, name, seed))
            yield from ({"arm": arm, "learner": name, "since": since, "seed": seed, **row} for row in rows[id(meta)])


def _replayed(told: Story, meta: MetaDataset, name: str, seed: int) -> Iterator[dict[str, Any]]:
    learner = METALEARNERS[name]().fit(meta)
    for task in map(int, told.order[-told.tests :]):
        recorded = Recorded.of(told.later, task)
        if recorded.decides:
            found = replay(learner, recorded, TRIALS, np.random.default_rng([seed, task]))
            regret = {str(k): found[f"regret_{k}"] for k in SHOWN}
            yield {"task": told.later.tasks[task], "family": told.later.families[task], "regret": regret}
