"""A project that is collected, learned and tuned in half a minute, and how its commands are run."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import yaml

from forerun.trials import History

REPOSITORY = Path(__file__).resolve().parents[2]
TRIALS = 60
TASKS = ("iris", "breast_cancer", "diabetes")
CUTS: dict[str, dict[str, Any]] = {
    "collect": {"tasks": list(TASKS), "shared": 8, "random": 4, "chunk": 4},
    "train": {"folds": 3, "candidates": ["linear"], "seeds": 1, "candidates_per_task": 40},
    "target": {"max_rows": 400},
    "tune": {"trials": 4, "batch": 1, "random_seeds": 1, "timeout_s": 10},
}


def make_project(root: Path) -> Path:
    """Make a git and DVC project of the repository's own files, its settings and history cut down."""
    root.mkdir()
    for name in ("dvc.yaml", "prefect.yaml", ".dvcignore", ".gitignore", ".dvc/config", ".dvc/.gitignore"):
        (root / name).parent.mkdir(exist_ok=True)
        shutil.copy(REPOSITORY / name, root / name)
    bytecode = shutil.ignore_patterns("__pycache__")
    shutil.copytree(REPOSITORY / "flows", root / "flows", ignore=bytecode)
    shutil.copytree(REPOSITORY / "src" / "forerun", root / "src" / "forerun", ignore=bytecode)
    settings = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    for stage, values in CUTS.items():
        settings[stage] |= values
    (root / "params.yaml").write_text(yaml.safe_dump(settings))
    history = History.load(REPOSITORY / "data" / "history")
    part = history.of_tasks(history.tasks.groupby("kind").head(3).index)
    trials = part.trials.groupby("task").head(TRIALS).reset_index(drop=True)
    History(trials, part.tasks, part.spaces).save(root / "data" / "history")
    subprocess.run(["git", "init", "--quiet", str(root)], check=True)
    return root


def environment(root: Path, home: Path, **more: str) -> dict[str, str]:
    """The environment of a user in a terminal in a project, whose Prefect keeps its things in `home`."""
    # bytecode is written, as it is by default: it must not look like a change of the sources
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_") and k != "PYTHONDONTWRITEBYTECODE"}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    # prefect.yaml asks for $PWD, which shells keep
    return {**clean, "PATH": path, "PWD": str(root), "PREFECT_HOME": str(home), "DO_NOT_TRACK": "true", **more}


def run(root: Path, *command: str, home: Path, seconds: float = 900, **more: str) -> "subprocess.CompletedProcess[str]":
    """Run a command in a project."""
    return subprocess.run(
        command,
        cwd=root,
        env=environment(root, home, **more),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def query(root: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """Ask the project's store; nothing while it is being made."""
    database = root / "mlruns" / "mlflow.db"
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=20)) as connection:
            return connection.execute(sql, values).fetchall()
    except sqlite3.OperationalError:
        return []


def trials(root: Path, experiment: str) -> list[str]:
    """Keys of the active, ended trials of an experiment, one for each run."""
    rows = query(
        root,
        "SELECT t.value FROM runs r JOIN experiments e ON e.experiment_id = r.experiment_id JOIN tags t ON "
        "t.run_uuid = r.run_uuid AND t.key = 'forerun.trial' WHERE e.name = ? AND r.lifecycle_stage = 'active' "
        "AND r.status IN ('FINISHED', 'FAILED')",
        experiment,
    )
    return [key for (key,) in rows]
