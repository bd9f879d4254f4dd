"""`forerun mine`: a store that others wrote becomes a history folder, again and again, and is never written to."""

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

from forerun.cli import main
from forerun.mining import Rules
from forerun.steps import Project, run_step
from forerun.steps.mine_from import mine_from
from forerun.tracking.store import Store, open_store
from forerun.trials import History
from tests.mining.making import Run, sweep

pytestmark = pytest.mark.slow  # models are trained


def log(client: MlflowClient, made: list[Run]) -> None:
    """Write runs as a program would."""
    for number, run in enumerate(made):
        found = client.get_experiment_by_name(run.experiment)
        place = found.experiment_id if found else client.create_experiment(run.experiment)
        logged = client.create_run(place).info.run_id
        curve = [
            Metric("val_acc", run.metrics["val_acc"] * share, number, step) for step, share in enumerate((0.5, 2, 1))
        ]
        params = [Param(name, str(value)) for name, value in run.params.items()]
        client.log_batch(logged, curve, params, [RunTag(k, v) for k, v in run.tags.items()])
        client.set_terminated(logged, run.status)


@pytest.fixture
def team(trained: Path, tmp_path: Path) -> Iterator[Store]:
    """The store of a team with two experiments of six runs each."""
    (tmp_path / "mlruns").mkdir()
    shutil.copy(trained / "mlruns" / "mlflow.db", tmp_path / "mlruns" / "mlflow.db")
    store = open_store(None, tmp_path)
    log(store.client, [*sweep("a", 6), *sweep("b", 6)])
    yield store
    store.client._tracking_client.store.engine.dispose()


def files(folder: Path) -> dict[str, str]:
    names = ("trials.parquet", "tasks.parquet", "spaces.json", "DATASHEET.md")
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}


def test_the_command_tells_what_it_found_and_writes_it(
    team: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "history"
    arguments = ["mine", "--from", team.uri, "--to", str(folder), "--without", "act", "--experiment", "a"]
    assert main([*arguments, "--value", "best", "--metric", "val_acc"]) == 0
    said = capsys.readouterr().out
    for told in ("6 runs of", "val_acc, higher is better as stated", "1 task,", "lr", "real", "act", "as stated"):
        assert told in said
    history = History.load(folder)
    assert {name for space in history.spaces.values() for name in space.domains} == {"lr", "depth"}
    assert history.trials["curve_epoch"].iloc[0].tolist() == [0, 1, 2]
    assert (history.trials["loss"] < 1 - history.trials["metric_val_acc"]).all()
    assert (folder / "DATASHEET.md").read_text().startswith("# Datasheet of a mined history")


def test_mined_again_with_new_runs_the_result_is_that_of_a_full_reading(team: Store, tmp_path: Path) -> None:
    folder, fresh = tmp_path / "history", tmp_path / "fresh"
    first = mine_from(team.uri, Rules(), folder)
    before = files(folder)
    mine_from(team.uri, Rules(), folder)
    assert files(folder) == before
    log(team.client, sweep("c", 4))
    team.client.delete_run(first.history.trials["run"].iloc[0])
    again = mine_from(team.uri, Rules(), folder)
    mine_from(team.uri, Rules(), fresh)
    assert files(folder) == files(fresh) != before
    assert again.findings.used == 15


def test_the_store_is_read_and_not_written(team: Store, tmp_path: Path) -> None:
    assert team.database
    team.database.chmod(0o444)
    before = team.database.read_bytes()
    mine_from(team.uri, Rules(), tmp_path / "history")
    assert team.database.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--rename", "lr"], "a rename must be OLD=NEW"),
        (["--task-by", "moon"], "what makes a task must be one of"),
        (["--value", "median"], "must be one of last, best, step:N, mean:K"),
        (["--minimize"], "needs the metric"),
        (["--with", "lr", "--without", "lr"], "either kept or left out"),
    ],
)
def test_rules_that_mean_nothing_are_refused_before_anything_is_read(
    capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert main(["mine", "--from", "http://127.0.0.1:9", *arguments]) == 2
    said = capsys.readouterr().err
    assert said.startswith("forerun: error: ")
    assert told in said


def test_what_is_not_in_the_store_is_refused_in_a_line(
    team: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments, told in ((["--experiment", "nowhere"], "nowhere"), (["--metric", "val_auc"], "val_acc")):
        assert main(["mine", "--from", team.uri, "--to", str(tmp_path / "h"), *arguments]) == 2
        assert told in capsys.readouterr().err


def test_the_pipeline_joins_what_was_mined(project: Path, team: Store, tmp_path: Path) -> None:
    folder = tmp_path / "ours"
    mine_from(team.uri, Rules(), folder)
    text = (project / "params.yaml").read_text()
    shipped = Project(project).trials
    kept = shipped.rename(project / "data" / "shipped")
    settings = text.replace("history: data/history", f"history: [{kept}, {folder}]")
    assert settings != text
    (project / "params.yaml").write_text(settings)
    run_step("mine", Project(project))
    joined = History.load(shipped)
    assert len(joined) == len(History.load(kept)) + 12
    assert {"a", "b"} <= set(joined.tasks.index)
    run_step("featurize", Project(project))
