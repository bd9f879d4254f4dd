"""What the penalty that makes search easy costs in real trainings (`metalearners.gap`).

    python benchmarks/penalty.py [--trainings 8] [--json OUT]

Leave-one-task-out over recorded trainings does not tell all: there a meta-learner chooses among a few hundred
configurations, here it is asked for the best of 10^13, where its errors are largest. For some weights of the penalty
the relative meta-learner is fitted to the shipped history without the families of fourteen built-in data sets, and
each of those is tuned for real. Shown is the best validation loss after 1, 2, 4 and 8 trainings, and for each
weight on how many data sets it is better and worse than without the penalty. A quarter of an hour on one core.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from forerun.learners.hardware import hardware_facts
from forerun.learners.joint import default_space
from forerun.learners.trial import run_trials
from forerun.metadata import featurize
from forerun.metadata.metafeatures import metafeatures
from forerun.metalearners import Forecaster, Linear, Relative
from forerun.metalearners.shallow import Settings
from forerun.tasks import Task, builtin_task
from forerun.trials import History
from forerun.tuning import Budget, Tuner, portfolio, tune

HISTORY = Path(__file__).parents[1] / "data" / "history"
TASKS = (
    *("fair_affair", "digits_parity", "randhie_visited", "anes96_vote", "seattle_weather", "cars_origin"),
    *("breast_cancer_area", "diabetes_median", "wine_alcohol", "star98_share", "modechoice", "digits_below_five"),
    *("randhie_visits", "elnino"),
)
WEIGHTS = (0.0, 0.01, 0.025)
SHOWN = (1, 2, 4, 8)


def best_losses(forecaster: Forecaster, history: History, task: Task, trainings: int) -> list[float]:
    """The lowest validation loss after each training."""
    space = default_space(task.kind)
    tuner = Tuner(
        forecaster,
        forecaster.scaler_.transform(metafeatures(task), hardware_facts()),
        space,
        portfolio=portfolio(history, space, 5, kind=task.kind, without=[task.family]),
    )
    tuned = tune(
        tuner,
        lambda configurations: run_trials(task, configurations, space=space, seeds=[0] * len(configurations)),
        Budget(trainings, limit_s=20),
    )
    losses = np.fmin.accumulate([trial.loss for trial in tuned.trials])
    return [float(losses[min(t, len(losses)) - 1]) for t in SHOWN]


def rows(tasks: Sequence[Task], trainings: int) -> Iterator[tuple[float, str, list[float]]]:
    """A weight, a data set and its losses."""
    history = History.load(HISTORY)
    families = {task.family for task in tasks}
    meta = featurize(history)
    meta = meta.of_tasks([i for i, family in enumerate(meta.families) if family not in families])
    for weight in WEIGHTS:
        forecaster = Forecaster(Relative(Settings(gap=weight)), Linear()).fit(meta)
        for task in tasks:
            yield weight, task.name, best_losses(forecaster, history, task, trainings)


def main() -> None:
    """Tune, compare, write the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trainings", type=int, default=8)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    tasks = [builtin_task(name, max_rows=2000) for name in TASKS]
    found: dict[float, dict[str, list[float]]] = {weight: {} for weight in WEIGHTS}
    for weight, name, losses in rows(tasks, given.trainings):
        found[weight][name] = losses
        print(f"{weight:<6} {name:20} " + " ".join(f"{loss:.4f}" for loss in losses), flush=True)
    without = np.array(list(found[0.0].values()))
    for weight in WEIGHTS[1:]:
        losses = np.array(list(found[weight].values()))
        pairs = zip(SHOWN, (losses < without).sum(axis=0), (losses > without).sum(axis=0), strict=True)
        print(f"{weight}: " + ", ".join(f"after {t} better on {b}, worse on {w}" for t, b, w in pairs))
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
