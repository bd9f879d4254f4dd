"""Five programs that know nothing of forerun, run by the real libraries: each is mined to a sensible table and space.

No test says anything but where the runs are: no metric, no direction, no task rule, no names.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from forerun.metadata import featurize
from forerun.metalearners import Context, Forecaster, Linear, Relative
from forerun.mining import Rules, Understood, as_text
from forerun.mining.counting import PRUNED, RUNNING, SUMMARY
from forerun.space import Categorical, Condition, Integer, Real
from forerun.steps.mine_from import mine_from
from forerun.trials import History
from tests.projects import REPOSITORY

# real libraries train real models, in a process of their own
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The store of a team whose members use five different libraries."""
    folder = tmp_path_factory.mktemp("team")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-m", "tests.mining.foreign", uri]
    ended = subprocess.run(
        command, cwd=folder, env={**os.environ, **quiet}, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    return uri


def mined(uri: str, *experiments: str) -> Understood:
    return mine_from(uri, Rules(), None, experiments)


def test_scikit_learn_autologging(team: str) -> None:
    found = mined(team, "forests")
    findings = found.findings
    (target,) = findings.targets
    assert (target.metric, target.minimise) == ("RandomForestClassifier_score_X_test", False)
    assert [(task.runs, task.failed) for task in findings.tasks] == [(5, 0), (5, 0)]  # one experiment, two data sets
    assert found.history.tasks["mf_log10_rows"].tolist() == pytest.approx(np.log10([106, 90]), abs=1e-9)
    assert found.history.tasks["mf_log10_columns"].tolist() == pytest.approx(np.log10([13, 4]))
    (space,) = found.history.spaces.values()
    assert set(space.domains) == {"n_estimators", "max_depth", "max_features"}
    assert isinstance(space.domains["n_estimators"], Integer)
    assert space.domains["max_depth"] == Categorical((1, 3, "None"))
    assert isinstance(space.domains["max_features"], Real)
    assert findings.parameters_left_out["random_state"] == "it is a seed"
    assert sorted(found.history.trials["seed"].unique()) == [0, 1, 2, 3, 4]


def test_a_grid_search_counts_its_children_and_not_itself(team: str) -> None:
    found = mined(team, "svm grid")
    findings = found.findings
    assert [(target.metric, target.minimise) for target in findings.targets] == [("mean_test_score", False)]
    assert [len(ids) for reason, ids in findings.left_out.items() if reason == SUMMARY] == [1]
    assert findings.used == 8
    (space,) = found.history.spaces.values()
    assert space.domains["C"] == Real(0.01, 10, log=True)
    assert set(space.domains["kernel"].levels(2)) == {"linear", "rbf"}
    assert (found.history.trials["fit_seconds"] < 2).all()  # of mean_fit_time, not of the whole search


def test_lightgbm_autologging(team: str) -> None:
    found = mined(team, "boosting iris", "boosting wine")
    assert [(t.metric, t.minimise) for t in found.findings.targets] == [("valid_0-multi_logloss", True)]
    assert sorted((task.name, task.runs) for task in found.findings.tasks) == [
        ("boosting iris", 5),
        ("boosting wine", 5),
    ]
    (space,) = found.history.spaces.values()
    assert set(space.domains) == {"learning_rate", "num_leaves", "feature_fraction"}
    rate, leaves = space.domains["learning_rate"], space.domains["num_leaves"]
    assert isinstance(rate, Real)
    assert rate.log
    assert isinstance(leaves, Integer)
    assert found.history.tasks["kind"].tolist() == ["classification"] * 2
    assert found.history.tasks["family"].nunique() == 2


def test_lightning_autologging(team: str) -> None:
    found = mined(team, "lightning iris", "lightning wine")
    assert [(t.metric, t.minimise) for t in found.findings.targets] == [("val_loss", True)]
    (space,) = found.history.spaces.values()
    assert set(space.domains) == {"lr", "hidden", "dropout"}
    assert isinstance(space.domains["lr"], Real)
    assert isinstance(space.domains["hidden"], Integer)
    assert found.findings.parameters_left_out["betas"] == "it is always '[0.9, 0.999]'"
    best = mine_from(team, Rules(value="best"), None, ["lightning iris"]).history.trials
    last = found.history.of_tasks(["lightning iris"]).trials
    assert (best["loss"].to_numpy() <= last["loss"].to_numpy()).all()
    assert best["curve_epoch"].map(len).min() >= 2


def test_optuna_with_its_callback(team: str) -> None:
    found = mined(team, "study iris", "study wine")
    (target,) = found.findings.targets
    assert (target.metric, target.minimise, target.why) == ("quality", False, "by Optuna's tag 'direction'")
    assert {reason: len(ids) for reason, ids in found.findings.left_out.items()} == {PRUNED: 2}
    (space,) = found.history.spaces.values()
    assert set(space.domains["model"].levels(2)) == {"knn", "logistic"}
    assert space.domains["k"] == Integer(1, 30)  # as the study said, whatever was tried
    assert space.domains["C"] == Real(1e-3, 1e3, log=True)
    assert space.condition("k") == Condition.of({"model": "knn"})
    assert space.condition("C") == Condition.of({"model": "logistic"})
    for configuration in found.history.configurations():
        space.check(configuration)
    assert (found.history.trials["fit_seconds"] > 0).all()


def test_a_hand_written_loop(team: str) -> None:
    found = mined(team, "my net 0", "my net 1")
    findings = found.findings
    assert [(t.metric, t.minimise) for t in findings.targets] == [("val_rmse", True)]
    assert {reason: len(ids) for reason, ids in findings.left_out.items()} == {RUNNING: 1}
    assert findings.failed == {"diverged: val_rmse is nan": 2}
    (space,) = found.history.spaces.values()
    assert set(space.domains) == {"lr", "optim", "layers", "batch_norm", "clip"}
    assert space.domains["batch_norm"] == Categorical((False, True))
    assert set(space.domains["layers"].levels(3)) == {"[8]", "[16]", "[8, 8]"}
    lr = space.domains["lr"]
    assert isinstance(lr, Real)
    assert lr.log
    assert lr.high < 1  # not the 10^9 that diverged
    assert "as a path is" in findings.parameters_left_out["out_dir"]
    assert found.history.trials.loc[0, ["hw_cores", "hw_memory_gb", "hw_gpu"]].tolist() == [2, 24, ""]


def test_all_of_the_team_together_is_one_history_to_learn_from(team: str, tmp_path: Path) -> None:
    found = mine_from(team, Rules(), tmp_path)
    assert found.findings.used == 10 + 8 + 10 + 10 + 18 + 14
    assert len(found.findings.tasks) == 11
    assert [(r.old, r.new) for r in found.findings.renames] == [("learning_rate", "lr")]
    assert all(len(line) < 200 for line in as_text(found.findings).splitlines())
    history = History.load(tmp_path)
    meta = featurize(history)
    assert meta.X.shape[0] == found.findings.used
    forecaster = Forecaster(Relative(), Linear()).fit(meta)
    part = history.of_tasks(["study wine"])
    X = forecaster.space_.encode(part.configurations(), part.spaces[part.trials["space"].iloc[0]])
    prediction = forecaster.adapt(Context.empty(forecaster.scaler_.transform({}), X.shape[1])).loss.predict(X)
    assert np.isfinite(prediction.mean).all()
    assert (prediction.std > 0).all()
    assert np.ptp(prediction.mean) > 0
