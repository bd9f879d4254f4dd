"""The benchmark of reading: the store it makes is MLflow's, and its result says what it should."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from forerun.tracking.reading import read
from mined.making import EXPERIMENTS, fill

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "mining.py"


@pytest.mark.slow  # MLflow makes a database
def test_the_store_holds_what_a_team_would_have_logged(tmp_path: Path):
    store = SqlAlchemyStore(f"sqlite:///{tmp_path / 'mlflow.db'}", str(tmp_path))
    fill(store.engine, 40)
    found = store.search_runs([each.experiment_id for each in store.search_experiments()], "", 1)
    assert len(found) == 40
    assert {len(run.data.params) for run in found} == {10}
    assert {len(run.data.metrics) for run in found} == {5}
    assert {len(run.data.tags) for run in found} == {5}
    assert store.get_metric_history(found[0].info.run_id, "seconds")[0].value == found[0].data.metrics["seconds"]
    store.engine.dispose()
    runs = read(f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert set(runs.ids) == {run.info.run_id for run in found}
    assert 1 < len(set(runs.experiment)) <= EXPERIMENTS


@pytest.mark.long
@pytest.mark.slow  # six processes
def test_the_result_tells_runs_a_second_and_how_much_faster_than_mlflow(tmp_path: Path):
    out = tmp_path / "out.json"
    command = [sys.executable, str(SCRIPT), "--runs", "200", "--json", str(out), "--databases", "sqlite"]
    subprocess.run(command, check=True, capture_output=True)
    found = json.loads(out.read_text())
    assert found["postgres"] is None
    told = found["sqlite"]
    assert told["runs_per_s"] == pytest.approx(200 / told["forerun"]["seconds"])
    assert told["ratio"] > 1
    assert told["memory_ratio"] > 0
    assert told["increment"]["runs"] == 202
    assert told["incremental_s"] == told["increment"]["seconds"]
