"""Stores of other programs: a SQLite database as MLflow makes it, filled once and copied."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.tracking.reading.awkward import fill


@pytest.fixture(scope="session")
def bare(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database of MLflow with a rollback journal, as MLflow leaves it."""
    path = tmp_path_factory.mktemp("bare") / "mlflow.db"
    shutil.copy(template, path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    return path


@pytest.fixture(scope="session")
def awkward(bare: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("awkward") / "mlflow.db"
    shutil.copy(bare, path)
    client = MlflowClient(f"sqlite:///{path}")
    fill(client)
    client._tracking_client.store.engine.dispose()
    return path


@pytest.fixture
def database(awkward: Path, tmp_path: Path) -> Path:
    """A filled database of the test's own, alone in its folder."""
    (tmp_path / "theirs").mkdir()
    return Path(shutil.copy(awkward, tmp_path / "theirs" / "mlflow.db"))


@pytest.fixture
def client(database: Path) -> Iterator[MlflowClient]:
    """MLflow's client of that database."""
    found = MlflowClient(f"sqlite:///{database}")
    yield found
    found._tracking_client.store.engine.dispose()
