"""Registered models load from data alone, answer in the task's own words, and compete fairly."""

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from forerun.errors import DataError, FormatError, StoreError
from forerun.learners import LEARNERS
from forerun.learners.joint import default_configuration
from forerun.space import Configuration
from forerun.tasks import Task, make_task
from forerun.tracking.champion import Champion
from forerun.tracking.mine import mine
from forerun.tracking.models import (
    Scores,
    champion_name,
    load_champion,
    register_champion,
    validation_digest,
)
from forerun.tracking.registry import Registered, requirements
from forerun.tracking.store import Store, open_store
from tests.tracking.conftest import close, default

pytestmark = pytest.mark.slow  # it registers models


@pytest.fixture(autouse=True)
def _without_pickle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")


def make_frame(seed: int = 0) -> pd.DataFrame:
    """Numbers with gaps, names with gaps, truth values; the target are words."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"width": rng.normal(size=90), "colour": rng.choice(["red", "blue", "green"], 90)})
    frame["shiny"] = rng.random(90) > 0.5
    frame["size"] = np.select([frame["width"] < -0.4, frame["width"] > 0.4], ["small", "big"], "middling")
    frame.loc[::9, "width"] = np.nan
    frame.loc[::7, "colour"] = None
    return frame


@pytest.fixture(scope="module")
def sizes() -> Task:
    return make_task(make_frame(), "size", name="sizes")


def train(task: Task, learner: str = "linear") -> tuple[Configuration, Champion]:
    configuration = default_configuration(learner, task.kind)
    model = LEARNERS[learner].train(configuration, task, seed=0).model
    return configuration, Champion.of(task, configuration, model)


def register(store: Store, task: Task, loss: float, learner: str = "linear") -> Registered:
    configuration, champion = train(task, learner)
    return register_champion(store, task, champion.model, configuration, Scores(loss, loss + 0.1, 0.2, 0.05))


@pytest.mark.parametrize("learner", ["linear", "mlp"])
def test_a_champion_loads_as_an_mlflow_model_and_answers_with_labels(store: Store, sizes: Task, learner: str) -> None:
    registered = register(store, sizes, 0.3, learner)
    assert (registered.version, registered.alias) == (1, "champion")
    with default(store):
        model = mlflow.pyfunc.load_model(f"models:/{registered.name}@champion")
    rows = make_frame(1)[["colour", "shiny", "width"]]
    answer = model.predict(rows)
    assert set(answer["prediction"]) <= {"small", "middling", "big"}
    assert list(answer.columns) == ["prediction", "p(big)", "p(middling)", "p(small)"]
    np.testing.assert_allclose(answer.iloc[:, 1:].sum(axis=1), 1)
    ours = load_champion(store, "sizes").predict(rows)
    pd.testing.assert_frame_equal(answer, ours)


def test_the_artefact_holds_no_code_and_nothing_pickled(store: Store, sizes: Task) -> None:
    register(store, sizes, 0.3)
    assert store.artifacts
    names = {path.name for path in store.artifacts.rglob("*") if path.is_file()}
    assert {"MLmodel", "champion.json", "estimator.skops"} < names
    assert not [name for name in names if name.endswith((".py", ".pkl", ".pickle", ".pyc"))]


def test_a_version_carries_scores_and_lineage_both_ways(store: Store, sizes: Task) -> None:
    configuration, champion = train(sizes)
    registered = register_champion(
        store,
        sizes,
        champion.model,
        configuration,
        Scores(0.3, 0.4, 0.2, 0.05),
        metrics={"test_accuracy": 0.7},
        lineage={"runs": "a,b", "meta_dataset": "md5:1"},
    )
    version = store.client.get_model_version(registered.name, str(registered.version))
    run = store.client.get_run(registered.run)
    assert version.run_id == registered.run
    assert run.data.tags["forerun.model"] == f"{registered.name}/1"
    for tags in (version.tags, run.data.tags):
        assert (tags["forerun.runs"], tags["forerun.meta_dataset"]) == ("a,b", "md5:1")
        assert tags["forerun.validation_loss"] == "0.3"
        assert tags["forerun.digest"] == sizes.digest
    assert run.data.metrics["predicted_loss"] == 0.2
    assert run.data.metrics["test_accuracy"] == 0.7
    assert run.data.params["learner"] == "linear"
    assert run.outputs.model_outputs[0].model_id == version.tags["forerun.logged_model"]
    assert json.loads(version.tags["forerun.configuration"])["learner"] == "linear"
    assert len(mine(store, ["forerun/tune"])) == 0  # a registration is no trial


def test_a_champion_moves_with_its_project(
    store: Store, sizes: Task, root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    register(store, sizes, 0.3)
    close(store)
    home = tmp_path_factory.mktemp("moved") / "project"
    shutil.move(root, home)
    moved = open_store(None, home)
    assert load_champion(moved, "sizes").task == "sizes"
    close(moved)


def test_only_a_better_model_becomes_champion(store: Store, sizes: Task) -> None:
    aliases = [register(store, sizes, loss).alias for loss in (0.3, 0.35, 0.3, 0.25)]
    assert aliases == ["champion", "challenger", "challenger", "champion"]
    name = champion_name("sizes")
    assert store.client.get_model_version_by_alias(name, "champion").version == 4
    assert store.client.get_model_version_by_alias(name, "challenger").version == 3


def test_on_other_validation_data_the_present_champion_is_scored_anew(store: Store, sizes: Task) -> None:
    register(store, sizes, 0.0)  # a loss that nothing can beat, on these rows
    other = make_task(make_frame(5), "size", name="sizes")
    assert validation_digest(other) != validation_digest(sizes)
    present = load_champion(store, "sizes").loss(other.validation, other.metric, other.labels)
    assert present > 0
    assert register(store, other, present + 1e-6).alias == "challenger"
    assert register(store, other, present - 1e-6).alias == "champion"


def test_a_champion_that_cannot_serve_the_task_gives_way(store: Store, sizes: Task) -> None:
    register(store, sizes, 0.0)
    wider = make_task(make_frame(5).assign(height=np.arange(90.0)), "size", name="sizes")
    renamed = replace(wider, target="size")
    fewer = make_task(make_frame(5).query("size != 'big'"), "size", name="sizes")
    assert register(store, fewer, 0.9).alias == "champion"
    assert register(store, renamed, 0.9).alias == "champion"


def test_the_same_rows_have_the_same_digest_and_others_do_not(sizes: Task) -> None:
    again = make_task(make_frame(), "size", name="sizes")
    assert validation_digest(again) == validation_digest(sizes)
    assert validation_digest(make_task(make_frame(), "size", name="sizes", seed=1)) != validation_digest(sizes)


def test_regression_champions_answer_with_numbers(store: Store) -> None:
    frame = make_frame().drop(columns="size").assign(price=np.random.default_rng(0).normal(100, 9, 90))
    task = make_task(frame, "price", name="prices")
    register(store, task, 0.3)
    answer = load_champion(store, "prices").predict(frame.drop(columns="price"))
    assert list(answer.columns) == ["prediction"]
    assert 60 < answer["prediction"].mean() < 140


def test_rows_are_read_as_they_stand_in_a_csv(sizes: Task) -> None:
    _, champion = train(sizes)
    clean = pd.DataFrame({"width": [0.5, np.nan, 2.0], "colour": ["red", None, "blue"], "shiny": [True, False, True]})
    text = pd.DataFrame({"shiny": ["true", "FALSE", "1"], "colour": ["red", None, "blue"], "width": ["0.5", None, "2"]})
    pd.testing.assert_frame_equal(champion.predict(clean), champion.predict(text))
    one = clean.iloc[[1]]
    pd.testing.assert_frame_equal(champion.predict(one), champion.predict(clean).iloc[[1]])


def test_labels_come_back_in_their_own_type(store: Store) -> None:
    for labels in ([3, 7], [True, False], ["no", "yes"]):
        frame = make_frame().drop(columns="size").assign(y=np.resize(labels, 90))
        task = make_task(frame, "y", name="typed")
        _, champion = train(task)
        champion.save(Path(store.artifacts or "") / "typed")
        loaded = Champion.load(Path(store.artifacts or "") / "typed")
        assert set(loaded.predict(frame)["prediction"]) <= set(labels)
        assert {type(each) for each in loaded.labels} == {type(labels[0])}


def test_wrong_rows_are_named(sizes: Task) -> None:
    _, champion = train(sizes)
    with pytest.raises(DataError, match="missing width"):
        champion.predict(make_frame()[["colour", "shiny"]])
    with pytest.raises(DataError, match="'width' of the rows to predict must hold numbers; got 'wide'"):
        champion.predict(make_frame().assign(width="wide"))


def test_a_damaged_champion_is_named(store: Store, sizes: Task) -> None:
    register(store, sizes, 0.3)
    assert store.artifacts
    next(store.artifacts.rglob("champion.json")).write_text("{}")
    with pytest.raises(FormatError, match="not a saved champion"):
        load_champion(store, "sizes")
    # and it gives way to one that works, on other rows
    assert register(store, make_task(make_frame(3), "size", name="sizes"), 0.9).alias == "champion"


def test_a_champion_that_is_not_there_is_named_with_those_that_are(store: Store, sizes: Task) -> None:
    with pytest.raises(StoreError, match="none yet"):
        load_champion(store, "sizes")
    register(store, sizes, 0.3)
    with pytest.raises(StoreError, match="must be one of forerun-champion-sizes; got forerun-champion-other@champion"):
        load_champion(store, "other")


def test_the_requirements_name_forerun_and_exact_versions() -> None:
    listed = requirements()
    assert listed[0].startswith("forerun==")
    assert all("==" in each and "+" not in each for each in listed)


def test_registration_takes_a_second_or_two_not_ten(store: Store, sizes: Task) -> None:
    register(store, sizes, 0.3)
    started = time.process_time()
    register(store, sizes, 0.3)
    assert time.process_time() - started < 5  # MLflow's search for requirements takes 7 to 15


@pytest.mark.slow
def test_mlflow_models_predict_answers_from_a_shell(store: Store, sizes: Task, tmp_path: Path) -> None:
    registered = register(store, sizes, 0.3)
    make_frame(2).drop(columns="size").to_csv(tmp_path / "in.csv", index=False)
    command = [
        *(sys.executable, "-m", "mlflow", "models", "predict", "-m", f"models:/{registered.name}@champion"),
        *("-i", str(tmp_path / "in.csv"), "-o", str(tmp_path / "out.json"), "-t", "csv", "--env-manager", "local"),
    ]
    environment = {**os.environ, "MLFLOW_TRACKING_URI": store.uri}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=800, check=False)
    assert done.returncode == 0, done.stderr
    answers = pd.DataFrame(json.loads((tmp_path / "out.json").read_text())["predictions"])
    ours = load_champion(store, "sizes").predict(pd.read_csv(tmp_path / "in.csv"))
    assert answers["prediction"].tolist() == ours["prediction"].tolist()
    np.testing.assert_allclose(answers["p(big)"], ours["p(big)"])
