"""A learned optimizer of real trainings: taught on what a history lets one imagine, used on a task that is not in it.

A meta-learner that is fitted to a history and adapted to some trials of a task says what that task may be like, and
can be drawn from (`Drawable`). Such draws, from every task with few of its trials and with many, are the functions
on which a recurrent optimizer learns to optimize (`search.recurrent`). After that nothing is fitted any more: what to
train next is a function of the trials so far, read by the optimizer one after the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from forerun.errors import HistoryError
from forerun.metadata import MetaDataset
from forerun.metalearners import Context, MetaLearner
from forerun.metalearners.network import Network
from forerun.metalearners.shallow import Settings
from forerun.metalearners.threads import one_thread
from forerun.search import Score
from forerun.search.recurrent import RecurrentOptimizer
from forerun.space import Configuration, Grid, SearchSpace, Value
from forerun.trials import Status, Trial
from forerun.tuning.acquisition import Drawable, mean_score

FUNCTIONS = 128
"""That an optimizer learns from."""


def imagined(learner: MetaLearner, meta: MetaDataset, count: int, rng: np.random.Generator) -> list[Score]:
    """Draw functions of encoded configurations: what tasks of a history may be like, task by task.

    Raises HistoryError for a meta-learner that cannot be drawn from.
    """
    found: list[Score] = []
    for i in range(count):
        task = i % len(meta.tasks)
        rows = np.flatnonzero(meta.task == task)
        # from nothing known of the task to all of it
        rows = rng.choice(rows, int(rng.integers(len(rows) + 1)), replace=False)
        surrogate = learner.adapt(Context(meta.features[task], meta.X[rows], meta.loss[rows]))
        if not isinstance(surrogate, Drawable):
            raise HistoryError(f"an optimizer learns from a meta-learner that can be drawn from; got {learner!r}")
        found.append(mean_score(surrogate.draw(rng)))
    return found


@one_thread()
def learn_to_optimize(meta: MetaDataset, rng: np.random.Generator, optimizer: RecurrentOptimizer) -> RecurrentOptimizer:
    """Teach an optimizer what a history lets one imagine, in the history's space; returns it."""
    learner = Network(Settings(members=1, seed=int(rng.integers(2**31)))).fit(meta)
    functions = imagined(learner, meta, FUNCTIONS, rng)
    return optimizer.fit(functions, meta.space, rng)


@dataclass(frozen=True)
class LearnedChooser:
    """Chooses trainings for one task."""

    optimizer: RecurrentOptimizer
    space: SearchSpace
    """What may be tried on the task: of the history's space, or a part of it."""
    seed: int = 0

    @cached_property
    def grid(self) -> Grid:
        """The task's space on a grid, encoded as the optimizer knows it."""
        return self.space.grid(self.optimizer.resolution, encoder=self.optimizer.grid_.encoder)

    def choose(self, trials: Sequence[Trial]) -> dict[str, Value]:
        """The configuration to train next, after all trials so far; failed ones count."""
        configurations: list[Configuration] = [t.configuration for t in trials]
        X = self.grid.encoder.encode(configurations, own=self.space)
        losses = np.array([t.loss if t.status == Status.FINISHED else np.nan for t in trials], dtype=np.float64)
        row = self.optimizer.propose(X, losses, np.random.default_rng([self.seed, len(trials)]))
        proposed = self.optimizer.grid_.configurations(row[None])[0]
        # what the task's space does not have is left out, and what it has in other steps is rounded
        return self.grid.configurations(self.grid.nearest(proposed)[None])[0]
