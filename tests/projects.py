"""A small but real project: trained in seconds on a cut of the shipped history, and copied for every test.

And trainings in this process, where starting workers would take seconds.
"""

import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch

from forerun.learners.pool import Job
from forerun.learners.trial import run_trials
from forerun.metadata import featurize
from forerun.metalearners import Forecaster, Linear
from forerun.steps.project import Project
from forerun.tasks import Task
from forerun.tracking.models import register_metalearner
from forerun.tracking.store import open_store
from forerun.trials import History, Trial

REPOSITORY = Path(__file__).resolve().parents[1]
TASKS, TRIALS = 3, 60
"""Of each kind, and trials of each task."""


def small_history() -> History:
    """A few tasks of every kind, cut to a few trials."""
    history = History.load(REPOSITORY / "data" / "history")
    names = history.tasks.groupby("kind").head(TASKS).index
    part = history.of_tasks(names)
    trials = part.trials.groupby("task").head(TRIALS).reset_index(drop=True)
    return History(trials, part.tasks, part.spaces)


def train(root: Path) -> Project:
    """Make a project in a folder, as the pipeline would have left it."""
    root.mkdir(exist_ok=True)
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(REPOSITORY / name, root / name)
    project = Project(root)
    history = small_history()
    history.save(project.trials)
    meta = featurize(history)
    project.meta.mkdir(parents=True)
    meta.save(project.meta / "meta.parquet")
    torch.set_num_threads(1)
    forecaster = Forecaster(Linear(), Linear()).fit(meta)
    forecaster.save(project.models)
    project.reports.mkdir()
    (project.reports / "evaluation.json").write_text(json.dumps(EVALUATION))
    register_metalearner(open_store(None, root), forecaster, scores={"regret": 0.1}, lineage={})
    return project


def _scores(regret: float) -> dict[str, dict[str, float]]:
    estimate = {"mean": regret, "low": regret / 2, "high": regret * 2}
    names = ("spearman", "regret", *(f"regret_{t}" for t in range(1, 11)), "raw_coverage_80", "seconds_factor")
    return dict.fromkeys(names, estimate)


EVALUATION = {
    "best": "linear",
    "clock": "linear",
    "methods": {"random": _scores(0.3), "average": _scores(0.2), "linear": _scores(0.1)},
}
"""As the step `train` writes it; judging takes longer than all the rest."""


class Here:
    """Does what `TrainingPool` does, one after the other; `trained` counts over all of a test."""

    workers = 1
    trained: list[Trial]

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __enter__(self) -> "Here":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def run(self, jobs: Iterable[Job]) -> Iterator[Trial]:
        for job in jobs:
            assert isinstance(job.task, Task)
            for trial in run_trials(job.task, job.configurations, space=job.space, seeds=job.seeds):
                self.trained.append(trial)
                yield trial
