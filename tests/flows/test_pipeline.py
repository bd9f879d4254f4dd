"""The pipeline for real, once: killed, finished, run again, reproduced by DVC, its sources edited."""

import random
import signal
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil
import pytest

from tests.flows.projects import CUTS, TASKS, environment, make_project, query, run, trials

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]  # a minute on two idle cores
PLANNED = len(TASKS) * (CUTS["collect"]["shared"] + CUTS["collect"]["random"])


def ended_when(
    root: Path, home: Path, ready: Callable[[], bool], delay: float, *command: str, by: int = signal.SIGKILL
) -> int:
    """Start a command, and end its process alone, as the kernel does, a while after `ready`; returns its exit code."""
    with (root / "killed.log").open("a") as log:
        process = subprocess.Popen(command, cwd=root, env=environment(root, home), stdout=log, stderr=log)
        try:
            end = time.monotonic() + 900
            while not ready():
                assert process.poll() is None, (root / "killed.log").read_text()[-3000:]
                assert time.monotonic() < end, "the pipeline made no progress"
                time.sleep(0.02)
            time.sleep(delay)
            children = psutil.Process(process.pid).children(recursive=True)
            assert process.poll() is None, "it was over before it could be killed"
            process.send_signal(by)
            code = process.wait(120)
        finally:
            process.kill()
            process.wait()
    _, alive = psutil.wait_procs(children, timeout=120)
    assert not alive, "orphans"
    return code


def reached(root: Path, experiment: str, goal: int) -> bool:
    return len(trials(root, experiment)) >= goal


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prefect")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, home: Path) -> tuple[Path, str]:
    """A project whose collecting was killed, and whose pipeline was then run to its end."""
    root = make_project(tmp_path_factory.mktemp("flows") / "project")
    ready = partial(reached, root, "forerun/collect", 2)
    ended_when(root, home, ready, random.Random(0).random() / 5, "forerun", "step", "collect")  # noqa: S311 - a moment
    assert len(trials(root, "forerun/collect")) < PLANNED
    done = run(root, "forerun", "run", home=home)
    assert done.returncode == 0, done.stderr
    return root, done.stdout + done.stderr


def check_every_training_is_there_once(root: Path, tuned: int) -> None:
    for experiment, planned in (("forerun/collect", PLANNED), ("forerun/tune", tuned)):
        keys = trials(root, experiment)
        assert len(keys) == planned
        assert len(set(keys)) == planned
    assert query(root, "SELECT count(*) FROM runs WHERE status = 'RUNNING' AND lifecycle_stage = 'active'") == [(0,)]
    assert query(root, "PRAGMA quick_check") == [("ok",)]


def test_after_being_killed_every_training_is_there_once(finished: tuple[Path, str]) -> None:
    check_every_training_is_there_once(finished[0], CUTS["tune"]["trials"])


def test_it_ends_with_the_table_and_without_noise(finished: tuple[Path, str]) -> None:
    root, said = finished
    assert "Recommended for fair_affair" in said
    assert str(root / "data" / "reports" / "report.html") in said
    for noise in ("Traceback", "never awaited", "INFO", "Warning"):
        assert noise not in said


def test_a_second_run_does_nothing_and_starts_no_server(finished: tuple[Path, str], home: Path) -> None:
    root, _ = finished
    before = (root / "dvc.lock").read_bytes()
    # an address where nothing listens: whoever asked Prefect for anything would fail
    again = run(root, "forerun", "run", home=home, PREFECT_API_URL="http://127.0.0.1:1/api")
    assert again.returncode == 0, again.stderr
    assert "Nothing to do: all 8 stages are up to date" in again.stdout
    assert (root / "dvc.lock").read_bytes() == before


def test_dvc_then_has_nothing_to_do_either(finished: tuple[Path, str], home: Path) -> None:
    root, _ = finished
    reproduced = run(root, "dvc", "repro", home=home)
    assert reproduced.returncode == 0, reproduced.stderr
    assert reproduced.stdout.count("didn't change, skipping") == 7
    assert "Running stage 'fingerprint'" in reproduced.stdout
    assert "up to date" in reproduced.stdout


@pytest.mark.long
def test_an_edited_learner_makes_only_what_depends_on_it_run_and_trains_nothing_again(
    finished: tuple[Path, str], home: Path
) -> None:
    root, _ = finished
    with (root / "src" / "forerun" / "learners" / "mlp.py").open("a") as source:
        source.write("# a remark\n")
    stale = run(root, "dvc", "status", home=home).stdout
    assert [line[:-1] for line in stale.splitlines() if not line.startswith("\t")] == ["collect", "fingerprint", "tune"]
    newest = "SELECT max(start_time) FROM runs JOIN experiments USING (experiment_id) WHERE name = 'forerun/collect'"
    before = query(root, newest)
    ran = run(root, "forerun", "run", home=home)
    assert ran.returncode == 0, ran.stderr
    assert query(root, newest) == before
    for name in ("mine", "featurize", "train"):
        assert f"forerun: {name} -" not in ran.stderr
    for name in ("collect", "tune"):
        assert f"forerun: {name} -" in ran.stderr


@pytest.mark.long
def test_after_being_interrupted_while_it_tunes_every_training_is_there_once(
    finished: tuple[Path, str], home: Path
) -> None:
    root, _ = finished
    settings, more = root / "params.yaml", CUTS["tune"]["trials"] + 3
    text = settings.read_text()
    settings.write_text(text.replace(f"  trials: {more - 3}\n", f"  trials: {more}\n"))
    before = len(trials(root, "forerun/tune"))
    ready = partial(reached, root, "forerun/tune", before + 1)
    moment = random.Random(1).random() / 5  # noqa: S311 - a moment, no secret
    assert ended_when(root, home, ready, moment, "forerun", "run", by=signal.SIGTERM) == 130
    assert "forerun: interrupted; what was finished is kept" in (root / "killed.log").read_text()
    done = run(root, "forerun", "run", home=home)
    settings.write_text(text)
    assert done.returncode == 0, done.stderr
    check_every_training_is_there_once(root, more)


def test_what_the_user_can_mend_is_told_in_one_line(finished: tuple[Path, str], home: Path) -> None:
    root, _ = finished
    settings = root / "params.yaml"
    text = settings.read_text()
    settings.write_text(text.replace("- iris\n", "- irises\n"))
    wrong = run(root, "forerun", "run", home=home)
    settings.write_text(text)
    assert wrong.returncode == 2
    assert wrong.stderr.count("forerun: error: collect.tasks must be") == 1
    assert "got 'irises'" in wrong.stderr
    assert "Traceback" not in wrong.stderr
