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
    return read_task(
        _place(project),
        s.column,
        kind=s.kind,
        metric=s.metric,
        max_rows=s.max_rows,
        seed=s.seed,
    )


def check_target(project: Project) -> None:
    """Raise DataError for a target that is not there, before long work is done on the way to it."""
    s = project.settings.target
    _check(_place(project), s.column, s.kind)


def _place(project: Project) -> str:
    data = project.settings.target.data
    return data if data in RECIPES else str(project.path(data))


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
    _check(data, column, kind)
    if data in RECIPES and not Path(data).exists():
        return builtin_task(data, metric=metric, max_rows=max_rows, seed=seed)
    return load_task(data, str(column), kind=kind, metric=metric, max_rows=max_rows, seed=seed)


def _check(data: str, column: str | None, kind: str | None) -> None:
    if data in RECIPES and not Path(data).exists():
        if column not in (None, RECIPES[data].target):
            raise DataError(
                f"the target of the built-in task {data!r} is {RECIPES[data].target!r}; got {column!r}. Leave it out"
            )
        if kind not in (None, RECIPES[data].kind):
            raise DataError(
                f"the kind of the built-in task {data!r} is {RECIPES[data].kind!r}; got {kind!r}. Leave it out"
            )
    elif not Path(data).exists():
        raise DataError(
            f"data must be a CSV, Parquet or ARFF file or a built-in task (forerun data lists them); got {data!r}"
        )
    elif column is None:
        raise DataError(
            f"the column to predict in {data} must be named: --target COLUMN, or target.column in params.yaml"
        )
