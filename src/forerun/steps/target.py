"""The target: the data set that a recommendation is for."""

from pathlib import Path

from forerun.errors import DataError
from forerun.steps.project import Project
from forerun.tasks import Task, builtin_task, load_task
from forerun.tasks.builtin import RECIPES


def target_family(project: Project) -> str:
    """The family that the target belongs to, told without reading it; no trial of it may teach the meta-learner."""
    data = project.settings.target.data
    return RECIPES[data].family if data in RECIPES else Path(data).stem


def load_target(project: Project) -> Task:
    """Make the task that `target` of params.yaml describes."""
    s = project.settings.target
    path = None if s.data in RECIPES else project.path(s.data)
    return read_task(
        s.data if path is None else str(path),
        s.column,
        kind=s.kind,
        metric=s.metric,
        max_rows=s.max_rows,
        seed=s.seed,
    )


def read_task(
    data: str,
    column: str | None,
    *,
    kind: str | None = None,
    metric: str | None = None,
    max_rows: int | None = None,
    seed: int = 0,
) -> Task:
    """Make a task of a file and the name of its target column, or of a built-in task's name."""
    if data in RECIPES and not Path(data).exists():
        if column not in (None, RECIPES[data].target):
            raise DataError(
                f"the target of the built-in task {data!r} is {RECIPES[data].target!r}; got {column!r}. Leave it out"
            )
        if kind not in (None, RECIPES[data].kind):
            raise DataError(
                f"the kind of the built-in task {data!r} is {RECIPES[data].kind!r}; got {kind!r}. Leave it out"
            )
        return builtin_task(data, metric=metric, max_rows=max_rows, seed=seed)
    if not Path(data).exists():
        raise DataError(
            f"data must be a CSV, Parquet or ARFF file or a built-in task (forerun data lists them); got {data!r}"
        )
    if column is None:
        raise DataError(
            f"the column to predict in {data} must be named: --target COLUMN, or target.column in params.yaml"
        )
    return load_task(data, column, kind=kind, metric=metric, max_rows=max_rows, seed=seed)
