"""The pipeline: DVC's stages, in DVC's order, each run as a Prefect flow and committed to `dvc.lock`.

`dvc.yaml` alone says what depends on what. A stage runs here exactly when `dvc repro` would run it, and
both leave the same lock file. `python -m flows.pipeline` runs it once in the project of this folder.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dvc.repo import Repo
from filelock import FileLock, Timeout

from forerun.errors import ForerunError, SettingsError
from forerun.steps import Project, run_step
from forerun.steps.summary import summary

SETTLING_SECONDS = 1.0
"""Prefect's temporary server loses the last task records when its process ends at once."""


def stages(repo: Repo) -> list[Any]:
    """Return the stages of dvc.yaml, dependencies first."""
    import networkx as nx

    # DVC's graph points from a stage to what it depends on; ties in the order of dvc.yaml
    place = {stage: i for i, stage in enumerate(repo.index.stages)}
    return list(nx.lexicographical_topological_sort(repo.index.graph.reverse(), key=place.__getitem__))


def changed(stage: Any) -> bool:
    """Whether `dvc repro` would run this stage because of what it reads, writes or runs."""
    with stage.repo.lock:
        causes = [cause for each in stage.status().values() for cause in each]
    return any(cause != "always changed" for cause in causes)


@contextmanager
def one_at_a_time(root: Path) -> Iterator[None]:
    """Refuse a second run in the same project."""
    (root / ".forerun").mkdir(exist_ok=True)
    try:
        with FileLock(root / ".forerun" / "run.lock", timeout=0):
            yield
    except Timeout as error:
        raise SettingsError(
            f"one pipeline may run in {root} at a time; another is running. Wait for it, or stop it"
        ) from error


def open_repo(root: Path) -> Repo:
    """Open the project's DVC repository. Raises SettingsError when there is none."""
    from dvc.exceptions import DvcException

    try:
        return Repo(str(root))
    except DvcException as error:
        raise SettingsError(
            f"{root} must be a DVC repository inside a git one: {error}. Run: git init && dvc init"
        ) from error


def pending(project: Project) -> tuple[list[str], int]:
    """Return the stages that are out of date as things stand, and how many stages there are."""
    if project.collected.exists():
        run_step("fingerprint", project)
    with open_repo(project.root) as repo:
        everything = stages(repo)
        return [stage.name for stage in everything if changed(stage)], len(everything)


def walk(root: str) -> list[str]:
    """Run every stage that is out of date and commit its outputs; returns their names."""
    from flows.steps import FLOWS

    ran = []
    with one_at_a_time(Path(root)), open_repo(Path(root)) as repo:
        for stage in stages(repo):
            if not changed(stage):
                continue
            print(f"forerun: {stage.name} - {stage.desc}", file=sys.stderr)
            # DVC removes what a stage is about to write anew, so that nothing stale survives in it
            stage.remove_outs(ignore_remove=False, force=False)
            FLOWS[stage.name](root)
            repo.commit(stage.addressing, force=True)
            ran.append(stage.name)
    return ran


def _flow() -> Any:
    from prefect import flow

    @flow(name="forerun", persist_result=False)
    def pipeline(root: str = ".") -> list[str]:
        """Run what is out of date, from past runs to a registered best model."""
        return walk(str(Project.find(Path(root)).root))

    return pipeline


def main() -> int:
    """Run the pipeline once, without Prefect's start-up when there is nothing to do."""
    started = time.monotonic()
    try:
        project = Project.find()
        todo, total = pending(project)
        if todo:
            _flow()(str(project.root))
            time.sleep(SETTLING_SECONDS)
        else:
            print(f"Nothing to do: all {total} stages are up to date.")
        print(summary(project))
    except ForerunError as error:
        print(f"forerun: error: {error}", file=sys.stderr)
        return 2
    print(f"({time.monotonic() - started:.0f} s)")
    return 0


def __getattr__(name: str) -> Any:
    # deployments name `flows/pipeline.py:pipeline`; building it imports Prefect, so only when asked
    if name == "pipeline":
        return _flow()
    raise AttributeError(name)


if __name__ == "__main__":
    sys.exit(main())
