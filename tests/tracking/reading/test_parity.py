"""Whichever way runs are read, they are the same, and as `mlflow.search_runs` tells them."""

import math
import shutil
import sqlite3
import tracemalloc
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlflow import MlflowClient

from forerun.errors import StoreError
from forerun.tracking.reading import read, reader, sql
from forerun.tracking.reading.interface import InterfaceReader
from forerun.tracking.reading.sqlite import SqliteReader
from tests.tracking.reading.awkward import HOSTILE, agree, by_name, fill, frame_of, same

CURVES = ("loss", "a/b c.d-e_f:g", "nan", "nothing")
MANY = 10_000


def test_sql_reads_what_mlflows_own_client_reads(awkward: Path):
    uri = f"sqlite:///{awkward}"
    assert isinstance(reader(uri), SqliteReader)
    same(read(uri, metrics=CURVES), InterfaceReader(uri).read(None, CURVES).runs)


def test_sql_agrees_with_search_runs_cell_by_cell(awkward: Path):
    runs = read(f"sqlite:///{awkward}")
    agree(runs, frame_of(f"sqlite:///{awkward}", runs.ids))


def test_what_was_logged_comes_back(awkward: Path):
    runs = read(f"sqlite:///{awkward}", metrics=CURVES)
    assert set(runs.name) == {
        *("plain", "failed", "killed", "running", "hostile", "long", "parent", "child"),
        *("tied a", "tied b", "tied c"),
    }
    found = by_name(runs)
    assert found["hostile"]["params"] == HOSTILE
    assert found["hostile"]["experiment"] == "b'; DROP <i>"
    assert found["long"]["params"]["long"] == "x" * 6000
    assert found["killed"]["metrics"] == {"loss": "inf", "gain": "-inf"}
    assert found["failed"]["metrics"] == {"loss": "nan"}
    assert found["failed"]["curves"]["loss"] == [(0, "0.5"), (1, "nan")]
    assert found["hostile"]["metrics"] == {"a/b c.d-e_f:g": repr(1 / 3)}
    assert found["child"]["tags"]["mlflow.parentRunId"] == "parent"
    assert [(each.name, each.context) for each in found["parent"]["inputs"]] == [
        ("boxes", "training"),
        ("boxes-test", ""),
    ]
    assert found["parent"]["inputs"][0].profile == '{"num_rows": 7}'
    assert "only_deleted" not in runs.params
    assert "only_deleted" not in runs.metrics
    assert runs.curves["nothing"] == {}


def test_runs_come_by_their_end_and_unended_ones_last(awkward: Path):
    runs = read(f"sqlite:///{awkward}")
    keys = [(end or math.inf, run) for end, run in zip(runs.end.tolist(), runs.ids, strict=True)]
    assert keys == sorted(keys)
    assert runs.name[-1] == "running"
    assert runs.end[-1] == 0


def test_a_logged_nan_is_told_from_none(awkward: Path):
    runs = read(f"sqlite:///{awkward}")
    assert [runs.name[row] for row in runs.logged_nan["nan"]] == runs.name[-4:-1]
    assert [runs.name[row] for row in runs.logged_nan["loss"]] == ["failed"]


def test_few_of_many_runs_are_looked_up_and_are_the_same(awkward: Path, monkeypatch: pytest.MonkeyPatch):
    uri = f"sqlite:///{awkward}"
    whole = read(uri, ["vision"], CURVES)
    monkeypatch.setattr(sql, "FEW", 0)
    looked_up = read(uri, ["vision"], CURVES)
    same(whole, looked_up)
    assert set(looked_up.experiment) == {"vision"}
    everything = read(uri, metrics=CURVES)
    same(whole, everything.take([i for i, name in enumerate(everything.experiment) if name == "vision"]))


def test_small_pieces_give_the_same(awkward: Path, monkeypatch: pytest.MonkeyPatch):
    uri = f"sqlite:///{awkward}"
    whole = read(uri, metrics=CURVES)
    monkeypatch.setattr("forerun.tracking.reading.sqlite.BATCH_ROWS", 3)
    same(whole, read(uri, metrics=CURVES))
    monkeypatch.setattr("forerun.tracking.reading.sqlite.LOOKED_UP", 2)
    monkeypatch.setattr(sql, "FEW", 0)
    same(whole, read(uri, metrics=CURVES))


@pytest.mark.parametrize("name", ["nowhere", "dead"])
def test_an_experiment_that_is_not_there_or_deleted_is_an_error_that_says_which_are(awkward: Path, name: str):
    with pytest.raises(StoreError, match=f"'{name}' is not. It has 3: 'Default', .*'vision'"):
        read(f"sqlite:///{awkward}", [name])


def test_a_store_without_runs_is_read_as_none(bare: Path):
    assert len(read(f"sqlite:///{bare}", metrics=["loss"])) == 0


ANY = st.text(st.characters(exclude_categories=("Cs",)), max_size=8) | st.sampled_from(["\x1f", "\x1f\x1f", "", "\x00"])


@settings(max_examples=15)
@given(st.dictionaries(ANY.filter(bool), st.tuples(ANY, st.none() | ANY, st.floats(allow_nan=False)), max_size=6))
def test_any_names_and_values_come_back(bare: Path, cells: dict[str, tuple[str, str | None, float]]):
    path = bare.with_name("fuzzed.db")
    shutil.copy(bare, path)
    with closing(sqlite3.connect(path)) as connection, connection:
        for run in ("a" * 32, "b" * 32):
            connection.execute(
                "INSERT INTO runs (run_uuid, name, status, start_time, lifecycle_stage, experiment_id) "
                "VALUES (?, ?, 'FINISHED', 1, 'active', 0)",
                (run, next(iter(cells), run)),
            )
            for name, (param, tag, value) in cells.items():
                connection.execute("INSERT INTO params (key, value, run_uuid) VALUES (?, ?, ?)", (name, param, run))
                connection.execute("INSERT INTO tags (key, value, run_uuid) VALUES (?, ?, ?)", (name, tag, run))
                connection.execute(
                    "INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) "
                    "VALUES (?, ?, 1, 0, 0, ?)",
                    (name, max(min(value, 1.7976931348623157e308), -1.7976931348623157e308), run),
                )
    runs = read(f"sqlite:///{path}")
    assert runs.name == [next(iter(cells), run) for run in runs.ids]
    assert {k: list(v) for k, v in runs.params.items()} == {k: [v[0]] * 2 for k, v in cells.items()}
    assert {k: list(v) for k, v in runs.tags.items()} == {k: [v[1] or ""] * 2 for k, v in cells.items()}
    huge = 1.7976931348623157e308
    expected = {k: [v[2] if abs(v[2]) < huge else math.copysign(math.inf, v[2])] * 2 for k, v in cells.items()}
    assert {k: list(v) for k, v in runs.metrics.items()} == expected


@pytest.mark.slow  # it looks at every allocation
def test_one_run_with_ten_thousand_parameters_among_many_costs_no_columns(database: Path):
    with closing(sqlite3.connect(database)) as connection, connection:
        rows = [(f"{i:032x}", 1, "active", 1, "FINISHED") for i in range(5_000)]
        connection.executemany(
            "INSERT INTO runs (run_uuid, start_time, lifecycle_stage, experiment_id, status) VALUES (?, ?, ?, ?, ?)",
            rows,
        )
        wide = [(f"p{i}", str(i), rows[7][0]) for i in range(MANY)]
        connection.executemany("INSERT INTO params (key, value, run_uuid) VALUES (?, ?, ?)", wide)
    tracemalloc.start()
    runs = read(f"sqlite:///{database}")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 60e6 < MANY * 5_000 * 8  # what columns would take
    row = runs.ids.index(rows[7][0])
    assert runs.params["p9999"][row] == "9999"
    assert sum(value is not None for value in runs.params["p9999"]) == 1
    assert np.flatnonzero([runs.params[f"p{i}"][row] != str(i) for i in range(0, MANY, 997)]).size == 0


@pytest.mark.slow  # it fills a store
def test_the_file_store_reads_as_mlflow_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, awkward: Path):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    root = tmp_path / "mlruns"
    client = MlflowClient(str(root))
    fill(client, hostile=False)
    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE")
    ours = read(f"file:{root}", metrics=CURVES)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    same(ours, InterfaceReader(str(root)).read(None, CURVES).runs)
    agree(ours, frame_of(str(root), ours.ids))
    database = by_name(read(f"sqlite:///{awkward}", metrics=CURVES))
    files = by_name(ours)
    assert files.keys() == database.keys()
    for name in files.keys() - {"hostile"}:
        assert files[name] | {"experiment": ""} == database[name] | {"experiment": ""}
