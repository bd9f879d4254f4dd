"""The promises of who measures drift. Each takes the function, and raises PromiseBroken.

A history drifts here when its last tasks prefer what all others avoid.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import numpy as np

from forerun.checks.broken import require
from forerun.checks.world import MINUTE, history, with_losses
from forerun.metadata import MetaDataset

TASKS, TRIALS, NEW = 24, 20, 8
"""Of a history, of a task, and tasks after the change."""
THRESHOLD = 0.1
"""Above which drift is said."""
HISTORIES = 3
"""Stationary ones, of which none may be said to drift."""
MONTH = 30 * 24 * 60 * MINUTE


class Found(Protocol):
    """What was measured."""

    @property
    def drift(self) -> float:
        """What remembering everything costs on the latest trials."""

    @property
    def half_life_s(self) -> float:
        """With which it costs least."""

    @property
    def since(self) -> float:
        """When the latest trials begin."""

    @property
    def untold(self) -> str:
        """Why nothing can be told; empty where something is."""

    def passes(self, threshold: float) -> bool:
        """Whether drift is said."""


Measure = Callable[[MetaDataset], Found]


def stayed(seed: int = 0) -> MetaDataset:
    """A history in which nothing changes."""
    return history(seed, TASKS, TRIALS)


def moved(seed: int = 0) -> MetaDataset:
    """One whose last tasks prefer what the others avoid."""
    meta = stayed(seed)
    return with_losses(meta, np.where(meta.task >= TASKS - NEW, -meta.loss, meta.loss))


def sees_an_optimum_that_moves(measure: Measure) -> None:
    """It is said, and a half-life that forgets most of what came before is the best."""
    found = measure(moved())
    require(found.passes(THRESHOLD), f"an optimum that moves must be seen; drift is {found.drift:.2f}")
    longest = NEW * TRIALS * MINUTE
    require(found.half_life_s < longest, f"a half-life must be below {longest:.0f} s; got {found.half_life_s:.0f} s")


def says_nothing_of_an_optimum_that_stays(measure: Measure) -> None:
    """Of several stationary histories none is said to drift."""
    said = [seed for seed in range(HISTORIES) if measure(stayed(seed)).passes(THRESHOLD)]
    require(not said, f"nothing changes in any of {HISTORIES} histories; drift is said of {len(said)}")


def the_same_history_gives_the_same_answer(measure: Measure) -> None:
    """Measured twice, it is the same to the last bit."""
    one, two = measure(moved()), measure(moved())
    require(repr(one) == repr(two), f"drift of one history must be the same twice; got {one} and {two}")


def the_order_of_trials_says_nothing(measure: Measure) -> None:
    """Trials in another order, of a history that is small enough for all of them to be looked at."""
    meta = moved()
    one, two = measure(meta), measure(meta.of_rows(np.random.default_rng(0).permutation(len(meta))))
    apart = abs(one.drift - two.drift)
    require(apart < 1e-6, f"trials in another order must give the same drift; got {apart:.2g} more or less")
    require(one.half_life_s == two.half_life_s, "trials in another order must have the same best half-life")


def when_it_was_says_nothing(measure: Measure) -> None:
    """All trials a month later: the window begins a month later, and what moved has moved, what stayed has stayed.

    By how much it moved may differ: which old trials are forgotten depends on when each of them was.
    """
    for meta in (stayed(), moved()):
        now, later = measure(meta), measure(replace(meta, started=meta.started + MONTH))
        shift = later.since - now.since
        require(abs(shift - MONTH) < 1.0, f"the latest trials must begin {MONTH:.0f} s later; got {shift:.0f} s")
        _alike(now, later, "a month later")


def the_unit_of_the_loss_says_nothing(measure: Measure) -> None:
    """Every task's losses in another unit, with another offset: what moved has moved, what stayed has stayed."""
    for meta in (stayed(), moved()):
        rng = np.random.default_rng(1)
        unit, offset = 10 ** rng.uniform(-3, 3, TASKS), rng.normal(0, 100, TASKS)
        other = with_losses(meta, meta.loss * unit[meta.task] + offset[meta.task])
        _alike(measure(meta), measure(other), "in other units")


def says_why_where_nothing_can_be_told(measure: Measure) -> None:
    """Without times, and of too few families, there is no drift and a reason."""
    meta = moved()
    for words, poor in {
        "no times": replace(meta, started=np.full(len(meta), np.nan)),
        "one time": replace(meta, started=np.full(len(meta), 1.7e9)),
        "four tasks": meta.of_tasks(range(4)),
        "equal losses": with_losses(meta, np.ones(len(meta))),
    }.items():
        found = measure(poor)
        require(bool(found.untold), f"of a history with {words} it must be said why nothing can be told")
        require(not found.passes(0.0), f"a history with {words} must not be said to drift")


DRIFT_PROMISES: dict[str, Callable[[Measure], None]] = {
    promise.__name__: promise
    for promise in (
        sees_an_optimum_that_moves,
        says_nothing_of_an_optimum_that_stays,
        the_same_history_gives_the_same_answer,
        the_order_of_trials_says_nothing,
        when_it_was_says_nothing,
        the_unit_of_the_loss_says_nothing,
        says_why_where_nothing_can_be_told,
    )
}


def _alike(one: Found, two: Found, when: str) -> None:
    same = (one.drift > THRESHOLD) == (two.drift > THRESHOLD)
    require(
        same, f"drift of the same history {when} must be the same side of {THRESHOLD}; got {one.drift}, {two.drift}"
    )
