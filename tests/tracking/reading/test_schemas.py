"""Databases of other MLflow versions: those we know are read, others go through MLflow with a warning."""

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
import requests
from alembic import command
from alembic.script import ScriptDirectory
from mlflow.store.db.utils import _get_alembic_config

from forerun.errors import StoreError
from forerun.tracking.reading import read, reader, sql
from forerun.tracking.reading.interface import InterfaceReader
from tests.tracking.reading.awkward import agree, frame_of, same

OLDEST = "7f2a7d5fae7d"
STARTED_WITHIN = 600
OLD = """
INSERT INTO experiments (experiment_id, name, lifecycle_stage) VALUES (1, 'old', 'active');
INSERT INTO runs (run_uuid, name, user_id, status, start_time, end_time, lifecycle_stage, experiment_id)
    VALUES ('a', 'first', 'ada', 'FINISHED', 7, 9, 'active', 1);
INSERT INTO params (key, value, run_uuid) VALUES ('lr', '0.1', 'a');
INSERT INTO tags (key, value, run_uuid) VALUES ('note', NULL, 'a');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('loss', 0, 1, 2, 1, 'a');
INSERT INTO metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('loss', 0.5, 1, 2, 0, 'a');
INSERT INTO datasets (dataset_uuid, experiment_id, name, digest, dataset_source_type, dataset_source)
    VALUES ('d', 1, 'boxes', 'x', 'local', '{}');
INSERT INTO inputs (input_uuid, source_type, source_id, destination_type, destination_id)
    VALUES ('i', 'DATASET', 'd', 'RUN', 'a');
"""


def script() -> ScriptDirectory:
    return ScriptDirectory.from_config(_get_alembic_config("sqlite://"))


def test_the_known_schemas_are_all_from_the_oldest_on_to_that_of_the_installed_mlflow():
    walked = {each.revision for each in script().iterate_revisions("head", OLDEST)}
    assert walked | {OLDEST} == sql.REVISIONS


def test_an_unknown_schema_goes_through_mlflow_with_a_warning(awkward: Path, monkeypatch: pytest.MonkeyPatch):
    uri = f"sqlite:///{awkward}"
    known = read(uri, metrics=["loss"])
    monkeypatch.setattr("forerun.tracking.reading.sqlite.REVISIONS", frozenset())
    with pytest.warns(UserWarning, match="schema of .* is none that forerun reads directly"):
        assert isinstance(reader(uri), InterfaceReader)
    with pytest.warns(UserWarning, match="schema of"):
        same(read(uri, metrics=["loss"]), known)


def test_a_schema_that_mlflow_does_not_know_either_is_an_error(database: Path):
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = 'fromthefuture'")
    with (
        pytest.warns(UserWarning, match="schema of"),
        pytest.raises(StoreError, match="its schema is another MLflow's"),
    ):
        read(f"sqlite:///{database}")


@pytest.mark.slow  # it makes a database by all migrations
def test_a_database_of_mlflow_2_4_is_read(tmp_path: Path):
    path = tmp_path / "old.db"
    from mlflow.store.tracking.dbmodels.initial_models import Base
    from sqlalchemy import create_engine

    engine = create_engine(f"sqlite:///{path}")
    Base.metadata.create_all(engine)
    config = _get_alembic_config(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, OLDEST)
    engine.dispose()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(OLD)
    runs = read(f"sqlite:///{path}", metrics=["loss"])
    assert (runs.name, runs.user, runs.experiment, runs.end.tolist()) == (["first"], ["ada"], ["old"], [9])
    assert (runs.params["lr"][0], runs.tags["note"][0], runs.logged_nan["loss"].tolist()) == ("0.1", "", [0])
    assert (runs.curves["loss"][0], runs.inputs[0][0].name) == ([(2, 0.5)], "boxes")


@pytest.mark.slow  # it starts a server
def test_a_real_server_is_read_as_its_database_is(awkward: Path, tmp_path: Path):
    database = shutil.copy(awkward, tmp_path / "mlflow.db")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{free.getsockname()[1]}"
    command_line = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", f"sqlite:///{database}"]
    server = subprocess.Popen(
        [*command_line, "--host", "127.0.0.1", "--port", uri.rsplit(":", 1)[1], "--workers", "1"],
        env=os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=tmp_path,
    )
    try:
        until = time.monotonic() + STARTED_WITHIN
        while True:
            try:
                requests.get(f"{uri}/health", timeout=5)
                break
            except OSError:
                assert time.monotonic() < until
                time.sleep(0.2)
        metrics = ("loss", "nan", "a/b c.d-e_f:g", "nothing")
        ours = read(uri, metrics=metrics)
        same(ours, read(f"sqlite:///{database}", metrics=metrics))
        agree(ours, frame_of(uri, ours.ids))
        same(read(uri, metrics=metrics, cache=tmp_path / "cache"), ours)
        same(read(uri, metrics=metrics, cache=tmp_path / "cache"), ours)
    finally:
        server.terminate()
        server.wait(30)
