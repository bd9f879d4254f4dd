"""The embedded store makes itself, follows its project, and says what is wrong with it."""

import copy
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, event

from forerun.errors import StoreError
from forerun.learners import LEARNERS
from forerun.learners.joint import default_configuration
from forerun.space import SearchSpace
from forerun.tasks import Task
from forerun.tracking import database
from forerun.tracking.champion import Champion
from forerun.tracking.log import log_trial, recorded
from forerun.tracking.mine import mine
from forerun.tracking.models import Scores, load_champion, register_champion
from forerun.tracking.records import TaskRecord
from forerun.tracking.store import Store, hide, open_store
from tests.tracking import processes
from tests.tracking.conftest import EXPERIMENT, close, make_trial


def execute(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


@pytest.mark.slow
def test_the_embedded_store_makes_itself_in_a_folder_with_any_name(tmp_path: Path) -> None:
    store = open_store(None, tmp_path / "a project (ünïcode)")
    identity = store.experiment("forerun/collect")
    assert store.client.get_experiment(identity).artifact_location.startswith(str(tmp_path / "a project (ünïcode)"))
    assert open_store(None, tmp_path / "a project (ünïcode)").find("forerun/collect") == identity
    close(store)


def test_the_database_is_in_wal_mode_and_synchronous_normal(store: Store) -> None:
    with store.client._tracking_client.store.engine.connect() as connection:
        pragmas = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
    assert pragmas == ["wal", 1]


def test_looking_at_the_database_keeps_the_locks_that_protect_its_log(filled: Store) -> None:
    # had this process lost its locks, the other one, as the last to close, would delete the log under it
    log = Path(f"{filled.database}-wal")
    assert log.exists()
    assert filled.database is not None
    assert database.revision(filled.database) in database.REVISIONS
    other = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT 1 FROM runs').fetchall(); c.close()"
    )
    subprocess.run([sys.executable, "-c", other, str(filled.database)], check=True)
    assert log.exists()


def test_databases_of_other_programs_are_not_tuned(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'other.db'}")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    engine.dispose()


def test_a_relative_sqlite_uri_is_meant_from_the_root(root: Path) -> None:
    store = open_store("sqlite:///mlruns/mlflow.db", root)
    assert store.database == root / "mlruns" / "mlflow.db"
    close(store)


def test_a_store_in_a_process_of_its_own_opens_from_its_pickle(store: Store) -> None:
    twin = copy.copy(store)
    assert twin == store
    assert "client" not in vars(twin)


@pytest.mark.slow
def test_four_processes_may_open_a_new_store_at_once(tmp_path: Path) -> None:
    assert len(set(processes.opened(tmp_path, 4))) == 1


@pytest.mark.slow
def test_a_killed_initialisation_leaves_no_half_made_database(tmp_path: Path) -> None:
    partial = tmp_path / "mlruns" / ".mlflow.db.partial"
    partial.parent.mkdir()
    execute(partial, "CREATE TABLE experiments (half INTEGER)")
    store = open_store(None, tmp_path)
    assert not partial.exists()
    store.experiment("forerun/collect")
    close(store)


def test_a_moved_project_reads_and_writes_at_its_new_place(
    root: Path, tmp_path_factory: pytest.TempPathFactory, space: SearchSpace, record: TaskRecord
) -> None:
    old = open_store(None, root)
    run = log_trial(old, EXPERIMENT, make_trial(space), record)
    (root / "note.txt").write_text("kept")
    old.client.log_artifact(run, str(root / "note.txt"))
    close(old)
    home = tmp_path_factory.mktemp("moved") / "project"
    shutil.move(root, home)
    new = open_store(None, home)
    assert new.client.list_artifacts(run)[0].path == "note.txt"
    place = new.client.get_run(log_trial(new, EXPERIMENT, make_trial(space, 1), record)).info.artifact_uri
    assert place.startswith(str(home / "mlruns" / "artifacts"))
    assert not root.exists()
    close(new)


def test_relocation_leaves_other_places_alone(store: Store, tmp_path: Path) -> None:
    assert store.database
    store.client.create_experiment("elsewhere", artifact_location="s3://bucket/old")
    store.client.create_experiment("near", artifact_location=f"{store.artifacts}-copy/x")
    changed = database.relocate(store.database, str(store.artifacts), "/new")
    places = {e.name: e.artifact_location for e in store.client.search_experiments()}
    assert changed == 1
    assert places == {
        "Default": "/new/0",
        "elsewhere": "s3://bucket/old",
        "near": f"{store.artifacts}-copy/x",
    }


def open_broken(root: Path, uri: str | None = None) -> str:
    with pytest.raises(StoreError) as caught:
        open_store(uri, root)
    return str(caught.value)


def test_a_database_of_a_newer_schema_is_refused(root: Path) -> None:
    execute(root / "mlruns" / "mlflow.db", "UPDATE alembic_version SET version_num = 'ffffffffffff'")
    assert "'ffffffffffff', written by a newer MLflow. Upgrade" in open_broken(root)


def test_a_database_of_an_older_schema_says_how_to_upgrade(root: Path) -> None:
    execute(root / "mlruns" / "mlflow.db", "UPDATE alembic_version SET version_num = 'f5a4f2784254'")
    assert "mlflow db upgrade sqlite:///" in open_broken(root)


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"SQLite format 3\0" + b"x" * 4096])
def test_a_file_that_is_no_database_is_refused_and_kept(root: Path, content: bytes) -> None:
    path = root / "mlruns" / "mlflow.db"
    path.write_bytes(content)
    assert "must be a SQLite database; it is damaged or another kind of file. Restore" in open_broken(root)
    assert path.read_bytes() == content


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    execute(tmp_path / "x.db", "CREATE TABLE customers (name TEXT)")
    assert "must be a database of MLflow; it holds the tables ['customers']" in open_broken(tmp_path, "sqlite:///x.db")


def test_paths_that_cannot_hold_a_database_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "no place for a database" in open_broken(tmp_path / "file")
    assert "it is a folder" in open_broken(tmp_path, f"sqlite:///{tmp_path}")
    assert "no '?' or '%'" in open_broken(tmp_path / "100%")


@pytest.mark.parametrize("uri", ["file:./mlruns", "./mlruns", "ftp://host/x", "mlruns"])
def test_uris_that_mlflow_cannot_use_are_refused(tmp_path: Path, uri: str) -> None:
    assert "must start with one of http, https, sqlite" in open_broken(tmp_path, uri)


def test_a_missing_database_driver_is_named(tmp_path: Path) -> None:
    try:
        import psycopg2  # noqa: F401
    except ModuleNotFoundError:
        message = open_broken(tmp_path, "postgresql+psycopg2://me:secret@localhost:1/x")
        assert "driver is not installed" in message
        assert "secret" not in message
    else:
        pytest.skip("the driver is installed here")


def free_port() -> int:
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_an_unreachable_server_is_named_without_its_password_within_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    port = free_port()
    started = time.monotonic()
    message = open_broken(tmp_path, f"http://me:secret@127.0.0.1:{port}")
    assert time.monotonic() - started < 60
    assert f"http://***@127.0.0.1:{port}: the server does not answer" in message
    assert "secret" not in message


def test_credentials_are_blotted_out() -> None:
    assert hide("at postgresql://me:pw@host/x and http://h/") == "at postgresql://***@host/x and http://h/"


def log_many(store: Store, space: SearchSpace, record: TaskRecord) -> None:
    for i in range(100, 200):
        log_trial(store, EXPERIMENT, make_trial(space, i), record)


def test_a_full_disk_is_named_and_loses_nothing(filled: Store, space: SearchSpace, record: TaskRecord) -> None:
    before = recorded(filled, EXPERIMENT)

    def full(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA max_page_count = 1")  # SQLite raises it to the present size

    close(filled)
    event.listen(Engine, "connect", full)
    try:
        with pytest.raises(StoreError, match="the disk is full"):
            log_many(filled, space, record)
    finally:
        event.remove(Engine, "connect", full)
        close(filled)
    assert before <= recorded(filled, EXPERIMENT)
    log_trial(filled, EXPERIMENT, make_trial(space, 200), record)


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the write lock of a database."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@pytest.mark.slow
def test_a_store_that_another_process_writes_to_can_be_opened_and_mined(filled: Store, root: Path) -> None:
    assert filled.database
    with held(filled.database):
        assert len(mine(open_store(None, root), [EXPERIMENT])) == 8


@pytest.mark.slow
@pytest.mark.long
def test_a_database_locked_for_long_is_named(filled: Store, space: SearchSpace, record: TaskRecord) -> None:
    assert filled.database
    with held(filled.database), pytest.raises(StoreError, match="another process holds the database"):
        log_trial(filled, EXPERIMENT, make_trial(space, 9), record)
    log_trial(filled, EXPERIMENT, make_trial(space, 9), record)
    assert len(mine(filled, [EXPERIMENT])) == 9


@contextmanager
def server(root: Path) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """A real MLflow server over the project's database."""
    port = free_port()
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{root}/mlruns/mlflow.db"),
        *("--artifacts-destination", str(root / "served")),
    ]
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        deadline = time.monotonic() + 900
        while time.monotonic() < deadline:
            with closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}", process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, 9)
        process.wait()


@pytest.mark.slow
def test_a_server_serves_and_its_death_in_the_middle_is_named(
    filled: Store, root: Path, space: SearchSpace, record: TaskRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    by_sql = mine(filled, [EXPERIMENT]).trials
    with server(root) as (uri, process):
        remote = open_store(uri, root)
        mined = mine(remote, [EXPERIMENT]).trials
        assert mined.to_dict("list").keys() == by_sql.to_dict("list").keys()
        assert (
            mined.drop(columns=["hp_features"])
            .fillna(0)
            .astype(str)
            .equals(by_sql.drop(columns=["hp_features"]).fillna(0).astype(str))
        )
        assert recorded(remote, EXPERIMENT) == recorded(filled, EXPERIMENT)
        log_trial(remote, EXPERIMENT, make_trial(space, 9), record)
        os.killpg(process.pid, 9)
        with pytest.raises(StoreError, match="the server does not answer"):
            log_trial(remote, EXPERIMENT, make_trial(space, 10), record)
    assert len(mine(filled, [EXPERIMENT])) == 9


@pytest.mark.slow
def test_a_champion_is_registered_on_and_fetched_from_a_server(
    root: Path, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    configuration = default_configuration("linear", task.kind)
    model = LEARNERS["linear"].train(configuration, task).model
    with server(root) as (uri, _):
        remote = open_store(uri, root)
        made = register_champion(remote, task, model, configuration, Scores(0.3, 0.4))
        assert made.alias == "champion"
        fetched = load_champion(remote, task.name)
        rows = task.validation.X
        assert fetched.predict(rows).equals(Champion.of(task, configuration, model).predict(rows))
    assert any((root / "served").rglob("champion.json"))
