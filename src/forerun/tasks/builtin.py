"""Tasks made of the real data sets that installed libraries bring; nothing is downloaded.

Several tasks are made of one data set (pairs of digits, binarised targets, another column as the target).
They share rows, so they share a family. Families carry the name of the original data set, so that the same
data under another name (scikit-learn's digits are a part of UCI's optdigits) is recognised.
"""

from collections.abc import Callable
from functools import partial

from forerun.errors import DataError
from forerun.tasks.builtin_sklearn import SKLEARN_TASKS
from forerun.tasks.builtin_statsmodels import STATSMODELS_TASKS
from forerun.tasks.builtin_vega import VEGA_TASKS
from forerun.tasks.making import make_task
from forerun.tasks.recipe import Recipe
from forerun.tasks.task import Task

RECIPES: dict[str, Recipe] = {**SKLEARN_TASKS, **STATSMODELS_TASKS, **VEGA_TASKS}

MAX_ROWS = 2000
"""Larger data sets are sampled to this, which keeps a training on two cores in seconds."""


def builtin_tasks() -> dict[str, Callable[[], Task]]:
    """Every builtin task by name, to be called when it is wanted; data is read then, not now."""
    return {name: partial(builtin_task, name) for name in RECIPES}


def builtin_task(name: str, *, metric: str | None = None, max_rows: int | None = MAX_ROWS, seed: int = 0) -> Task:
    """The builtin task of that name, all of its rows with max_rows=None; raises DataError for an unknown one.

    >>> builtin_task("iris").classes
    ('setosa', 'versicolor', 'virginica')
    """
    if name not in RECIPES:
        raise DataError(f"name of a builtin task must be one of {', '.join(RECIPES)}; got {name!r}")
    recipe = RECIPES[name]
    return make_task(
        recipe.load(),
        recipe.target,
        name=name,
        family=recipe.family,
        kind=recipe.kind,
        metric=metric,
        seed=seed,
        max_rows=max_rows,
        source=recipe.source,
    )
