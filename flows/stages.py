"""The pipeline as DVC sees it: which stages there are, in which order, and which are out of date.

`dvc.yaml` alone says what depends on what. A stage is out of date here exactly when `dvc repro` would run
it, and running one leaves the same lock file.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import networkx as nx
from dvc.exceptions import DvcException
from dvc.repo import Repo
from filelock import FileLock, Timeout

from forerun.errors import SettingsError
from forerun.steps import Project, run_step

logging.getLogger("dvc").setLevel(logging.WARNING)  # it tells of every write to dvc.lock


@contextmanager
def open_repo(root: Path) -> Iterator[Repo]:
    """Open the project's DVC repository. Raises SettingsError for what DVC raises, as when there is none."""
    try:
        with Repo(str(root)) as repo:
            yield repo
    except DvcException as error:
        reason = str(error).rstrip(".")
        raise SettingsError(
            f"{root} must be a DVC repository inside a git one, free and in order: {reason}. "
            "Look with `dvc status`; where there is none, run: git init && dvc init"
        ) from error


def stages(repo: Repo) -> list[Any]:
    """Return the stages of dvc.yaml, dependencies first."""
    # DVC's graph points from a stage to what it depends on; ties in the order of dvc.yaml
    place = {stage: i for i, stage in enumerate(repo.index.stages)}
    return list(nx.lexicographical_topological_sort(repo.index.graph.reverse(), key=place.__getitem__))


def changed(stage: Any) -> bool:
    """Whether what this stage reads, writes or runs is not what it was when it last ran."""
    with stage.repo.lock:
        causes = [cause for each in stage.status().values() for cause in each]
    return any(cause != "always changed" for cause in causes)


def pending(project: Project) -> tuple[list[str], int]:
    """Return the stages that are out of date as things stand, and how many stages there are."""
    with one_at_a_time(project.root), open_repo(project.root) as repo:
        everything = stages(repo)
        if project.collected.exists():
            # runs appear in the store without DVC knowing
            run_step("fingerprint", project)
        return [stage.name for stage in everything if changed(stage)], len(everything)


def walk(root: Path, run: Callable[[str], object], tell: Callable[[str], None]) -> list[str]:
    """Call `run` with every stage that is to be run, by name, and commit its outputs; returns their names."""
    ran = []
    with one_at_a_time(root), open_repo(root) as repo:
        for stage in stages(repo):
            if not (stage.always_changed or changed(stage)):
                continue
            tell(f"{stage.name} - {stage.desc}")
            # as `dvc repro` does: nothing stale survives in what a stage is about to write anew
            with repo.lock:
                stage.remove_outs(ignore_remove=False, force=False)
            run(stage.name)
            repo.commit(stage.addressing, force=True)
            ran.append(stage.name)
    return ran


@contextmanager
def one_at_a_time(root: Path) -> Iterator[None]:
    """Refuse a second run in the same project."""
    (root / ".forerun").mkdir(exist_ok=True)
    lock = FileLock(root / ".forerun" / "run.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise SettingsError(
            f"one pipeline may run in {root} at a time; another is running. Wait for it, or stop it"
        ) from error
    try:
        yield
    finally:
        lock.release()
