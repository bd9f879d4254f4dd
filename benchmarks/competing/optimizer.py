"""The recurrent optimizer on functions that it never saw: the best so far after every trial.

Two families. Those of the history are drawn as those that it learned from, from a meta-learner fitted to other tasks.
Strangers have nothing in common, so that no fixed sequence of configurations is good on them. Beside it: random
configurations; and the optimizer with its ears shut, which is told random results in place of the true ones.
Values are in standard deviations of a function over random configurations, from their mean.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from forerun.checks.search import PLAIN, strangers
from forerun.evaluation import split
from forerun.metadata import MetaDataset
from forerun.metalearners import Network
from forerun.metalearners.shallow import Settings
from forerun.search import CoordinateAscent, Score, search
from forerun.search.recurrent import RecurrentOptimizer
from forerun.space import Floats, Grid
from forerun.tuning.learned import FUNCTIONS, imagined, learn_to_optimize
from searching.tell import tell

FOLDS = 4
DRAWN = 512
NOISE = 0.1
"""Standard deviation of what is added to the results that are told."""
RATE = 1e-2
"""Of learning on strangers, which are harder to tell apart than to learn by heart."""


def optimizer(meta: MetaDataset, *, functions: int, trials: int, made: RecurrentOptimizer) -> dict[str, Any]:
    """Both families; so many functions of unseen tasks, and twice as many strangers."""
    return {
        "history": of_history(meta, functions=functions, trials=trials, made=made),
        "strangers": of_strangers(functions=2 * functions, trials=trials, made=replace(made, rate=RATE)),
    }


def of_history(meta: MetaDataset, *, functions: int, trials: int, made: RecurrentOptimizer) -> dict[str, Any]:
    """Taught on what three quarters of the tasks let one imagine, and tried on the others."""
    fold = split(meta.families, FOLDS, np.random.default_rng(0))
    rest, held = (meta.of_tasks(np.flatnonzero(which).tolist()) for which in (fold != FOLDS - 1, fold == FOLDS - 1))
    taught = learn_to_optimize(rest, np.random.default_rng(0), made)
    learner = Network(Settings(members=1)).fit(rest)
    return contest(taught, imagined(learner, held, functions, np.random.default_rng(1)), len(held.tasks), trials)


def of_strangers(*, functions: int, trials: int, made: RecurrentOptimizer) -> dict[str, Any]:
    """Taught on random networks, and tried on others."""
    taught = made.fit(strangers(PLAIN.grid(made.resolution), 1, FUNCTIONS), PLAIN, np.random.default_rng(0))
    return contest(taught, strangers(taught.grid_, 0, functions), functions, trials)


def contest(taught: RecurrentOptimizer, tests: list[Score], tasks: int, trials: int) -> dict[str, Any]:
    """Curves (trials,) of the best so far, means over functions, with 95 % intervals over the tasks they belong to."""
    curves: dict[str, list[Floats]] = {"learned": [], "deaf": [], "random": []}
    for i, score in enumerate(tests):
        for name, found in curves.items():
            found.append(curve(taught, score, trials, name, np.random.default_rng(i)))
    told = {name: summarised(np.array(found), tasks) for name, found in curves.items()}
    worth = {name: summarised(np.subtract(curves["learned"], curves[name]), tasks) for name in ("deaf", "random")}
    best = optimum(tests, taught.grid_)
    ends = {name: (round(c["mean"][0], 2), round(c["mean"][-1], 2)) for name, c in told.items()}
    tell(f"  first and last: {ends}; optimum {best:.2f}")
    found = {"functions": len(tests), "tasks": tasks, "meta_loss": taught.curve_, "optimum": best}
    return {**found, "curves": told, "against": worth}


def curve(taught: RecurrentOptimizer, score: Score, trials: int, name: str, rng: np.random.Generator) -> Floats:
    """The best so far (trials,), standardised."""
    grid = taught.grid_
    drawn = score(grid.encode(grid.sample(rng, DRAWN)))
    X, losses, values = np.zeros((0, len(grid.encoder.columns))), np.zeros(0), []
    for _ in range(trials):
        row = grid.sample(rng, 1)[0] if name == "random" else taught.propose(X, losses, rng)
        x = grid.encode(row[None])
        values.append(float(score(x)[0]))
        result = rng.normal() if name == "deaf" else values[-1] + NOISE * drawn.std() * rng.normal()
        X, losses = np.vstack([X, x]), np.append(losses, result)
    return np.asarray((np.minimum.accumulate(values) - drawn.mean()) / drawn.std())


def optimum(tests: list[Score], grid: Grid) -> float:
    """The best that coordinate ascent finds on the functions, on average, standardised as the curves are."""
    found = []
    for i, score in enumerate(tests):
        drawn = score(grid.encode(grid.sample(np.random.default_rng(i), DRAWN)))
        best = search(score, grid, 1, np.random.default_rng(0), strategy=CoordinateAscent(restarts=4))
        found.append((best.candidates[0].score - drawn.mean()) / drawn.std())
    return float(np.mean(found))


def summarised(curves: Floats, tasks: int) -> dict[str, list[float]]:
    """Means (trials,) of curves (functions, trials), and intervals by a bootstrap over tasks."""
    task, rng = np.arange(len(curves)) % tasks, np.random.default_rng(0)
    by_task = np.array([curves[task == t].mean(axis=0) for t in range(min(tasks, len(curves)))])
    again = by_task[rng.integers(0, len(by_task), (1000, len(by_task)))].mean(axis=1)
    low, high = np.percentile(again, [2.5, 97.5], axis=0)
    return {"mean": by_task.mean(axis=0).tolist(), "low": low.tolist(), "high": high.tolist()}
