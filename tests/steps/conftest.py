"""A small task, an empty store, and trainings in this process, where starting workers would take seconds."""

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forerun.learners.pool import Job
from forerun.learners.trial import run_trials
from forerun.tasks import Task, make_task
from forerun.tracking.store import Store, open_store
from forerun.trials import Trial


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


@pytest.fixture
def trained_here(monkeypatch: pytest.MonkeyPatch) -> list[Trial]:
    """Train in this process; returns the list of what was really trained."""
    Here.trained = []
    monkeypatch.setattr("forerun.steps.training.TrainingPool", Here)
    monkeypatch.setattr("forerun.steps.collect.TrainingPool", Here)
    return Here.trained


@pytest.fixture
def store(trained: Path, tmp_path: Path) -> Iterator[Store]:
    """A store that knows a meta-learner and no training."""
    (tmp_path / "mlruns").mkdir()
    shutil.copy(trained / "mlruns" / "mlflow.db", tmp_path / "mlruns" / "mlflow.db")
    opened = open_store(None, tmp_path)
    yield opened
    opened.client._tracking_client.store.engine.dispose()


def make_rings(name: str = "rings", seed: int = 0) -> Task:
    """Ninety rows, two numbers, two classes."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(90, 2)), columns=["x", "y"])
    frame["ring"] = np.where(np.hypot(frame["x"], frame["y"]) > 1.2, "outer", "inner")
    return make_task(frame, "ring", name=name)


@pytest.fixture(scope="session")
def rings() -> Task:
    return make_rings()
