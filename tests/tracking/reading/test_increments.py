"""What is read in increments equals what is read afresh, whatever happened in between."""

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from forerun.mining.runs import Runs
from forerun.tracking.reading import cache, files, read, sqlite
from tests.tracking.reading.awkward import add, data, fill, same

pytestmark = pytest.mark.slow  # models are trained, or many stores made

CURVES = ("loss", "nan")


def find(client: MlflowClient, name: str) -> str:
    places = [each.experiment_id for each in client.search_experiments()]
    return next(run.info.run_id for run in client.search_runs(places, run_view_type=3) if run.info.run_name == name)


def vision(client: MlflowClient) -> str:
    return str(client.get_experiment_by_name("vision").experiment_id)


HAPPENS: dict[str, Callable[[MlflowClient], Any]] = {
    "nothing": lambda client: None,
    "a new run": lambda client: add(
        client, vision(client), "new", 60, params={"lr": "3", "new": "1"}, metrics={"x": [1.0]}
    ),
    "a run that ends": lambda client: client.set_terminated(find(client, "running"), "FAILED", 1_790_000_003_600),
    "a run that begins again": lambda client: client.update_run(find(client, "plain"), "RUNNING"),
    "a deleted run": lambda client: client.delete_run(find(client, "plain")),
    "a restored run": lambda client: client.restore_run(find(client, "gone")),
    "an edited tag": lambda client: client.set_tag(find(client, "killed"), "mlflow.user", "eve"),
    "a new tag": lambda client: client.set_tag(find(client, "killed"), "note", "worse"),
    "a deleted tag": lambda client: client.delete_tag(find(client, "killed"), "mlflow.user"),
    "a new name": lambda client: client.update_run(find(client, "failed"), name="renamed"),
    "a new parameter": lambda client: client.log_param(find(client, "failed"), "late", "1"),
    "a new metric": lambda client: client.log_metric(find(client, "failed"), "late", 1.0),
    "a metric that goes on": lambda client: client.log_metric(find(client, "plain"), "loss", 0.1, step=9),
    "a metric that turns NaN": lambda client: client.log_metric(find(client, "plain"), "loss", float("nan"), step=9),
    "a point before the last": lambda client: client.log_metric(find(client, "plain"), "loss", 9.0, step=1),
    "a new input": lambda client: client.log_inputs(find(client, "plain"), [data("late", "eval")]),
    "a new experiment": lambda client: add(client, client.create_experiment("fresh"), "first", 70),
    "a renamed experiment": lambda client: client.rename_experiment(vision(client), "eyes"),
    "a deleted experiment": lambda client: client.delete_experiment(vision(client)),
    "a restored experiment": lambda client: client.restore_experiment(
        client.get_experiment_by_name("dead").experiment_id
    ),
}
WHOLE = {"a deleted tag", "a renamed experiment"}
"""After what everything is read anew."""


@pytest.fixture
def afresh(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Grows with each full reading of a SQLite database that a cache asked for."""
    seen: list[object] = []
    real = sqlite.SqliteReader.read

    def spied(self, experiments, metrics, *, resumable=False):
        if resumable:
            seen.append(experiments)
        return real(self, experiments, metrics, resumable=resumable)

    monkeypatch.setattr(sqlite.SqliteReader, "read", spied)
    return seen


@pytest.mark.slow  # twenty databases
@pytest.mark.parametrize("what", HAPPENS)
def test_an_increment_of_a_database_equals_a_fresh_reading(
    client: MlflowClient, database: Path, tmp_path: Path, afresh: list[object], what: str
):
    uri, folder = f"sqlite:///{database}", tmp_path / "cache"
    before = read(uri, metrics=CURVES, cache=folder)
    HAPPENS[what](client)
    after = read(uri, metrics=CURVES)
    same(read(uri, metrics=CURVES, cache=folder), after)
    same(read(uri, metrics=CURVES, cache=folder), after)
    assert len(afresh) == 1 + (what in WHOLE)
    if what != "nothing":
        with pytest.raises(AssertionError):
            same(before, after)


def test_all_that_happens_at_once_equals_a_fresh_reading(client: MlflowClient, database: Path, tmp_path: Path):
    uri = f"sqlite:///{database}"
    read(uri, metrics=CURVES, cache=tmp_path / "cache")
    for what, happen in HAPPENS.items():
        if "experiment" not in what and what not in ("a deleted run", "a new name", "a new input"):
            happen(client)
    same(read(uri, metrics=CURVES, cache=tmp_path / "cache"), read(uri, metrics=CURVES))


def test_only_runs_that_are_new_or_changed_are_read(client: MlflowClient, database: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setattr("forerun.tracking.reading.sqlite_changes.PIECE", 4)
    uri = f"sqlite:///{database}"
    read(uri, cache=tmp_path / "cache")
    new = add(client, vision(client), "new", 60)
    client.set_tag(find(client, "killed"), "mlflow.user", "eve")
    read_again: list[str] = []
    real = cache.packed

    def spied(runs: Runs):
        read_again.extend(runs.name)
        return real(runs)

    monkeypatch.setattr(cache, "packed", spied)
    assert new in read(uri, cache=tmp_path / "cache").ids
    assert {"new", "killed"} <= set(read_again)
    assert len(read_again) <= 5  # those whose tags share a piece of four rows


@pytest.mark.slow  # the same
@pytest.mark.parametrize(
    "edit", ["VACUUM", "DELETE FROM params WHERE rowid = 1", "DELETE FROM runs WHERE name = 'plain'"]
)
def test_rows_that_vanish_or_move_are_read_anew(database: Path, tmp_path: Path, afresh: list[object], edit: str):
    uri = f"sqlite:///{database}"
    read(uri, cache=tmp_path / "cache")
    with closing(sqlite3.connect(database)) as connection:
        # a tag that takes the place of another's row
        connection.execute("DELETE FROM tags WHERE rowid = (SELECT max(rowid) FROM tags)")
        connection.execute("INSERT INTO tags SELECT 'other', value, run_uuid FROM tags WHERE rowid = 1")
        connection.commit()
        connection.execute(edit)
        connection.commit()
    same(read(uri, cache=tmp_path / "cache"), read(uri))
    assert len(afresh) == 2


def test_a_cache_of_something_else_is_not_used(database: Path, tmp_path: Path, afresh: list[object]):
    uri, folder = f"sqlite:///{database}", tmp_path / "cache"
    whole = read(uri, cache=folder)
    assert len(read(uri, ["vision"], cache=folder)) < len(whole)
    assert read(uri, ["vision"], ["loss"], cache=folder).curves["loss"]
    same(read(uri, cache=folder), whole)
    assert len(afresh) == 4


def damage(folder: Path, what: str) -> None:
    rest = json.loads((folder / "rest.json").read_text())
    if what == "old":
        rest["full"] -= cache.FRESH_DAYS * cache.DAY + 1
    elif what == "format":
        rest["format"] = 0
    (folder / "rest.json").write_text(json.dumps(rest))
    if what == "half":
        content = (folder / rest["all"]).read_bytes()
        (folder / rest["all"]).write_bytes(content[: len(content) // 2])
    elif what == "inside":
        content = bytearray((folder / rest["all"]).read_bytes())
        content[4:600] = b"\xff" * 596
        (folder / rest["all"]).write_bytes(content)
    elif what == "missing":
        (folder / rest["new"]).unlink()
    elif what == "text":
        (folder / "rest.json").write_text("{")


@pytest.mark.slow  # the same
@pytest.mark.parametrize("what", ["old", "format", "half", "inside", "missing", "text"])
def test_a_cache_that_is_old_or_damaged_is_filled_anew(database: Path, tmp_path: Path, afresh: list[object], what: str):
    uri, folder = f"sqlite:///{database}", tmp_path / "cache"
    whole = read(uri, metrics=CURVES, cache=folder)
    damage(folder, what)
    same(read(uri, metrics=CURVES, cache=folder), whole)
    assert len(afresh) == 2


@pytest.mark.slow  # twenty folders
@pytest.mark.parametrize("what", [what for what in HAPPENS if what != "a restored experiment"])
def test_an_increment_of_a_file_store_equals_a_fresh_reading(
    what: str, filestore: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    client, folder = MlflowClient(str(filestore)), tmp_path / "cache"
    monkeypatch.setattr(files, "RECENT_NS", 0)
    before = read(str(filestore), metrics=CURVES, cache=folder)
    time.sleep(0.01)  # the clock of file times ticks slowly
    HAPPENS[what](client)
    read_again: list[str] = []
    real = files._whole
    monkeypatch.setattr(files, "_whole", lambda *arguments: (read_again.append(arguments[0].name), real(*arguments))[1])
    after = read(str(filestore), metrics=CURVES, cache=folder)
    assert len(read_again) <= 3 or "experiment" in what  # deleted runs are looked at each time
    same(after, read(str(filestore), metrics=CURVES))
    if what != "nothing":
        with pytest.raises(AssertionError):
            same(before, after)


def test_a_cache_keeps_two_tables_and_joins_them_when_much_is_new(client: MlflowClient, database: Path, tmp_path: Path):
    uri, folder = f"sqlite:///{database}", tmp_path / "cache"
    read(uri, cache=folder)
    (first,) = folder.glob("all-*")
    add(client, vision(client), "new", 60, params={"lr": "3", "new": "1"})
    read(uri, cache=folder)
    assert first.exists()
    for i in range(3):
        add(client, vision(client), f"new {i}", 61 + i)
    same(read(uri, cache=folder), read(uri))
    assert not first.exists()
    assert len(list(folder.glob("*.parquet"))) == 2
    same(read(uri, cache=folder), read(uri))


@pytest.fixture(scope="session")
def filled_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("files") / "mlruns"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        fill(MlflowClient(str(root)), hostile=False)
    return root


@pytest.fixture
def filestore(filled_files: Path, tmp_path: Path) -> Path:
    import shutil

    return Path(shutil.copytree(filled_files, tmp_path / "mlruns"))
