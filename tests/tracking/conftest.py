"""A store in a temporary folder; the database is copied from a template, for making one takes a second."""

import math
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from forerun.space import Categorical, Condition, Integer, Real, SearchSpace, Subset
from forerun.tasks import Task, make_task
from forerun.tracking.log import log_trial
from forerun.tracking.records import TaskRecord, log_space, log_task
from forerun.tracking.store import Store, open_store
from forerun.trials import Status, Trial

EXPERIMENT = "forerun/collect"


@pytest.fixture
def root(tmp_path: Path, template: Path) -> Path:
    """A project folder whose store exists already."""
    (tmp_path / "mlruns").mkdir()
    shutil.copy(template, tmp_path / "mlruns" / "mlflow.db")
    return tmp_path


@pytest.fixture
def store(root: Path) -> Iterator[Store]:
    opened = open_store(None, root)
    yield opened
    close(opened)


def close(store: Store) -> None:
    """Let go of the connections that MLflow keeps for good."""
    store.client._tracking_client.store.engine.dispose()


@contextmanager
def default(store: Store) -> Iterator[None]:
    """Make a store the one that MLflow's own functions use."""
    mlflow.set_tracking_uri(store.uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(None)


@pytest.fixture(scope="session")
def task() -> Task:
    return make_boxes()


@pytest.fixture(scope="session")
def record(task: Task) -> TaskRecord:
    return TaskRecord.of(task)


@pytest.fixture(scope="session")
def space() -> SearchSpace:
    return make_space()


def make_boxes() -> Task:
    """A small data set with a category."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"width": rng.normal(size=60), "colour": rng.choice(["red", "blue"], 60)})
    frame["kind"] = np.where(frame["width"] > 0, "big", "small")
    return make_task(frame, "kind", name="boxes", family="boxes", source="made up, 2026")


def make_space() -> SearchSpace:
    """Every sort of domain."""
    return SearchSpace(
        "tiny",
        {
            "learner": Categorical(("svm", "knn")),
            "svm.C": Real(1e-3, 1e3, log=True),
            "knn.k": Integer(1, 50),
            "knn.weighted": Categorical((True, False)),
            "features": Subset(("width", "colour", "a,b")),
        },
        {
            "svm.C": Condition.of({"learner": "svm"}),
            "knn.k": Condition.of({"learner": "knn"}),
            "knn.weighted": Condition.of({"learner": "knn"}),
        },
    )


def make_trial(space: SearchSpace, i: int = 0, *, failed: bool = False) -> Trial:
    """Trial number i of a fixed sequence, with every field set."""
    rng = np.random.default_rng(i)
    return Trial(
        task="boxes",
        configuration=space.sample(rng, 1)[0],
        space=space.name,
        seed=i,
        status=Status.FAILED if failed else Status.FINISHED,
        loss=math.nan if failed else float(rng.random()),
        fidelity=0.1 + 0.2,
        reason="diverged at epoch 3: loss is nan" if failed else "",
        traceback="Traceback ...\nTrainingError: diverged" if failed else "",
        metrics={} if failed else {"train_accuracy": float(rng.random()), "validation_f1_macro": float(rng.random())},
        curve=((1, 0.9), (2, 0.1 + 0.2), (3, 1 / 3)),
        fit_seconds=float(rng.random()),
        predict_seconds=float(rng.random()),
        peak_memory_mb=12.5,
        model_kb=math.nan if failed else 3.25,
        started=1_790_000_000.125 + i,
        hardware={"cpu_model": "Abacus 3000", "cores": 2.0, "memory_gb": 23.4, "python": "3.11.7", "torch": "2.13"},
    )


@pytest.fixture
def filled(store: Store, space: SearchSpace, record: TaskRecord) -> Store:
    """A store with eight trials, two of them failed."""
    log_space(store, space)
    log_task(store, record, {"rows": 36.0, "skewness": math.nan})
    for i in range(8):
        log_trial(store, EXPERIMENT, make_trial(space, i, failed=i % 4 == 3), record)
    return store
