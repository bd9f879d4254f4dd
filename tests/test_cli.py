"""The commands do what they say, and asking for help loads nothing heavy."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forerun.cli import main
from forerun.learners.joint import default_space
from forerun.tasks.builtin import RECIPES
from forerun.tracking.models import load_champion
from forerun.tracking.store import open_store

COMMANDS = ("run", "recommend", "space", "report", "ui", "data", "step")
HEAVY = {"numpy", "pandas", "scipy", "torch", "mlflow", "sklearn", "prefect", "dvc", "matplotlib", "pyarrow", "yaml"}


@pytest.fixture
def churn(project: Path) -> Path:
    """A data set with a category, missing values and a column that tells nothing."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"age": rng.normal(40, 12, 120), "plan": rng.choice(["basic", "gold", None], 120), "of": "us"})
    frame["churn"] = np.where(frame["age"] + rng.normal(0, 4, 120) > 40, "stays", "goes")
    frame.loc[::7, "age"] = np.nan
    path = project / "churn.csv"
    frame.to_csv(path, index=False)
    return path


def done(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Run a command that must succeed; returns what it prints, with plain spaces."""
    assert main(list(map(str, arguments))) == 0
    return capsys.readouterr().out.replace("\xa0", " ")


def test_asking_for_help_imports_nothing_heavy() -> None:
    program = (
        "import sys; from forerun.cli import main\n"
        "try: main(['--help'])\n"
        "finally: print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "first steps:" in ended.stdout
    assert "forerun" in ended.stderr.split()
    assert not HEAVY & set(ended.stderr.split())


def test_help_names_every_command_and_what_is_meant_for_beginners(capsys: pytest.CaptureFixture[str]) -> None:
    said = done(capsys)
    for command in COMMANDS:
        assert f"\n    {command} " in said
    assert "forerun recommend churn.csv --target churn --budget 8" in said


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert said.startswith(f"usage: forerun {command}")
    assert "--project DIR" in said


def test_an_interrupt_says_that_nothing_is_lost(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("forerun.steps.describe.describe_tasks", interrupt)
    assert main(["data"]) == 130
    assert "what was finished is kept" in capsys.readouterr().err


def test_space_shows_the_built_in_space_and_its_exact_size(capsys: pytest.CaptureFixture[str]) -> None:
    said = done(capsys, "space", "--kind", "regression", "--resolution", 5)
    space = default_space("regression")
    for name in space.domains:
        assert f"\n  {name} " in said
    assert f"{space.grid(5).size:,} configurations with 5 levels a number" in said


def test_space_shows_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "name: mine\n"
        "domains:\n"
        "  kernel: {type: categorical, values: [linear, rbf]}\n"
        "  gamma: {type: real, low: 1e-4, high: 10, log: true, when: {kernel: rbf}}\n"
    )
    said = done(capsys, "space", path)
    assert said.startswith("mine: 2 domains\n")
    assert "log   when kernel rbf" in said
    assert "13 configurations with 12 levels a number" in said


def test_data_lists_the_built_in_tasks(capsys: pytest.CaptureFixture[str]) -> None:
    assert [line.split()[0] for line in done(capsys, "data").splitlines()] == list(RECIPES)


@pytest.mark.slow
def test_a_recommendation_says_what_to_train_what_to_expect_and_why(
    churn: Path, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = project / "pages" / "churn.html"
    said = done(capsys, "recommend", churn, "--target", "churn", "--project", project, "--report", page)
    assert "Recommended for churn:\n" in said
    assert "predicted validation loss" in said
    assert "±" in said
    assert "Nothing was trained: this is a zero-shot recommendation." in said
    assert said.count("\n  or ") == 2
    assert "What matters most here:" in said
    assert "Most alike in the history:" in said
    assert "The first is the best of" in said
    assert "configurations by the meta-learner's prediction, proven, in" in said  # a linear one: always
    assert " s in all.\n" in said
    assert f"Report: {page}" in said
    assert "churn" in page.read_text()


@pytest.mark.slow
def test_fixed_values_and_the_number_of_recommendations_are_kept(
    churn: Path, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fixed = ["--fix", "learner=knn", "--fix", "sample_fraction=0.77"]  # which the history never tried
    said = done(capsys, "recommend", churn, "--target", "churn", "--project", project, "--top", 2, *fixed)
    found = [line.strip() for line in said.splitlines() if line.strip().startswith(("knn:", "or "))]
    assert len(found) == 2
    assert all("knn:" in line and "sample_fraction 0.77" in line for line in found)


@pytest.mark.slow
def test_a_front_shows_what_a_lower_loss_costs_in_time(
    churn: Path, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = project / "churn.html"
    call = ["recommend", churn, "--target", "churn", "--project", project, "--front", "--report", page, "--top", 1]
    said = done(capsys, *call).splitlines()
    start = next(i for i, line in enumerate(said) if line.startswith("Time against loss"))
    assert "choices between a low loss and a short training" in said[start]
    rows = said[start + 2 : said.index("", start)]
    assert 1 <= len(rows) <= 8
    losses = [float(row.split("±")[0].split()[-1]) for row in rows]
    assert losses == sorted(losses, reverse=True)
    assert "If time counts" in page.read_text()


@pytest.mark.slow
def test_what_is_forbidden_is_not_recommended(churn: Path, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    forbidden = ["--forbid", "learner=[mlp,svm,boosting]", "--forbid", "learner=forest,forest.n_estimators>=20"]
    said = done(capsys, "recommend", churn, "--target", "churn", "--project", project, *forbidden)
    assert "The first is the best allowed one of" in said
    lines = [line.strip().removeprefix("or ") for line in said.splitlines() if line.startswith("  ")]
    found = [line for line in lines if line.startswith(("mlp:", "svm:", "boosting:", "forest:", "knn:", "linear:"))]
    assert len(found) == 3
    assert all(line.startswith(("forest:", "knn:", "linear:")) for line in found)


@pytest.mark.slow
def test_a_built_in_task_needs_no_target(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "Recommended for iris:" in done(capsys, "recommend", "iris", "--project", project, "--top", 1)


@pytest.mark.slow
def test_a_budget_trains_and_registers_and_a_second_call_competes(
    churn: Path, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "params.yaml").write_text("tune: {random_seeds: 1}")
    call = ["recommend", churn, "--target", "churn", "--project", project, "--budget"]
    said = done(capsys, *call, 2)
    assert "Registered: forerun-champion-churn version 1, champion" in said
    store = open_store(None, project)
    answers = load_champion(store, "churn").predict(pd.read_csv(churn).drop(columns="churn"))
    assert set(answers["prediction"]) == {"stays", "goes"}
    # more trainings of the same campaign: the first two are not trained again
    again = done(capsys, *call, 3)
    assert "Registered: forerun-champion-churn version 2, " in again
    assert again.count("version 2, champion") + again.count("version 2, challenger") == 1
    place = store.experiment("forerun/tune")
    tunings = store.client.search_runs([place], "tags.`forerun.trial` != ''")
    assert len(tunings) == 3


def test_the_ui_is_reachable_from_this_machine_only(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[list[str]] = []
    monkeypatch.setattr(subprocess, "call", lambda command, **_: called.append(command) or 0)
    assert "http://127.0.0.1:5123" in done(capsys, "ui", "--port", 5123, "--project", project)
    (command,) = called
    assert command[command.index("--host") + 1] == "127.0.0.1"
    assert command[command.index("--port") + 1] == "5123"
    assert command[command.index("--backend-store-uri") + 1] == f"sqlite:///{project}/mlruns/mlflow.db"


def test_run_hands_over_to_the_flows_of_the_project(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    called: list[tuple[list[str], Path]] = []
    monkeypatch.setattr("os.execv", lambda _, command: called.append((command[1:], Path.cwd())))
    monkeypatch.chdir(tmp_path)
    (project / "flows").mkdir()
    (project / "flows" / "__main__.py").touch()
    assert main(["run", "--project", str(project)]) == 0
    assert called == [(["-m", "flows"], project)]


def test_a_project_is_found_from_the_folders_in_it(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "deep" / "inside").mkdir(parents=True)
    monkeypatch.chdir(project / "deep" / "inside")
    done(capsys, "step", "fingerprint")
    assert (project / "data" / "fingerprint.json").is_file()


def test_a_reader_that_leaves_early_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    program = "import sys; from forerun.cli import main; sys.exit(main(['data']))"
    ended = subprocess.run(
        [sys.executable, "-c", program], stdout=write, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(write)
    assert ended.stderr == ""
    assert ended.returncode == 141
