"""`prefect.yaml` for real: a server, a worker, a deployment, a run."""

import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psutil
import pytest
import yaml

from tests.flows.projects import REPOSITORY, environment, make_project, run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@contextmanager
def running(root: Path, settings: dict[str, str], *command: str) -> Iterator[Callable[[], str]]:
    """Run a command beside the test; it and what it started end with the context.

    Gives what says how it is: nothing while it runs, else the end of what it and others said.
    """
    with (root / "beside.log").open("a") as log:
        process = subprocess.Popen(command, cwd=root, env=settings, stdout=log, stderr=log)
        try:
            yield lambda: "" if process.poll() is None else (root / "beside.log").read_text()[-3000:]
        finally:
            family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
            for member in family:
                member.kill()
            process.wait()
            psutil.wait_procs(family, timeout=120)


def wait_until(done: Callable[[], bool], ended: Callable[[], str], seconds: float = 900) -> None:
    """Wait for something that a program brings about, for as long as that runs: a busy machine starts it slowly."""
    end = time.monotonic() + seconds
    while not done():
        assert not ended(), ended()
        assert time.monotonic() < end, "the program runs, and did not get ready"
        time.sleep(0.2)


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as reply:  # noqa: S310 - http, on this machine
            return bool(reply.status == 200)
    except (URLError, OSError):
        return False


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project whose pipeline is one stage, in order to be quick: what mining would find."""
    root = make_project(tmp_path / "project")
    declared = yaml.safe_load((root / "dvc.yaml").read_text())["stages"]
    stage = {**declared["fingerprint"], "deps": ["params.yaml"]}
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"fingerprint": stage}}))
    return root


@pytest.mark.long
def test_the_nightly_deployment_runs_on_a_local_server_and_worker(root: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url, home = f"http://127.0.0.1:{port}/api", tmp_path / "prefect"
    settings = environment(root, home, PREFECT_API_URL=url, PREFECT_SERVER_ANALYTICS_ENABLED="false")

    def prefect(*arguments: str) -> str:
        done = run(root, "prefect", *arguments, home=home, PREFECT_API_URL=url)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    with running(root, settings, "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)) as ended:
        wait_until(lambda: answers(f"{url}/health"), ended)
        prefect("work-pool", "create", "forerun", "--type", "process")
        prefect("--no-prompt", "deploy", "--all")
        with running(root, settings, "prefect", "worker", "start", "--pool", "forerun"):
            said = prefect("deployment", "run", "forerun/nightly", "--watch", "--watch-timeout", "240")
        runs = json.loads(prefect("flow-run", "ls", "--output", "json"))
    assert "Completed" in said, said + (root / "beside.log").read_text()[-3000:]
    assert {each["state"]["type"] for each in runs} == {"COMPLETED"}
    assert len(runs) == 2  # the pipeline and its one step
    assert (root / "data" / "fingerprint.json").is_file()
    assert "fingerprint" in (root / "dvc.lock").read_text()


def test_the_deployment_is_nightly_and_never_runs_twice_at_once() -> None:
    (nightly,) = yaml.safe_load((REPOSITORY / "prefect.yaml").read_text())["deployments"]
    assert nightly["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}
    assert [schedule["cron"] for schedule in nightly["schedules"]] == ["0 2 * * *"]
