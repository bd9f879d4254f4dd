"""The pipeline's steps as plain functions: settings in, core calls, files out.

`dvc.yaml` says what depends on what; `flows/` runs the same functions with Prefect.
"""

from collections.abc import Callable
from importlib import import_module

from forerun.errors import SettingsError
from forerun.steps.project import Project

STEPS = ("collect", "fingerprint", "mine", "featurize", "train", "tune", "register", "report")
"""Each is a module of this package with one function `run(project)`, imported when it is run."""


def run_step(name: str, project: Project) -> None:
    """Run one step. Raises SettingsError for an unknown one."""
    if name not in STEPS:
        raise SettingsError(f"a step must be one of {', '.join(STEPS)}; got {name!r}")
    step: Callable[[Project], None] = import_module(f"forerun.steps.{name}").run
    step(project)


__all__ = ["STEPS", "Project", "run_step"]
