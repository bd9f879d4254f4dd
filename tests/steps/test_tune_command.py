"""`forerun tune`: programs that are not ours, run as they are."""

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from forerun.cli import main
from forerun.errors import SettingsError
from forerun.metalearners import Linear
from forerun.space import Categorical, Condition, Integer, Real, SearchSpace
from forerun.steps import calls
from forerun.steps.study import Study
from forerun.trials import History
from forerun.tuning.external import Template, knowledge
from forerun.tuning.external.output import printed
from tests.steps.test_study import past

PYTHON = (sys.executable, "-S", "-E")
"""Starts in no time, and imports nothing."""
SPACE = """
name: train
domains:
  lr: {type: real, low: 1e-4, high: 1, log: true}
  depth: {type: integer, low: 1, high: 12}
"""
TRAIN = """
import sys
lr, depth = float(sys.argv[2]), int(sys.argv[4])
print("training ...")
print(f"val_loss={lr + (depth - 6) ** 2}")
"""
ARGUMENTS = ("--lr", "{lr}", "--depth", "{depth}")


@pytest.fixture
def here(folder: Path) -> Path:
    (folder / "space.yaml").write_text(SPACE)
    (folder / "train.py").write_text(TRAIN)
    return folder


def tune(*options: str, program: str = "train.py", arguments: tuple[str, ...] = ARGUMENTS, budget: int = 3) -> int:
    given = ("--space", "space.yaml", "--metric", "val_loss", *options)
    return main(["tune", "--budget", str(budget), *given, "--", *PYTHON, program, *arguments])


def write(folder: Path, name: str, code: str) -> str:
    (folder / name).write_text(textwrap.dedent(code))
    return name


# -- what it does -----------------------------------------------------------------------------------


def test_every_call_is_a_run_and_the_best_can_be_run_again(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tune("--parallel", "2") == 0
    study = Study("train.py", command=(*PYTHON, "train.py", *ARGUMENTS))
    entries = study.entries()
    assert [e.status for e in entries] == ["finished"] * 3
    for entry in entries:
        lr, depth = entry.configuration["lr"], entry.configuration["depth"]
        assert entry.value == lr + (depth - 6) ** 2  # type: ignore[operator]
        assert study.store.client.get_run(entry.run_id).data.params == {"lr": repr(lr), "depth": str(depth)}
    said = capsys.readouterr().out
    assert "Study 'train.py': minimises val_loss (by its name), 3 trials." in said
    command = said.rstrip().splitlines()[-1].split()
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert study.best is not None
    assert f"val_loss={study.best.value}" in again.stdout


@pytest.mark.slow
def test_started_again_it_goes_on(here: Path) -> None:
    assert tune(budget=2) == 0
    assert tune(budget=3) == 0
    assert tune(budget=3) == 0
    command = (*PYTHON, "train.py", *ARGUMENTS)
    assert len(Study("train.py", command=command).entries()) == 3
    assert tune("--seed", "1", arguments=(*ARGUMENTS, "--fast")) == 2  # another command is another study


def test_a_program_is_told_its_run_and_not_what_forerun_sets_for_itself(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("MINE", "kept")
    name = write(
        here,
        "env.py",
        """
        import json, os
        open(os.environ["MLFLOW_RUN_ID"], "w").write(json.dumps(dict(os.environ)))
        print('{"val_loss": 1}')
        """,
    )
    assert tune(program=name, budget=1) == 0
    (entry,) = Study("env.py", command=(*PYTHON, name, *ARGUMENTS)).entries()
    seen = json.loads((here / entry.run_id).read_text())
    assert seen["MINE"] == "kept"
    assert seen["MLFLOW_TRACKING_URI"] == f"sqlite:///{here}/mlruns/mlflow.db"
    assert "OMP_NUM_THREADS" not in seen


@pytest.mark.slow
def test_hostile_values_reach_the_program_as_they_are_and_execute_nothing(here: Path) -> None:
    values = ["; touch pwned", "$(touch pwned) `touch pwned`", "a b", "'\"*{lr}\n", "--help", "😀"]
    (here / "space.yaml").write_text(
        json.dumps({"name": "h", "domains": {"v": {"type": "categorical", "values": values}}}, ensure_ascii=False)
    )
    name = write(
        here,
        "echo.py",
        """
        import json, sys
        open("said", "a").write(json.dumps(sys.argv[1:]) + "\\n")
        print("val_loss=1")
        """,
    )
    assert tune("--parallel", "2", program=name, arguments=("{v}", "x={v}"), budget=len(values)) == 0
    said = [json.loads(line) for line in (here / "said").read_text().splitlines()]
    assert sorted(said) == sorted([value, f"x={value}"] for value in values)
    assert not (here / "pwned").exists()


def test_a_space_may_come_from_the_history(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knowledge, "Mixture", Linear)
    past().save(here / "history")
    program = ["--history", "history", "--", *PYTHON, "train.py", "--lr", "{lr}", "--depth"]
    assert main(["tune", "--budget", "2", *program, "6"]) == 0  # depth is not tried, and the history names the metric
    study = Study("train.py", command=(*PYTHON, "train.py", "--lr", "{lr}", "--depth", "6"))
    assert study.space == SearchSpace("history", {"lr": Real(1e-4, 1, log=True)})
    assert (study.log.subject.metric, study.log.subject.maximize) == ("val_loss", False)
    assert len(study.entries()) == 2


@pytest.mark.parametrize(("said", "known"), [(["maximize"] * 3, True), (["minimize", "maximize", ""], None)])
def test_a_name_that_tells_nothing_is_good_in_the_way_that_the_history_was_judged(
    said: list[str],
    known: bool | None,
    here: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(knowledge, "Mixture", Linear)
    history = past()
    History(history.trials, history.tasks.assign(metric="quality", direction=said), history.spaces).save(here / "h")
    main(["tune", "--budget", "1", "--history", "h", "--metric", "quality", "--", *PYTHON, "gone.py", *ARGUMENTS])
    told = capsys.readouterr()
    if known is None:
        assert "does not tell what is good" in told.err
    else:
        assert "maximises quality (as the history was judged)" in told.out


@pytest.mark.slow
def test_what_the_program_logs_with_mlflow_is_in_its_run(here: Path) -> None:
    write(
        here,
        "logs.py",
        """
        import sys, mlflow
        lr, depth = float(sys.argv[2]), int(sys.argv[4])
        with mlflow.start_run(run_name="theirs"):
            mlflow.log_params({"lr": f"{lr:.2f}", "optimizer": "adam"})
            for epoch in range(3):
                mlflow.log_metric("val_loss", lr + depth + 1 / (epoch + 1), step=epoch)
        print("val_loss=-1")
        """,
    )
    program = (sys.executable, "logs.py", *ARGUMENTS)
    given = ("--space", "space.yaml", "--metric", "val_loss", "--parallel", "2")
    assert main(["tune", "--budget", "2", *given, "--", *program]) == 0
    study = Study("logs.py", command=program)
    for entry in study.entries():
        assert not entry.reason
        lr, depth = float(entry.configuration["lr"]), int(entry.configuration["depth"])  # type: ignore[arg-type]
        assert entry.value == pytest.approx(lr + depth + 1 / 3)
        run = study.store.client.get_run(entry.run_id)
        assert run.data.params == {"lr": f"{lr:.2f}", "optimizer": "adam", "depth": str(depth)}
        assert run.info.run_name == "theirs"
        assert len(study.store.client.get_metric_history(entry.run_id, "val_loss")) == 3


# -- what goes wrong --------------------------------------------------------------------------------


def test_a_call_that_fails_is_a_failed_trial_with_its_reason_and_output(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = write(
        here,
        "fails.py",
        """
        import os, sys
        if os.path.exists("once"):
            print("val_loss=1")
        else:
            open("once", "w").close()
            print("before")
            raise MemoryError("no room for it")
        """,
    )
    assert tune(program=name, budget=2) == 0
    study = Study(name, command=(*PYTHON, name, *ARGUMENTS))
    failed = study.entries()[0]
    assert (failed.status, failed.reason) == ("failed", "ended with exit code 1: MemoryError: no room for it")
    run = study.store.client.get_run(failed.run_id)
    assert run.data.tags["forerun.error"].startswith("before\nTraceback")
    assert [f.path for f in study.store.client.list_artifacts(failed.run_id)] == [f"{failed.run_id}.txt"]
    assert "1 of 2 trials failed" in capsys.readouterr().out


def test_where_every_call_fails_it_stops_early_and_says_why(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tune(program=write(here, "bad.py", "raise SystemExit('cannot')"), budget=20) == 2
    assert "none did: ended with exit code 1: cannot" in capsys.readouterr().err
    assert len(Study("bad.py", command=(*PYTHON, "bad.py", *ARGUMENTS)).entries()) == 3


def test_a_program_that_says_no_result_costs_one_call_and_can_be_mended(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tune("--metric", "loss") == 2
    error = capsys.readouterr().err
    assert "a call of the command must say 'loss': log it with MLflow" in error
    assert tune() == 0
    statuses = [e.status for e in Study("train.py", command=(*PYTHON, "train.py", *ARGUMENTS)).entries()]
    assert statuses == ["abandoned", "finished", "finished", "finished"]


@pytest.mark.slow
def test_a_result_that_is_not_finite_is_a_failure(here: Path) -> None:
    code = "import sys; print('val_loss=' + ('nan' if float(sys.argv[2]) > 0.01 else '1'))"
    name = write(here, "nan.py", code)
    tune(program=name, budget=4)
    entries = Study(name, command=(*PYTHON, name, *ARGUMENTS)).entries()
    assert {e.reason for e in entries if e.configuration["lr"] > 0.01} == {"val_loss is nan"}  # type: ignore[operator]


@pytest.mark.slow
def test_a_call_whose_time_is_up_ends_with_all_that_it_started(here: Path) -> None:
    name = write(
        here,
        "hangs.py",
        f"""
        import os, subprocess, sys, time
        if os.path.exists("pid"):
            print("val_loss=1")
        else:
            child = subprocess.Popen([{sys.executable!r}, "-S", "-c", "import time; time.sleep(60)"])
            open("pid", "w").write(str(child.pid))
            time.sleep(60)
        """,
    )
    assert tune("--timeout", "0.5", program=name, budget=2) == 0
    first = Study(name, command=(*PYTHON, name, *ARGUMENTS)).entries()[0]
    assert (first.status, first.reason) == ("failed", "timed out after 0.5 s")
    assert not _runs(int((here / "pid").read_text()))


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_interrupted_it_keeps_what_is_finished_and_leaves_nothing_running(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = write(
        here,
        "slow.py",
        """
        import os, time
        if os.path.exists("one") and not os.path.exists("again"):
            open("pid", "w").write(str(os.getpid()))
            time.sleep(60)
        open("one", "w").close()
        print("val_loss=1")
        """,
    )
    wait = time.sleep

    def interrupt(seconds: float) -> None:
        wait(seconds)
        if (here / "pid").exists() and (here / "pid").read_text():
            monkeypatch.undo()
            raise KeyboardInterrupt

    monkeypatch.setattr(calls.time, "sleep", interrupt)
    assert tune(program=name) == 130
    os.chdir(here)  # undone above
    study = Study(name, store=f"sqlite:///{here}/mlruns/mlflow.db", command=(*PYTHON, name, *ARGUMENTS))
    assert [e.status for e in study.entries()] == ["finished", "abandoned"]
    assert not _runs(int((here / "pid").read_text()))


@pytest.mark.slow
@pytest.mark.parametrize("how", [pytest.param(signal.SIGTERM, marks=pytest.mark.long), signal.SIGKILL])
def test_ended_by_a_signal_it_goes_on_and_tries_nothing_twice(here: Path, how: signal.Signals) -> None:
    name = write(here, "naps.py", "import time; time.sleep(0.3); print('val_loss=1')")
    options = ["tune", "--budget", "8", "--space", "space.yaml", "--metric", "val_loss", "--parallel", "2"]
    command = (*PYTHON, name, *ARGUMENTS)
    study = Study(name, SearchSpace.from_yaml(here / "space.yaml"), metric="val_loss", command=command)
    with subprocess.Popen(
        [sys.executable, "-m", "forerun.cli", *options, "--", *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as running:
        try:
            until = time.monotonic() + 600
            while len(study.entries()) < 3 and time.monotonic() < until:
                time.sleep(0.05)
            running.send_signal(how)
            running.communicate(timeout=300)
        finally:
            running.kill()
    assert running.returncode == (130 if how != signal.SIGKILL else -9)
    assert main([*options, "--", *command]) == 0
    counted = [e for e in study.entries() if e.status in ("finished", "failed")]
    assert len({str(e.configuration) for e in counted}) == len(counted) == 8


# -- what is said before anything is spent ----------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "arguments", "message"),
    [
        ([], ("--lr", "{lr}"), "every domain of 'train' must stand in the command.*{depth} does not"),
        ([], (*ARGUMENTS, "{deep}"), r"must be domains of 'train' \(lr, depth\); got {deep}"),
        ([], (), "must hold a placeholder"),
        (["--metric", "quality"], ARGUMENTS, "does not tell what is good. Add --minimize or --maximize"),
        (["--parallel", "0"], ARGUMENTS, "--parallel must be at least 1; got 0"),
        (["--timeout", "-1"], ARGUMENTS, "--timeout must be above 0 s; got -1"),
        (["--target", "y"], ARGUMENTS, "--target names a column of --data"),
        (["--history", "nowhere"], ARGUMENTS, "nowhere/trials.parquet is missing"),
    ],
)
def test_what_cannot_work_is_refused_first(
    here: Path, options: list[str], arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tune(*options, arguments=arguments) == 2
    error = capsys.readouterr().err
    assert re.search(message, error)


def test_a_program_that_is_not_there_is_refused_first(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tune", "--budget", "1", "--space", "space.yaml", "--metric", "loss", "--", "nopython", "{lr}"]) == 2
    assert "'nopython' cannot be found" in capsys.readouterr().err


def test_without_a_space_or_a_metric_it_says_where_they_may_come_from(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tune", "--budget", "1", "--", "echo", "{lr}"]) == 2
    assert "--space FILE, or a history that has one, --history FOLDER" in capsys.readouterr().err
    assert main(["tune", "--budget", "1", "--space", "space.yaml", "--", *PYTHON, "train.py", *ARGUMENTS]) == 2
    assert "Add --metric NAME" in capsys.readouterr().err


# -- parts ------------------------------------------------------------------------------------------


def test_what_a_condition_switched_off_is_left_out_with_its_option() -> None:
    space = SearchSpace(
        "train",
        {"opt": Categorical(("sgd", "adam")), "momentum": Real(0, 1), "nesterov": Integer(0, 1)},
        {"momentum": Condition.of({"opt": "sgd"}), "nesterov": Condition.of({"opt": "sgd"})},
    )
    template = Template(("run", "--opt", "{opt}", "--momentum", "{momentum}", "--nesterov={nesterov}", "end"))
    template.check(space)
    assert template.filled({"opt": "adam"}) == ["run", "--opt", "adam", "end"]
    on = {"opt": "sgd", "momentum": 0.9, "nesterov": 1}
    assert template.filled(on) == ["run", "--opt", "sgd", "--momentum", "0.9", "--nesterov=1", "end"]


def test_only_a_name_in_single_braces_is_a_placeholder() -> None:
    template = Template(("run", '{"lr": {lr}, "b": [1]}', "{{lr}}", "{}", "{ lr }", "${HOME}"))
    assert template.names == ["lr", "HOME"]
    assert template.filled({"lr": 0.1, "HOME": "x"})[1:] == ['{"lr": 0.1, "b": [1]}', "{lr}", "{}", "{ lr }", "$x"]


def test_sets_go_as_a_list_and_no_argument_holds_nul() -> None:
    assert Template(("{features}",)).filled({"features": ("a", "b")}) == ['["a", "b"]']
    for value in ("a\0b", "\ud83d"):
        with pytest.raises(SettingsError, match="values of 'v' must be text that an argument can hold"):
            Template(("run", "{v}")).check(SearchSpace("nul", {"v": Categorical((value, "c"))}))


@pytest.mark.parametrize(
    ("output", "value"),
    [
        ("val_loss=0.5\nval_loss = 0.25\nbye", 0.25),
        ("epoch 1 val_loss=9\nval_loss: 1e-3", 1e-3),
        ('{"val_loss": 0.5, "other": 1}\n{"other": 2}', 0.5),
        ("val_loss=good\nval_loss2=1\nmy_val_loss=2", None),
        ('{"val_loss": true}\n{not json\n[1]', None),
        ("", None),
    ],
)
def test_a_printed_result_is_the_last_line_that_says_it(output: str, value: float | None) -> None:
    assert printed(output, "val_loss") == value
