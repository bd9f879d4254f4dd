"""A learned optimizer of real trainings: taught on what a history lets one imagine, used on a task that is not in it.

A meta-learner that is fitted to a history and adapted to some trials of a task says what that task may be like, and
can be drawn from (`Drawable`). Such draws, from every task with few of its trials and with many, are the functions
on which a recurrent optimizer learns to optimize (`search.recurrent`). After that nothing is fitted any more: what to
train next is a function of the trials so far, read by the optimizer one after the other (`Tuner.optimizer`).
"""

from collections.abc import Sequence

import numpy as np

from forerun.errors import HistoryError
from forerun.metadata import MetaDataset
from forerun.metalearners import Context, MetaLearner
from forerun.metalearners.network import Network
from forerun.metalearners.shallow import Settings
from forerun.metalearners.threads import one_thread
from forerun.search import Score
from forerun.search.recurrent import RecurrentOptimizer
from forerun.search.recurrent.family import Blend
from forerun.tuning.acquisition import Drawable, mean_score

FUNCTIONS = 256
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


def varied(functions: Sequence[Score], count: int, rng: np.random.Generator) -> list[Score]:
    """So many functions, each one of those given plus up to the whole difference between two others.

    What a history lets one imagine is too much alike: where the same few configurations are good everywhere, an
    optimizer learns them by heart, and never to read results.
    """
    found: list[Score] = []
    for _ in range(count):
        i, j, k = rng.choice(len(functions), 3, replace=False)
        share = float(rng.uniform())
        found.append(Blend((functions[i], functions[j], functions[k]), (1.0, share, -share)))
    return found


@one_thread()
def learn_to_optimize(meta: MetaDataset, rng: np.random.Generator, optimizer: RecurrentOptimizer) -> RecurrentOptimizer:
    """Teach an optimizer what a history lets one imagine, in the history's space; returns it."""
    learner = Network(Settings(members=1, seed=int(rng.integers(2**31)))).fit(meta)
    functions = varied(imagined(learner, meta, FUNCTIONS, rng), FUNCTIONS, rng)
    return optimizer.fit(functions, meta.space, rng)
