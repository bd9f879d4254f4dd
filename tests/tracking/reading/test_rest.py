"""A server is read whole or not at all, whatever it and the network do."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from forerun.errors import StoreError
from forerun.tracking.reading import http, read, rest
from tests.tracking.reading.awkward import same
from tests.tracking.reading.faulty import (
    Fault,
    Faulty,
    dies_in_the_middle,
    half_without_a_length,
    hangs_up,
    refuses,
    run,
    says,
    serving,
    slowly,
    web_page,
)


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waiting between attempts, small pages."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_JITTER", "0")
    monkeypatch.setattr(rest, "PAGE", 3)
    monkeypatch.setattr(http, "PER_SECOND", 10_000)


@pytest.fixture
def server() -> Iterator[Faulty]:
    with serving(Faulty([run(i, "1" if i % 3 else "2") for i in range(20)])) as found:
        yield found


def ids(numbers: Any) -> set[str]:
    return {f"{i:032x}" for i in numbers}


def test_all_pages_of_all_experiments_are_read(server: Faulty):
    runs = read(server.uri, metrics=["loss"])
    assert set(runs.ids) == ids(range(20))
    assert runs.experiment[:4] == ["two", "one", "one", "two"]
    assert list(runs.params["lr"]) == [str(i) for i in range(20)]
    assert runs.curves["loss"][3] == [(1, 1.0), (2, 2.0), (3, 3.0)]
    assert set(read(server.uri, ["two"]).experiment) == {"two"}


@pytest.mark.slow  # fourteen servers
@pytest.mark.parametrize(
    "fault",
    [
        says(500),
        says(503),
        says(429, Retry_After="0"),
        hangs_up,
        dies_in_the_middle,
        half_without_a_length,
        slowly(0.2),
    ],
)
@pytest.mark.parametrize("at", [0, 3])
def test_a_fault_that_passes_changes_nothing(server: Faulty, fault: Fault, at: int):
    whole = read(server.uri)
    server.faults = [None] * at + [fault, fault]
    same(read(server.uri), whole)
    assert not server.faults


@pytest.mark.parametrize("fault", [says(500), hangs_up, dies_in_the_middle, half_without_a_length])
def test_a_fault_that_stays_is_an_error_that_says_how_far_it_got(
    server: Faulty, fault: Fault, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rest, "CONNECTIONS", 1)
    server.faults = [None, None, None, None] + [fault] * 50
    with pytest.raises(
        StoreError, match=r"the server does not answer.* It stopped after 9 runs of 0 whole experiments"
    ):
        read(server.uri)


@pytest.mark.slow  # it waits for a second
def test_a_server_that_is_asked_to_wait_for_is_waited_for(server: Faulty):
    server.faults = [says(429, Retry_After="1")]
    began = time.monotonic()
    assert len(read(server.uri)) == 20
    assert time.monotonic() - began >= 1


@pytest.mark.slow  # it waits for a second
def test_a_server_too_slow_for_the_time_out_is_an_error(server: Faulty, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    server.faults = [slowly(1.5)] * 9
    with pytest.raises(StoreError, match="does not answer"):
        read(server.uri)


def test_a_login_page_instead_of_an_answer_is_an_error(server: Faulty):
    server.faults = [web_page] * 9
    with pytest.raises(StoreError, match=r"cannot read http://127.*Please log in"):
        read(server.uri)


def test_a_server_that_is_not_there_is_an_error(server: Faulty, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    with pytest.raises(StoreError, match=r"the server does not answer\. Check the URI"):
        read("http://127.0.0.1:9")


@pytest.mark.parametrize(
    ("variables", "header"),
    [
        ({"USERNAME": "ada", "PASSWORD": "secret"}, "Basic YWRhOnNlY3JldA=="),
        ({"TOKEN": "secret"}, "Bearer secret"),
    ],
)
def test_mlflows_variables_authenticate(server: Faulty, monkeypatch: pytest.MonkeyPatch, variables: Any, header: str):
    for name, value in variables.items():
        monkeypatch.setenv(f"MLFLOW_TRACKING_{name}", value)
    read(server.uri, metrics=["loss"])
    assert {headers["Authorization"] for _, _, headers in server.seen} == {header}


def test_a_refusal_is_an_error_at_once_without_the_secret(server: Faulty, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "secret")
    server.faults = [refuses] * 9
    with pytest.raises(StoreError, match="the server refuses") as error:
        read(server.uri.replace("http://", "http://user:secret@"))
    assert "secret" not in str(error.value)
    assert len(server.seen) == 1


def test_requests_are_paced(server: Faulty, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http, "PER_SECOND", 50)
    read(server.uri)
    assert len(server.at) >= 10
    assert server.at[-1] - server.at[0] >= 0.9 * (len(server.at) - 1) / 50


def test_runs_that_come_and_go_between_pages_shift_none_out_of_sight(server: Faulty):
    def change(server: Faulty, i: int) -> None:
        if i == 4:  # earlier runs vanish and appear: with offsets a later one would be lost or come twice
            for gone in server.runs[:5]:
                gone["info"]["lifecycle_stage"] = "deleted"
            server.runs.extend(run(100 + i, start_time=i) for i in range(5))

    server.before = change
    runs = read(server.uri)
    assert len(runs.ids) == len(set(runs.ids))
    assert ids(range(5, 20)) <= set(runs.ids)


def test_many_runs_of_one_start_are_all_read(server: Faulty):
    server.runs = [run(i, start_time=7) for i in range(11)]
    assert set(read(server.uri).ids) == ids(range(11))


def test_a_run_that_ends_while_others_are_read_comes_out_whole(server: Faulty):
    running = server.runs[2]
    running["info"] |= {"status": "RUNNING", "end_time": 0}
    running["data"] = {"params": [{"key": "lr", "value": "2"}]}

    def end(server: Faulty, i: int) -> None:
        if i == 6:
            running["info"] |= {"status": "FINISHED", "end_time": 2_002}
            running["data"] = {**run(2)["data"], "tags": [{"key": "note", "value": "done"}]}

    server.before = end
    runs = read(server.uri)
    row = runs.ids.index(running["info"]["run_id"])
    assert (runs.status[row], runs.end[row], runs.tags["note"][row]) == ("FINISHED", 2_002, "done")
    assert runs.metrics["loss"][row] == 0.25


def test_a_run_that_is_deleted_while_others_are_read_is_left_out(server: Faulty):
    running = server.runs[2]
    running["info"] |= {"status": "RUNNING"}
    server.before = lambda server, i: running["info"].update(lifecycle_stage="deleted") if i == 6 else None
    assert set(read(server.uri).ids) == ids(range(20)) - {running["info"]["run_id"]}


CHANGES = {
    "nothing": lambda server: None,
    "new runs": lambda server: server.runs.extend(run(i, start_time=10_000 + i) for i in range(30, 40)),
    "a run that ended": lambda server: server.runs[4]["info"].update(status="FINISHED", end_time=9_000),
    "a run that began again": lambda server: server.runs[19]["info"].update(status="RUNNING"),
    "a deleted run": lambda server: server.runs[5]["info"].update(lifecycle_stage="deleted"),
    "a restored run": lambda server: server.runs[6]["info"].update(lifecycle_stage="active"),
    "a new experiment": lambda server: (server.experiments.update({"3": "three"}), server.runs.append(run(50, "3"))),
    "a renamed experiment": lambda server: server.experiments.update({"1": "uno"}),
    "a vanished running run": lambda server: server.runs.remove(server.runs[4]),
}


@pytest.mark.slow  # nine servers, read three times
@pytest.mark.parametrize("what", CHANGES)
def test_an_increment_equals_a_fresh_reading(
    server: Faulty, tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rest, "CLOCKS_MS", 1)
    server.runs[4]["info"] |= {"status": "RUNNING", "end_time": 0}
    server.runs[6]["info"] |= {"lifecycle_stage": "deleted"}
    read(server.uri, metrics=["loss"], cache=tmp_path)
    CHANGES[what](server)
    server.seen.clear()
    runs = read(server.uri, metrics=["loss"], cache=tmp_path)
    if "experiment" not in what:
        asked = [each for path, each, _ in server.seen if path.endswith("runs/search")]
        assert all("attributes" in each["filter"] or each["run_view_type"] == "DELETED_ONLY" for each in asked)
    same(runs, read(server.uri, metrics=["loss"]))


def test_what_a_server_does_not_tell_is_read_when_asked_to_read_everything(
    server: Faulty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rest, "CLOCKS_MS", 1)
    read(server.uri, cache=tmp_path)
    server.runs[0]["data"]["params"].append({"key": "afterthought", "value": "1"})
    assert "afterthought" not in read(server.uri, cache=tmp_path).params
    same(read(server.uri, cache=tmp_path, fresh=True), read(server.uri))
    assert "afterthought" in read(server.uri, cache=tmp_path).params
