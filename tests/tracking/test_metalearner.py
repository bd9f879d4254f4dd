"""The registered meta-learner answers configurations with forecasts."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from forerun.errors import SpaceError
from forerun.metadata import featurize
from forerun.metalearners import METALEARNERS
from forerun.metalearners.forecaster import Forecaster
from forerun.space import SearchSpace
from forerun.tracking.metalearner import OUTPUTS, Oracle, as_rows, from_row
from forerun.tracking.models import METALEARNER, load_metalearner, register_metalearner
from forerun.tracking.store import Store
from forerun.trials import History
from tests.tracking.conftest import default, make_space, make_trial

pytestmark = pytest.mark.slow  # models are trained


@pytest.fixture(scope="module")
def forecaster() -> Forecaster:
    space = make_space()
    names = [f"task{i}" for i in range(4)]
    tasks = pd.DataFrame({"task": names, "family": names, "kind": "binary", "metric": "balanced_accuracy"})
    tasks = tasks.assign(source="", digest="", mf_rows=[10.0, 20.0, 30.0, 40.0]).set_index("task")
    trials = []
    for t, name in enumerate(names):
        for i in range(25):
            trial = make_trial(space, 25 * t + i)
            # svm is better everywhere
            loss = (0.2 if trial.configuration["learner"] == "svm" else 0.6) + 0.05 * trial.loss
            trials.append(replace(trial, task=name, loss=loss, fidelity=1.0))
    history = History.of(trials, tasks, {space.name: space})
    return Forecaster(METALEARNERS["linear"](), METALEARNERS["linear"]()).fit(featurize(history))


def test_configurations_survive_a_frame(space: SearchSpace) -> None:
    drawn = space.sample(np.random.default_rng(0), 20)
    frame = as_rows(drawn, space)
    assert [from_row(row, space) for row in frame.to_dict("records")] == drawn
    assert from_row({"learner": "svm", "features": ["width"]}, space) == {"learner": "svm", "features": ("width",)}


@pytest.mark.parametrize(("row", "message"), [({}, "got none of them"), ({"features": "wide"}, "must be a list")])
def test_what_is_no_configuration_is_refused(space: SearchSpace, row: dict[str, str], message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        from_row(row, space)


def test_a_better_learner_is_forecast_to_be_better(forecaster: Forecaster) -> None:
    frame = pd.DataFrame({"learner": ["svm", "knn"], "svm.C": [1.0, np.nan], "knn.k": [np.nan, 9]})
    answer = Oracle(forecaster).predict(frame)
    assert list(answer.columns) == list(OUTPUTS)
    assert answer["loss"][0] < answer["loss"][1]
    assert (answer[["loss_std", "seconds"]] > 0).all(axis=None)
    assert (answer["seconds_factor"] > 1).all()


def test_rows_of_several_tasks_are_answered_one_by_one(forecaster: Forecaster) -> None:
    frame = pd.DataFrame({"learner": ["svm", "knn", "svm"], "mf_rows": [10.0, np.nan, 40.0]})
    oracle = Oracle(forecaster)
    together = oracle.predict(frame)
    alone = pd.concat([oracle.predict(frame.iloc[[i]]) for i in range(3)])
    pd.testing.assert_frame_equal(together, alone)


def test_a_registered_metalearner_forecasts_the_same_through_mlflow(
    store: Store, forecaster: Forecaster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    registered = register_metalearner(store, forecaster, scores={"rank": 0.5}, lineage={"meta_dataset": "md5:1"})
    assert (registered.name, registered.alias) == (METALEARNER, "champion")
    rows = as_rows(forecaster.space_.sample(np.random.default_rng(1), 6), forecaster.space_)
    with default(store):
        answer = mlflow.pyfunc.load_model(f"models:/{METALEARNER}@champion").predict(rows)
    pd.testing.assert_frame_equal(answer, Oracle(forecaster).predict(rows))
    pd.testing.assert_frame_equal(answer, Oracle(load_metalearner(store)).predict(rows))
    assert store.client.get_run(registered.run).data.metrics == {"rank": 0.5}


def test_the_newest_metalearner_is_the_champion(store: Store, forecaster: Forecaster) -> None:
    assert [register_metalearner(store, forecaster).version for _ in range(2)] == [1, 2]
    assert store.client.get_model_version_by_alias(METALEARNER, "champion").version == 2


def test_mlflow_serves_forecasts_of_a_csv(store: Store, forecaster: Forecaster, tmp_path: Path) -> None:
    register_metalearner(store, forecaster)
    rows = as_rows(forecaster.space_.sample(np.random.default_rng(1), 6), forecaster.space_)
    rows.to_csv(tmp_path / "in.csv", index=False)
    command = [
        *(sys.executable, "-m", "mlflow", "models", "predict", "-m", f"models:/{METALEARNER}@champion"),
        *("-i", str(tmp_path / "in.csv"), "-o", str(tmp_path / "out.json"), "-t", "csv", "--env-manager", "local"),
    ]
    environment = {**os.environ, "MLFLOW_TRACKING_URI": store.uri}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=800, check=False)
    assert done.returncode == 0, done.stderr
    answers = pd.DataFrame(json.loads((tmp_path / "out.json").read_text())["predictions"])
    pd.testing.assert_frame_equal(answers, Oracle(forecaster).predict(rows))
