"""What a super-network teaches: its scores searched for the best, and told as the trials of a related task.

    shared = SuperNet.fit(family, task)
    found = shortlist(shared, 50, np.random.default_rng(0))
    trials = recorded(shared, [c.configuration for c in found])
    history = with_shared(history, shared, trials, metafeatures(task))
    tuner = Tuner(forecaster, features, shared.space, portfolio=..., strategy=Given())

A forecaster that is fitted to such a history meets the super-network as one task of many, and learns from the real
trainings on the target how far to trust it.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd

from forerun.errors import TrainingError
from forerun.learners import Model
from forerun.learners.architectures import Family
from forerun.learners.architectures.fitted import metric_loss
from forerun.search import Candidate, Evolution, Problem, Ranked, SearchStrategy, search
from forerun.search.board import Board
from forerun.space import Condition, Configuration, Floats, SearchSpace
from forerun.supernets.supernet import SuperNet
from forerun.tasks import Task
from forerun.trials import History, Status, Trial

SHARED = "{}, shared weights"
"""Name of the task that holds the scores for another one."""
RESOLUTION = 18
"""Levels of a number on a grid; enough for every depth to be one."""


@dataclass(frozen=True)
class Score:
    """The scores of a super-network as search wants them: of encoded architectures; each is evaluated once."""

    supernet: SuperNet
    known: dict[bytes, float] = field(default_factory=dict, repr=False)

    def __call__(self, X: Floats) -> Floats:
        """Score encoded architectures (n, d)."""
        keys = [row.tobytes() for row in X]
        new = {key: i for i, key in enumerate(keys) if key not in self.known}
        losses = self.supernet.score(self.supernet.space.decode(X[list(new.values())]))
        self.known.update(zip(new, losses.tolist(), strict=True))
        return np.array([self.known[key] for key in keys])


def shortlist(
    supernet: SuperNet,
    n: int,
    rng: np.random.Generator,
    strategy: SearchStrategy | None = None,
    *,
    fixed: Configuration | None = None,
    forbidden: Sequence[Condition] = (),
) -> list[Candidate]:
    """The n architectures with the lowest scores that a search found, best first; by default a small evolution.

    All have the `fixed` values, and none is `forbidden`. Raises SpaceError for values that are no choices.
    """
    strategy = strategy or Evolution(population=128, brood=32, generations=40, tournament=8)
    grid = supernet.space.grid(RESOLUTION, fixed or {})
    return search(Score(supernet), grid, n, rng, strategy=strategy, forbidden=forbidden).candidates


@dataclass
class Given(SearchStrategy):
    """Scores the starts that a problem was handed, and nothing else: to choose among architectures of a shortlist."""

    def search(self, problem: Problem, m: int, rng: np.random.Generator) -> Ranked:
        """Return the m best of the starts."""
        board = Board(problem, m)
        if problem.starts is not None:
            board.score(problem.starts)
        return board.ranked(proven=False)


def recorded(supernet: SuperNet, configurations: Sequence[Configuration], *, metric: bool = False) -> list[Trial]:
    """Scores as trials of the task 'NAME, shared weights'; they know no seconds, which would be no training's.

    With `metric` they are in its units, as `in_metric` says.
    """
    scores = in_metric(supernet, configurations) if metric else supernet.score(configurations)
    return [
        Trial(
            task=SHARED.format(supernet.task.name),
            configuration=configuration,
            space=supernet.space.name,
            seed=supernet.seed,
            status=Status.FINISHED,
            loss=float(loss),
        )
        for configuration, loss in zip(configurations, scores, strict=True)
    ]


def in_metric(supernet: SuperNet, configurations: Sequence[Configuration]) -> Floats:
    """Scores (n,), moved and stretched to have the median and the quartiles of the losses of the task's metric.

    They rank as before, and better than the metric, by which many a pair is equal; but they lie where the losses of
    trainings on the target will, which a forecaster that knows few other tasks cannot tell otherwise.
    """
    prepared, rows = supernet.prepared, supernet.prepared.rows
    pairs = [
        (float(rows.loss(said, rows.y_validation)), metric_loss(supernet.task, prepared, said))
        for said in supernet.outputs(configurations)
    ]
    scores, losses = np.array(pairs, dtype=np.float64).reshape(-1, 2).T
    if not np.isfinite(scores).any():
        return scores
    (low, middle, high), of_metric = (np.nanquantile(v, (0.25, 0.5, 0.75)) for v in (scores, losses))
    stretch = (of_metric[2] - of_metric[0]) / (high - low) if high > low and of_metric[2] > of_metric[0] else 1.0
    return np.asarray(of_metric[1] + stretch * (scores - middle))


def task_table(tasks: Mapping[str, Task], metafeatures: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """The rows of a history's task table: a task by the name under which its trials stand.

    A task of shared weights is of the target's family, so that no split parts them, and has its meta-features.
    """
    rows = {
        name: {
            "family": task.family,
            "kind": task.kind,
            "metric": task.metric.name,
            "source": task.source,
            "digest": task.digest,
            **{f"mf_{feature}": value for feature, value in metafeatures[task.name].items()},
        }
        for name, task in tasks.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def shared_history(supernet: SuperNet, trials: Sequence[Trial], metafeatures: Mapping[str, float]) -> History:
    """The scores of a super-network, as `recorded` tells them, as a history of one task."""
    task = supernet.task
    table = task_table({SHARED.format(task.name): task}, {task.name: metafeatures})
    return History.of(trials, table, {supernet.space.name: supernet.space})


@dataclass(frozen=True)
class Shared:
    """What a super-network says of a task: its scores of the architectures that it finds best, and of others."""

    family: str
    history: History
    """The scores, as `shared_history` tells them."""
    seconds: float
    """Wall clock that it took: the super-network's training, the search and the scores."""

    @property
    def space(self) -> SearchSpace:
        """The architectures."""
        (space,) = self.history.spaces.values()
        return space

    @cached_property
    def shortlist(self) -> list[Configuration]:
        """The architectures that were scored, best first."""
        order = np.argsort(self.history.trials["loss"].to_numpy(dtype=float), kind="stable")
        return list(self.history.configurations(self.history.trials.iloc[order]))

    def score(self, configuration: Configuration) -> float:
        """Loss that was scored; NaN for an architecture that was not."""
        losses = self.history.trials["loss"].astype(float)
        known = zip(self.history.configurations(), losses, strict=True)
        return next((loss for scored, loss in known if scored == dict(configuration)), float("nan"))


def with_shared(
    history: History, supernet: SuperNet, trials: Sequence[Trial], metafeatures: Mapping[str, float]
) -> History:
    """A history with the scores of a super-network as one more task."""
    return history.join(shared_history(supernet, trials, metafeatures))


def stand_alone(
    family: Family, task: Task, configuration: Configuration, *, seed: int = 0
) -> tuple[Trial, Model | None]:
    """Train one architecture from scratch; one that diverges is a failed trial without a model.

    Seconds are processor time. Raises SpaceError for a configuration of another space.
    """
    space = family.space(task.kind)
    space.check(configuration)
    trial = Trial(task.name, configuration, space.name, seed, Status.FAILED, float("nan"), started=time.time())
    began = time.process_time()
    try:
        outcome = family.train(configuration, task, seed=seed)
    except TrainingError as error:
        return replace(trial, reason=str(error), fit_seconds=time.process_time() - began), None
    loss, seconds = outcome.curve[-1][1], time.process_time() - began
    return replace(trial, status=Status.FINISHED, loss=loss, curve=outcome.curve, fit_seconds=seconds), outcome.model
