"""Reading leaves no trace in a store that is not ours, and bears with those who write to it meanwhile."""

import hashlib
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from mlflow import MlflowClient

from forerun.errors import StoreError
from forerun.mining.runs import Runs
from forerun.tracking.reading import read, sqlite
from tests.tracking.reading.awkward import add, fill, same

SQLITE = "forerun.tracking.reading.sqlite"


def content(folder: Path) -> dict[str, tuple[str, int, int]]:
    """Every file with its checksum, mode and time, and the folders' times."""
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder",
            path.stat().st_mode,
            path.stat().st_mtime_ns,
        )
        for path in [folder, *folder.rglob("*")]
    }


@contextmanager
def untouched(folder: Path) -> Iterator[None]:
    before = content(folder)
    yield
    assert content(folder) == before


def with_log(database: Path) -> Path:
    """Turn a database into one with a write-ahead log, closed cleanly."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    assert [path.name for path in database.parent.iterdir()] == [database.name]
    return database


def rename(connection: sqlite3.Connection, name: str) -> None:
    connection.execute("UPDATE runs SET name = ? WHERE name IN ('plain', 'renamed')", (name,))
    connection.commit()


@pytest.mark.parametrize("log", [False, True])
def test_a_read_only_database_in_a_read_only_folder_is_read(database: Path, log: bool, awkward: Path, tmp_path: Path):
    expected = read(f"sqlite:///{awkward}", metrics=["loss"])
    if log:
        with_log(database)
    database.chmod(0o444)
    database.parent.chmod(0o555)
    with untouched(database.parent):
        same(read(f"sqlite:///{database}", metrics=["loss"]), expected)
        for _ in range(2):
            same(read(f"sqlite:///{database}", metrics=["loss"], cache=tmp_path / "cache"), expected)
    database.parent.chmod(0o755)


@pytest.mark.parametrize("log", [False, True])
def test_no_statement_may_write(database: Path, log: bool):
    if log:
        with_log(database)
    with untouched(database.parent), sqlite.opened(database) as source:
        for statement in (
            "UPDATE runs SET name = 'x'",
            "DELETE FROM tags",
            "CREATE TABLE t (x)",
            "PRAGMA user_version = 7",
        ):
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                source.connection.execute(statement)


@pytest.mark.slow  # it starts a process
def test_a_database_that_a_program_has_open_is_read_through_its_log(database: Path):
    with closing(sqlite3.connect(with_log(database))) as writer:
        rename(writer, "renamed")
        # another process: within one, SQLite shares the log's index among connections
        script = (
            "import sys; from forerun.tracking.reading import read\n"
            "print('renamed' in read(f'sqlite:///{sys.argv[1]}').name)"
        )
        with untouched(database.parent):
            found = subprocess.run([sys.executable, "-c", script, database], capture_output=True, text=True, check=True)
        assert found.stdout == "True\n"
        assert "renamed" in read(f"sqlite:///{database}").name


def test_what_a_killed_program_had_committed_is_read_and_left_as_it_is(database: Path):
    script = (
        "import os, sqlite3, sys; c = sqlite3.connect(sys.argv[1]); "
        "c.execute(\"UPDATE runs SET name = 'renamed' WHERE name = 'plain'\"); c.commit(); os._exit(1)"
    )
    subprocess.run([sys.executable, "-c", script, with_log(database)], check=False)
    assert len(list(database.parent.iterdir())) == 3
    with untouched(database.parent):
        assert "renamed" in read(f"sqlite:///{database}").name


def test_a_log_without_its_index_is_an_error_that_says_so(database: Path):
    with closing(sqlite3.connect(with_log(database))) as writer:
        rename(writer, "renamed")
        copy = database.parent / "copy" / "mlflow.db"
        copy.parent.mkdir()
        for end in ("", "-wal"):
            Path(f"{copy}{end}").write_bytes(Path(f"{database}{end}").read_bytes())
    with untouched(copy.parent), pytest.raises(StoreError, match=r"not merged.*Close that program"):
        read(f"sqlite:///{copy}")


def writing_meanwhile(monkeypatch: pytest.MonkeyPatch, database: Path, times: int) -> list[int]:
    """Let another program write, and merge its log, whenever the table of runs has been read."""
    seen: list[int] = []
    real = sqlite.frame

    def frame(*arguments):
        found = real(*arguments)
        if len(seen) < times:
            script = (
                "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); "
                "c.execute(\"UPDATE runs SET name = 'renamed' WHERE name = 'plain'\"); "
                "c.execute('DELETE FROM params'); c.commit()"
            )
            subprocess.run([sys.executable, "-c", script, database], check=True)
        seen.append(1)
        return found

    monkeypatch.setattr(f"{SQLITE}.frame", frame)
    return seen


@pytest.mark.slow  # it starts a process
def test_a_database_that_changes_while_it_is_read_without_locks_is_read_again(
    database: Path, monkeypatch: pytest.MonkeyPatch
):
    seen = writing_meanwhile(monkeypatch, with_log(database), 1)
    runs = read(f"sqlite:///{database}")
    assert len(seen) == 2
    assert "renamed" in runs.name
    assert "plain" not in runs.name
    assert len(runs.params) == 0  # as one moment was, not half of two


@pytest.mark.slow  # it starts processes
def test_a_database_that_never_rests_is_an_error(database: Path, monkeypatch: pytest.MonkeyPatch):
    writing_meanwhile(monkeypatch, with_log(database), 99)
    with pytest.raises(StoreError, match="must stay as it is while it is read; it changed each time"):
        read(f"sqlite:///{database}")


@pytest.mark.parametrize("log", [False, True])
def test_what_is_read_is_one_moment_though_others_write(
    client: MlflowClient, database: Path, monkeypatch: pytest.MonkeyPatch, log: bool
):
    if log:
        with_log(database)
        client.search_experiments()  # a program that has the database open
    before = read(f"sqlite:///{database}")
    vision = client.get_experiment_by_name("vision").experiment_id
    real = sqlite.frame
    threads: list[threading.Thread] = []

    def frame(*arguments):
        found = real(*arguments)
        threads.append(threading.Thread(target=add, args=(client, vision, "later", 50)))
        threads[-1].start()
        time.sleep(0.2)
        return found

    monkeypatch.setattr(f"{SQLITE}.frame", frame)
    same(read(f"sqlite:///{database}"), before)
    monkeypatch.undo()
    threads[0].join()
    assert "later" in read(f"sqlite:///{database}").name


def locked(database: Path, seconds: float) -> threading.Thread:
    """Lock a database against readers for some time."""
    ready = threading.Event()

    def hold() -> None:
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            ready.set()
            time.sleep(seconds)

    thread = threading.Thread(target=hold)
    thread.start()
    ready.wait()
    return thread


def test_a_database_that_is_locked_is_waited_for(database: Path):
    thread = locked(database, 0.3)
    assert len(read(f"sqlite:///{database}")) == 11
    thread.join()


def test_a_database_that_stays_locked_is_a_clear_error(database: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(f"{SQLITE}.BUSY_SECONDS", 0.1)
    thread = locked(database, 0.5)
    with (
        untouched(database.parent),
        pytest.raises(StoreError, match=r"another process holds the database\. Close it, or wait"),
    ):
        read(f"sqlite:///{database}")
    thread.join()


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "there is none"),
        (lambda path: path.mkdir(), "there is none"),
        (
            lambda path: path.write_bytes(b"no database at all, but long enough to be looked at" * 99),
            "damaged or no SQLite",
        ),
        (lambda path: path.write_bytes(b""), r"must be a database of MLflow; it holds the tables \[\]"),
    ],
)
def test_what_is_no_database_of_mlflow_is_said(tmp_path: Path, make, reason: str):
    make(tmp_path / "some.db")
    with untouched(tmp_path), pytest.raises(StoreError, match=reason):
        read(f"sqlite:///{tmp_path / 'some.db'}")


def test_a_damaged_database_is_an_error_and_no_half_result(database: Path):
    content = bytearray(database.read_bytes())
    content[40_000:] = b"\xff" * (len(content) - 40_000)
    database.write_bytes(content)
    with pytest.raises(StoreError, match="damaged"):
        read(f"sqlite:///{database}")


@pytest.mark.slow  # it fills a store
def test_a_file_store_is_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    root = tmp_path / "mlruns"
    fill(MlflowClient(str(root)), hostile=False)
    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE")
    for path in [root, *root.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    with untouched(root):
        assert isinstance(read(str(root), cache=tmp_path / "cache"), Runs)
        assert len(read(str(root), cache=tmp_path / "cache")) == 11
    for path in [root, *root.rglob("*")]:
        path.chmod(0o755)
