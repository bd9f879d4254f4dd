"""The promises of who forgets old trials. Each takes the function, and raises PromiseBroken."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from forerun.checks.broken import require
from forerun.checks.world import MINUTE, history
from forerun.metadata import MetaDataset

Forget = Callable[[MetaDataset, float, float], MetaDataset]
"""History, half-life and the time from which ages are counted, in seconds -> what is left."""
LONG, LIFE = 2_000, 300 * MINUTE
"""Trials of a history that is forgotten, a minute each, and a half-life."""


def keeps_as_many_as_the_half_life_says(forget: Forget) -> None:
    """Of trials that are one, two and three half-lives old, a half, a quarter and an eighth."""
    meta, now = _long()
    kept = forget(meta, LIFE, now)
    for lives in (1, 2, 3):
        share = float(_between(kept, now, lives).sum() / _between(meta, now, lives).sum())
        # 300 trials within half a half-life of that age: four standard errors are 0.12 at most
        require(
            abs(share - 0.5**lives) < 0.12, f"{0.5**lives:.3f} of {lives} half-lives ago must stay; got {share:.3f}"
        )


def a_longer_half_life_keeps_all_that_a_shorter_one_keeps(forget: Forget) -> None:
    """What is left is a part of what is left with twice the half-life."""
    meta, now = _long()
    before: set[tuple[str, bytes]] = set()
    for half_life in (LIFE / 4, LIFE / 2, LIFE, 2 * LIFE, 4 * LIFE):
        after = _trials(forget(meta, half_life, now))
        require(
            before < after, f"with a half-life of {half_life:.0f} s all must stay that stays with half of it, and more"
        )
        before = after


def as_time_passes_trials_only_leave(forget: Forget) -> None:
    """What is forgotten once is never remembered again."""
    meta, now = _long()
    before = _trials(meta)
    for later in (0.0, 0.3, 1.0, 3.0):
        after = _trials(forget(meta, LIFE, now + later * LIFE))
        require(after < before, f"{later:g} half-lives later some must have left, and none must have come")
        before = after


def neither_order_nor_company_decides(forget: Forget) -> None:
    """A trial stays or falls out whatever else is known, and in whichever order."""
    meta, now = _long()
    kept = _trials(forget(meta, LIFE, now))
    mixed = meta.of_rows(np.random.default_rng(0).permutation(len(meta)))
    require(_trials(forget(mixed, LIFE, now)) == kept, "trials in another order must be forgotten alike")
    part = meta.of_tasks(range(7, 19))
    alone = _trials(forget(part, LIFE, now))
    require(alone == kept & _trials(part), "trials of some tasks must be forgotten as among all others")


def what_has_no_time_stays(forget: Forget) -> None:
    """Trials of unknown time are remembered."""
    meta, now = _long()
    blind = replace(meta, started=np.where(np.arange(len(meta)) % 10 == 3, np.nan, meta.started))
    kept = int(np.isnan(forget(blind, LIFE, now).started).sum())
    require(kept == LONG // 10, f"all {LONG // 10} trials of unknown time must stay; got {kept}")


FORGETTING_PROMISES: dict[str, Callable[[Forget], None]] = {
    promise.__name__: promise
    for promise in (
        keeps_as_many_as_the_half_life_says,
        a_longer_half_life_keeps_all_that_a_shorter_one_keeps,
        as_time_passes_trials_only_leave,
        neither_order_nor_company_decides,
        what_has_no_time_stays,
    )
}


def _long() -> tuple[MetaDataset, float]:
    """A history of LONG trials, and the time of the latest."""
    meta = history(tasks=40, trials=LONG // 40)
    return meta, float(meta.started.max())


def _between(meta: MetaDataset, now: float, lives: float) -> np.ndarray:
    """Which trials (n,) are so many half-lives old, more or less a half."""
    return np.abs((now - meta.started) / LIFE - lives) < 0.5


def _trials(meta: MetaDataset) -> set[tuple[str, bytes]]:
    return {(meta.tasks[t], row.tobytes()) for t, row in zip(meta.task, meta.X, strict=True)}
