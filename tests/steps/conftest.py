"""A small task, and a store that holds no training."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forerun.tasks import Task, make_task
from forerun.tracking.store import Store, open_store


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


@pytest.fixture
def folder(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder outside of every project, in which we are, with an empty store."""
    (tmp_path / "mlruns").mkdir()
    shutil.copy(template, tmp_path / "mlruns" / "mlflow.db")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path
