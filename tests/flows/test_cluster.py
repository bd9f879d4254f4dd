"""Trainings on a cluster for real: a scheduler, two workers that know nothing of the project, one of them killed."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import yaml
from flows.cluster import cluster

from forerun.errors import SettingsError
from forerun.steps import Project
from tests.flows.projects import CUTS, TASKS, environment, make_project, query, trials

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]  # half a minute on two idle cores
PLANNED = len(TASKS) * (CUTS["collect"]["shared"] + CUTS["collect"]["random"])

RUN = (
    sys.executable,
    "-c",
    "from flows.server import a_server\nwith a_server():\n    from flows.pipeline import pipeline\n    pipeline()",
)
"""What `forerun run` does, but for the table at its end: a pipeline of one stage recommends nothing."""


@contextmanager
def running(folder: Path, settings: dict[str, str], *command: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a command beside the test; it and what it started end with the context."""
    with (folder / "beside.log").open("a") as log:
        process = subprocess.Popen(command, cwd=folder, env=settings, stdout=log, stderr=log)
        try:
            yield process
        finally:
            family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
            for member in [*family, process]:
                member.kill()
            process.wait()
            psutil.wait_procs(family, timeout=120)


def wait_until(done: Callable[[], object], what: str, seconds: float = 900) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def name(root: Path, scheduler: str) -> Project:
    """The project, its one setting for a cluster made."""
    settings = yaml.safe_load((root / "params.yaml").read_text())
    settings["cluster"]["scheduler"] = scheduler
    (root / "params.yaml").write_text(yaml.safe_dump(settings))
    return Project(root)


def writers(root: Path) -> list[int]:
    """The processes that logged trials, one for each run, the last one last."""
    rows = query(
        root,
        "SELECT t.value FROM runs r JOIN tags t ON t.run_uuid = r.run_uuid AND t.key = 'forerun.writer' "
        "WHERE r.status = 'FINISHED' ORDER BY r.end_time",
    )
    return [int(value.split(":")[1]) for (value,) in rows]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project whose pipeline is collecting."""
    root = make_project(tmp_path / "project")
    collect = yaml.safe_load((root / "dvc.yaml").read_text())["stages"]["collect"]
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"collect": {**collect, "deps": ["params.yaml"]}}}))
    return root


@pytest.fixture
def away(tmp_path: Path) -> Path:
    """Where the workers are started: there is nothing of the project."""
    (tmp_path / "away").mkdir()
    return tmp_path / "away"


@pytest.fixture
def scheduler(away: Path) -> Iterator[str]:
    """The address of a scheduler that has no workers yet."""
    place = away / "scheduler.json"
    command = ("dask", "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file")
    with running(away, environment(away, away), *command, str(place)):
        wait_until(lambda: place.exists() and place.read_text().endswith("}"), "the scheduler did not start")
        yield json.loads(place.read_text())["address"]


@pytest.mark.long
def test_with_a_worker_killed_in_the_middle_every_training_is_there_once(
    root: Path, away: Path, scheduler: str, tmp_path: Path
) -> None:
    project = name(root, scheduler)
    with pytest.raises(SettingsError, match="must have workers; it has none"), cluster(project):
        pass
    workers = ("dask", "worker", scheduler, "--nworkers", "2", "--nthreads", "1", "--no-dashboard")
    settings = environment(root, tmp_path / "prefect")
    with running(away, environment(away, away), *workers), running(root, settings, *RUN) as campaign:
        halfway: list[int] = []

        def reached() -> bool:
            assert campaign.poll() is None, (root / "beside.log").read_text()[-3000:]
            # chunks are of four: whoever has logged one to three of them has the rest to do
            halfway[:] = [pid for pid, n in Counter(writers(root)).items() if n % CUTS["collect"]["chunk"]]
            return bool(halfway)

        wait_until(reached, "no worker trained")
        victim = halfway[0]
        os.kill(victim, signal.SIGKILL)
        before = trials(root, "forerun/collect")
        assert len(before) < PLANNED
        assert campaign.wait(900) == 0, (root / "beside.log").read_text()[-3000:]
    keys = trials(root, "forerun/collect")
    assert len(keys) == len(set(keys)) == PLANNED
    assert set(before) <= set(keys)
    logged = writers(root)
    assert victim in logged
    assert set(logged) - {victim}
    assert query(root, "SELECT count(*) FROM runs WHERE status = 'RUNNING' AND lifecycle_stage = 'active'") == [(0,)]
    assert json.loads((root / "data" / "collected.json").read_text())["trainings"] == PLANNED
    said = (root / "beside.log").read_text()
    assert "Traceback" not in said


def test_a_cluster_that_does_not_answer_is_told_in_seconds(root: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        address = f"tcp://127.0.0.1:{nobody.getsockname()[1]}"
    project, began = name(root, address), time.monotonic()
    with pytest.raises(SettingsError, match=f"must be the address of a Dask scheduler.*{address}"), cluster(project):
        pass
    assert time.monotonic() - began < 120  # ten, and Dask's imports


@pytest.mark.parametrize("address", ["scheduler", "nonsense://127.0.0.1:8786", "tcp://"])
def test_what_is_no_address_is_told_as_well(root: Path, address: str) -> None:
    with pytest.raises(SettingsError, match="must be the address of a Dask scheduler"), cluster(name(root, address)):
        pass
