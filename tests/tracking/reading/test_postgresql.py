"""PostgreSQL is read as SQLite is, in one snapshot, and in increments."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmarks.mined.cluster import binaries, cluster
from mlflow import MlflowClient

from forerun.errors import StoreError
from forerun.tracking.reading import postgresql, read, reader
from forerun.tracking.reading.interface import InterfaceReader
from tests.tracking.reading.awkward import add, agree, by_name, fill, frame_of, same
from tests.tracking.reading.test_increments import HAPPENS, vision

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(binaries() is None, reason="PostgreSQL's programs (initdb, pg_ctl) are not installed"),
]
CURVES = ("loss", "a/b c.d-e_f:g", "nan", "nothing")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pytest.importorskip("psycopg", reason="the driver is not installed")
    folder = tmp_path_factory.mktemp("postgresql")
    for parent in (folder, *folder.parents[:3]):
        parent.chmod(parent.stat().st_mode | 0o011)  # the server is run by another user
    with cluster(folder / "cluster") as uri:
        yield uri


@pytest.fixture(scope="module")
def client(server: str) -> Iterator[MlflowClient]:
    found = MlflowClient(server)
    fill(found, hostile=False)  # PostgreSQL holds no text with a NUL
    yield found
    found._tracking_client.store.engine.dispose()


def test_sql_reads_what_mlflow_reads(server: str, client: MlflowClient, awkward: Path):
    assert isinstance(reader(server), postgresql.PostgresqlReader)
    ours = read(server, metrics=CURVES)
    same(ours, InterfaceReader(server).read(None, CURVES).runs)
    agree(ours, frame_of(server, ours.ids))
    there = by_name(read(f"sqlite:///{awkward}", metrics=CURVES))
    for name, found in by_name(ours).items():
        if name != "hostile":
            assert found | {"experiment": ""} == there[name] | {"experiment": ""}


def test_few_of_many_runs_are_looked_up_and_are_the_same(
    server: str, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
):
    whole = read(server, ["vision"], CURVES)
    monkeypatch.setattr("forerun.tracking.reading.sql.FEW", 0)
    monkeypatch.setattr(postgresql, "LOOKED_UP", 2)
    same(whole, read(server, ["vision"], CURVES))


def test_nothing_can_be_written(server: str, client: MlflowClient):
    with pytest.raises(StoreError, match="read-only transaction"), postgresql.opened(server) as source:
        source.rows("UPDATE runs SET name = 'x'")


def test_what_is_read_is_one_moment_though_others_write(
    server: str, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
):
    before = read(server)
    real = postgresql.frame

    def frame(*arguments):
        found = real(*arguments)
        thread = threading.Thread(target=add, args=(client, vision(client), "meanwhile", 90))
        thread.start()
        thread.join()
        return found

    monkeypatch.setattr(postgresql, "frame", frame)
    same(read(server), before)
    monkeypatch.undo()
    assert "meanwhile" in read(server).name


def test_increments_equal_fresh_readings(
    server: str, client: MlflowClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    whole: list[str] = []
    real = postgresql.PostgresqlReader.read

    def spied(self, *arguments, resumable=False):
        if resumable:
            whole.append(what)
        return real(self, *arguments, resumable=resumable)

    monkeypatch.setattr(postgresql.PostgresqlReader, "read", spied)
    what = "the first time"
    read(server, metrics=CURVES, cache=tmp_path)
    last = ("a new name", "a deleted run", "a deleted experiment", "a renamed experiment", "a restored experiment")
    for what in [*(each for each in HAPPENS if each not in last), "a new name", "a deleted run"]:
        HAPPENS[what](client)
        same(read(server, metrics=CURVES, cache=tmp_path), read(server, metrics=CURVES))
    assert whole == ["the first time", "a deleted tag"]


def test_without_curves_histories_of_metrics_are_not_looked_through(
    server: str, client: MlflowClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run = add(client, vision(client), "measured", 80, metrics={"loss": [0.5]})
    read(server, cache=tmp_path)
    asked: list[str] = []
    real = postgresql.PostgresqlSource.rows
    monkeypatch.setattr(
        postgresql.PostgresqlSource,
        "rows",
        lambda self, query, *values: (asked.append(query), real(self, query, *values))[1],
    )
    for step, value in ((9, 0.1), (1, 9.0), (10, float("nan"))):
        client.log_metric(run, "loss", value, step=step)
        same(read(server, cache=tmp_path), read(server))
    assert any("FROM latest_metrics " in query for query in asked)
    assert not any("FROM metrics " in query for query in asked)


def test_runs_that_vanish_are_looked_for_only_where_some_have(
    server: str, client: MlflowClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import psycopg

    looked: list[object] = []
    real = postgresql.changes._vanished
    monkeypatch.setattr(postgresql.changes, "_vanished", lambda *a: (looked.append(a), real(*a))[1])
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO runs (run_uuid, name, user_id, status, start_time, end_time, lifecycle_stage, experiment_id) "
            "SELECT 'bare', name, user_id, status, start_time, end_time, 'active', experiment_id FROM runs "
            "WHERE name = 'killed'"
        )
        assert "bare" in read(server, cache=tmp_path).ids
        client.update_run(add(client, vision(client), "after", 91), name="renamed after")
        connection.execute("UPDATE runs SET status = 'FAILED' WHERE run_uuid = 'bare'")
        same(read(server, cache=tmp_path), read(server))
        assert not looked
        connection.execute("DELETE FROM runs WHERE run_uuid = 'bare'")
        add(client, vision(client), "another", 92)  # as many runs as before
        same(read(server, cache=tmp_path), read(server))
        assert looked


def test_two_connections_see_one_moment(server: str, client: MlflowClient):
    with postgresql.opened(server) as source:
        name = source.snapshot()
        new = add(client, vision(client), "unseen", 93)
        with postgresql.opened(server, name) as beside:
            query = "SELECT count(*) FROM runs WHERE run_uuid = ?"
            assert next(beside.rows(query, (new,))) == next(source.rows(query, (new,))) == (0,)
        with postgresql.opened(server) as later:
            assert next(later.rows(query, (new,))) == (1,)


def test_a_wrong_password_is_an_error_that_does_not_tell_it(server: str):
    with pytest.raises(StoreError, match="cannot read the runs of postgresql://") as error:
        read(server.replace("forerun:", "forerun:wrong"))
    assert "wrong" not in str(error.value)


def test_a_server_that_is_not_there_is_an_error():
    pytest.importorskip("psycopg", reason="the group postgresql has it")
    with pytest.raises(StoreError, match="the server does not answer"):
        read("postgresql://forerun@127.0.0.1:9/mlflow")
