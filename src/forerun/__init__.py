"""Know how good a model will be before you train it.

import forerun

task = forerun.load_task("churn.csv", "churned")
advice = forerun.recommend(task)                 # an answer in seconds, nothing trained
print(advice.suggestions[0].configuration)
advice = forerun.recommend(task, budget=8)       # eight real trainings, the winner registered
print(advice.story.recommendation.test_loss)
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "ForerunSampler": "forerun.samplers",
    "Project": "forerun.steps.project",
    "History": "forerun.trials",
    "SearchSpace": "forerun.space",
    "Study": "forerun.steps.study",
    "Task": "forerun.tasks",
    "builtin_task": "forerun.tasks",
    "load_task": "forerun.tasks",
    "make_task": "forerun.tasks",
    "recommend": "forerun.steps.recommend",
}
"""Imported when they are asked for, so that `forerun --help` answers at once."""

__all__ = list(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'forerun' has no attribute {name!r}; it has {', '.join(_PUBLIC)}")
    return getattr(import_module(_PUBLIC[name]), name)
