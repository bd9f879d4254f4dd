"""What is tried on: tasks, their splits and metrics, and where data comes from."""

from forerun.tasks.builtin import builtin_task, builtin_tasks
from forerun.tasks.folder import folder_tasks
from forerun.tasks.loading import load_table, load_task
from forerun.tasks.making import make_task
from forerun.tasks.metrics import DEFAULT_METRIC, METRICS, Metric, evaluate_all
from forerun.tasks.openml import fetch_openml_task, save_openml
from forerun.tasks.task import KINDS, Part, Task

__all__ = [
    "DEFAULT_METRIC",
    "KINDS",
    "METRICS",
    "Metric",
    "Part",
    "Task",
    "builtin_task",
    "builtin_tasks",
    "evaluate_all",
    "fetch_openml_task",
    "folder_tasks",
    "load_table",
    "load_task",
    "make_task",
    "save_openml",
]
