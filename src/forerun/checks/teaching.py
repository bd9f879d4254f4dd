"""What the promises of meta-learners share: makers, histories to teach from, and tasks that no one has seen.

Fitting is what promises spend their time on. Most of them ask a learner that was taught one of `HISTORIES`
and change nothing in it, so they can share it:

    make = Shared(MyMetaLearner)
    for promise in METALEARNER_PROMISES.values():
        promise(make)

Handed `MyMetaLearner` itself, every promise fits its own. Whether fitting or adapting leaves traces is asked
of fresh learners either way.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from forerun.checks.world import Example, example, history, with_losses
from forerun.metadata import MetaDataset
from forerun.metalearners import Context, MetaLearner

Make = Callable[[], MetaLearner]
"""Makes an untrained meta-learner."""
Promise = Callable[[Make], None]


def noise() -> MetaDataset:
    """The history with losses that say nothing: within each task, they belong to other configurations."""
    meta, rng = history(), np.random.default_rng(7)
    losses = meta.loss.copy()
    for t in range(len(meta.tasks)):
        rows = np.flatnonzero(meta.task == t)
        losses[rows] = rng.permutation(losses[rows])
    return with_losses(meta, losses)


HISTORIES: dict[str, Callable[[], MetaDataset]] = {
    "losses": history,
    "seconds": lambda: history().for_seconds(),
    "noise": noise,
}


@dataclass(frozen=True)
class Shared:
    """A maker that teaches one learner each history once, for all promises that ask for it."""

    make: Make
    learners: dict[str, MetaLearner] = field(default_factory=dict, repr=False)

    def __call__(self) -> MetaLearner:
        """Make an untrained one, as ever."""
        return self.make()


def taught(make: Make, name: str = "losses") -> MetaLearner:
    """Return a learner that was taught this history: the shared one, where fits are shared. Not to be fitted again."""
    learners = make.learners if isinstance(make, Shared) else {}
    if name not in learners:
        learners[name] = make().fit(HISTORIES[name]())
    return learners[name]


def strangers(count: int, *, reverse: bool = False) -> list[Example]:
    """Tasks of the world that are in no history, always the same."""
    rng = np.random.default_rng(1000)
    return [example(rng, 60, reverse=reverse) for _ in range(count)]


def seen(task: Example, trials: int) -> Context:
    """The task after its first trials."""
    return Context(task.features, task.X[:trials], task.loss[:trials])
