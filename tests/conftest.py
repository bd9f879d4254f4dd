"""Shared by all tests: how Hypothesis searches (`pytest --hypothesis-profile deep` looks harder), and projects."""

import os
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock
from hypothesis import settings

if TYPE_CHECKING:
    from forerun.trials import Trial

# read once, when NumPy or torch is imported: threads on small matrices only wait for each other
os.environ.setdefault("OMP_NUM_THREADS", "1")

# no deadline: the machines that run this are shared; derandomized: a build that passed once passes again
settings.register_profile("steady", max_examples=40, deadline=None, derandomize=True)
settings.register_profile("deep", max_examples=1_000, deadline=None)
settings.load_profile("steady")


def made_once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that all workers of a run share, made by the first of them that asks."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with FileLock(base / f"{name}.lock"):
        if not (base / f"{name}.made").exists():
            make(base / name)
            (base / f"{name}.made").touch()
    return base / name


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not import files whose tests are all slow where none of those will run: that alone takes half a minute."""
    if collection_path.suffix == ".py" and "not slow" in config.option.markexpr:
        marks = re.search(r"^pytestmark = .*$", collection_path.read_text(encoding="utf-8"), re.MULTILINE)
        if marks and re.search(r"mark\.(slow|long)\b", marks[0]):
            return True
    return None


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of an empty store, to be copied: making one takes seconds."""

    def make(root: Path) -> None:
        from forerun.tracking.store import open_store

        store = open_store(None, root)
        store.client._tracking_client.store.engine.dispose()
        assert store.database
        with closing(sqlite3.connect(store.database)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    return made_once(tmp_path_factory, "template", make) / "mlruns" / "mlflow.db"


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Path:
    """The folder of a trained project. Not to be changed: ask for `project` instead."""

    def make(root: Path) -> None:
        from tests.projects import train  # heavy: only for the tests that need it

        (root / "mlruns").mkdir(parents=True)
        shutil.copy(template, root / "mlruns" / "mlflow.db")
        train(root)

    return made_once(tmp_path_factory, "trained", make)


@pytest.fixture
def project(trained: Path, tmp_path: Path) -> Path:
    """A trained project of the test's own; its store moves along."""
    return Path(shutil.copytree(trained, tmp_path / "project"))


@pytest.fixture
def trained_here(monkeypatch: pytest.MonkeyPatch) -> "list[Trial]":
    """Train in this process; returns the list of what was really trained."""
    from tests.projects import Here

    Here.trained = []
    monkeypatch.setattr("forerun.steps.training.TrainingPool", Here)
    monkeypatch.setattr("forerun.steps.collect.TrainingPool", Here)
    return Here.trained
