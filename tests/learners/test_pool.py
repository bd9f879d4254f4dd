import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import psutil
import pytest

from forerun.errors import SettingsError
from forerun.learners.hardware import usable_cores
from forerun.learners.joint import default_configuration, default_space, shared_configurations
from forerun.learners.pool import Job, TrainingPool
from forerun.learners.trial import run_trial, stacks
from forerun.tasks import Task
from forerun.trials import Status
from tests.learners import work
from tests.learners.conftest import easy_task

pytestmark = pytest.mark.slow  # it starts worker processes

SPACE = default_space("binary")
KNN = default_configuration("knn", "binary")
EASY = partial(easy_task, "binary")


def job(task, *configurations, name: str = "easy-binary") -> Job:
    return Job(task, name, configurations or (KNN,), (0,) * max(len(configurations), 1), SPACE, fidelity=0.2)


def test_every_training_comes_back_as_the_trial_that_it_is_in_this_process(tasks: dict[str, Task]) -> None:
    configurations = shared_configurations("binary", 14, seed=3)
    jobs = [job(EASY, *(configurations[i] for i in group)) for group in stacks(configurations)]
    with TrainingPool(workers=2, timeout_s=60) as pool:
        trials = {t.key: t for t in pool.run(jobs)}
    assert len(trials) == 14
    for configuration in configurations:
        alone = run_trial(tasks["binary"], configuration, space=SPACE, fidelity=0.2)
        assert trials[alone.key].loss == pytest.approx(alone.loss, abs=1e-5)
        assert trials[alone.key].hardware["torch_threads"] == 1.0


def test_a_training_that_takes_too_long_is_killed_and_the_others_go_on() -> None:
    started = time.monotonic()
    with TrainingPool(workers=2, timeout_s=3) as pool:
        trials = list(pool.run([job(work.sleeping, name="slow"), *[job(EASY)] * 3]))
    assert time.monotonic() - started < 40
    assert [t.reason for t in trials if t.status == Status.FAILED] == ["timed out after 3 s"]
    assert [t.task for t in trials if t.status == Status.FAILED] == ["slow"]
    assert sum(t.status == Status.FINISHED for t in trials) == 3


def test_a_worker_that_dies_is_a_failed_trial_and_the_others_go_on() -> None:
    with TrainingPool(workers=1, timeout_s=60) as pool:
        trials = list(pool.run([job(work.dying, name="deadly"), job(EASY)]))
    (failed,) = [t for t in trials if t.status == Status.FAILED]
    assert failed.task == "deadly"
    assert "died with exit code" in failed.reason
    assert sum(t.status == Status.FINISHED for t in trials) == 1


def test_a_stack_whose_worker_died_is_tried_again_one_by_one(tmp_path: Path) -> None:
    mlp = default_configuration("mlp", "binary")
    pair = [mlp, {**mlp, "mlp.learning_rate": 0.01}]
    with TrainingPool(workers=1, timeout_s=60) as pool:
        trials = list(pool.run([job(work.first_time_dying(tmp_path / "died"), *pair)]))
    assert [t.status for t in trials] == [Status.FINISHED] * 2
    assert {t.configuration["mlp.learning_rate"] for t in trials} == {0.003, 0.01}


def test_a_task_is_loaded_once_a_worker(tmp_path: Path) -> None:
    log = tmp_path / "loads"
    with TrainingPool(workers=1, timeout_s=60) as pool:
        trials = list(pool.run([job(work.counted(log))] * 4))
    assert len(trials) == 4
    assert len(log.read_text().splitlines()) == 1


def test_a_task_that_cannot_be_loaded_raises() -> None:
    with TrainingPool(workers=1, timeout_s=60) as pool, pytest.raises(FileNotFoundError, match="no such data set"):
        list(pool.run([job(work.unreadable)]))


def test_jobs_are_drawn_as_workers_become_free() -> None:
    drawn = []

    def endless():
        while True:
            drawn.append(1)
            yield job(EASY)

    with TrainingPool(workers=1, timeout_s=60) as pool:
        next(iter(pool.run(endless())))
    assert len(drawn) <= 4


def test_cores_are_never_oversubscribed() -> None:
    assert TrainingPool(workers=10_000).workers == usable_cores()
    assert TrainingPool().workers == usable_cores()


@pytest.mark.parametrize("settings", [{"workers": 0}, {"timeout_s": 0.0}, {"timeout_s": float("nan")}])
def test_settings_out_of_range_are_named(settings: dict) -> None:
    with pytest.raises(SettingsError, match=f"{next(iter(settings))} must be"):
        TrainingPool(**settings)


ORPHAN = """
from tests.learners import work
from tests.learners.test_pool import TrainingPool, job
if __name__ == "__main__":
    with TrainingPool(workers=1, timeout_s=60) as pool:
        print("started", flush=True)
        list(pool.run([job(work.sleeping)]))
"""


@pytest.mark.slow
def test_no_worker_survives_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "orphan.py"
    script.write_text(ORPHAN)
    root = Path(__file__).parents[2]
    parent = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(root)}
    )
    assert parent.stdout is not None
    parent.stdout.readline()
    # forkserver, resource tracker and one worker below the server
    _wait_for(lambda: len(psutil.Process(parent.pid).children(recursive=True)) >= 3)
    family = psutil.Process(parent.pid).children(recursive=True)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    _, alive = psutil.wait_procs(family, timeout=120)
    assert alive == []


def _wait_for(condition, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)
