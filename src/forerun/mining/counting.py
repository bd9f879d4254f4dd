"""Which runs count: what has ended, with parameters, and is no summary of others.

A run that failed counts as a failed trial, with what the store knows of the reason. What is left out keeps a
sentence that says why.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from forerun.mining.runs import Integers, Runs, rows_of
from forerun.mining.targets import Target, has
from forerun.mining.words import shown

PARENT = "mlflow.parentRunId"
OWN = "forerun.space"
"""A tag that only forerun's own trainings and spaces have."""
OWN_EXPERIMENTS = ("forerun/tasks", "forerun/spaces", "forerun/meta")
REASONS = ("forerun.reason", "error", "error.type", "exception", "failure_reason", "reason", "fail_reason")
"""Tags in which programs say why they failed."""
REASON_LENGTH = 500

Reasons = npt.NDArray[np.object_]
"""(n,) why a run does not count, None where it does."""

RUNNING = "had not ended"
KILLED = "was killed before its end"
PRUNED = "was pruned before its end (Optuna)"
FORERUN = "is forerun's own; the pipeline mines it"
NO_PARAMS = "has no parameters"
SUMMARY = "sums up its children"
EVALUATION = "was made by its parent, and has no parameters"
NO_VALUE = "has no value of the metric"
DUPLICATE = "is a copy of another run"


def first_look(runs: Runs) -> Reasons:
    """Leave out what no choice of a metric could bring back."""
    why = np.full(len(runs), None, dtype=object)
    with_params = np.zeros(len(runs), dtype=bool)
    for name in runs.params:
        with_params[rows_of(runs.params, name)] = True
    has_parent = runs.tag(PARENT) != None  # noqa: E711
    mine = (runs.tag(OWN) != None) | np.isin(runs.experiment, OWN_EXPERIMENTS)  # noqa: E711
    why[~with_params] = NO_PARAMS
    why[~with_params & has_parent] = EVALUATION
    status = np.array(runs.status, dtype=object)
    why[status == "KILLED"] = KILLED
    why[np.isin(status, ["RUNNING", "SCHEDULED"])] = RUNNING
    why[runs.tag("state") == "PRUNED"] = PRUNED
    why[mine] = FORERUN
    return why


def children(runs: Runs) -> dict[int, list[int]]:
    """Row of each parent to the rows of its children; parents that are not among the runs have no row."""
    place = {run: row for row, run in enumerate(runs.ids)}
    found: dict[int, list[int]] = {}
    for row, parent in enumerate(runs.tag(PARENT)):
        if parent in place:
            found.setdefault(place[parent], []).append(row)
    return found


def leave_out_summaries(runs: Runs, why: Reasons) -> None:
    """Leave out the parents whose children are the trials, so that nothing counts twice.

    Such a parent has no metric that one of its children has not surpassed or equalled, or says itself what was
    best (best_C, best_params); one that trained a model of its own and whose children have no parameters is none.
    """
    for parent, found in children(runs).items():
        trials = [row for row in found if why[row] is None]
        if why[parent] is None and trials and _sums_up(runs, parent, trials):
            why[parent] = SUMMARY


def _sums_up(runs: Runs, parent: int, trials: list[int]) -> bool:
    names = [*runs.params, *runs.metrics]
    own = (name for name in names if _is_there(runs, name, parent))
    if any(name.lower().startswith("best_") for name in own):
        return True
    theirs = [name for name in runs.metrics if not np.isnan(runs.metrics[name][trials]).all()]
    shared = [name for name in theirs if not np.isnan(runs.metrics[name][parent])]
    if theirs and not shared:
        return True
    return any(
        np.isclose(runs.metrics[name][trials], runs.metrics[name][parent], rtol=1e-9, atol=0).any() for name in shared
    )


def _is_there(runs: Runs, name: str, row: int) -> bool:
    if name in runs.params:
        return runs.params[name][row] is not None
    return not np.isnan(runs.metrics[name][row])


def leave_out_without_value(runs: Runs, why: Reasons, targets: Iterable[Target]) -> None:
    """Leave out finished runs that never logged the metric they are judged by."""
    judged = np.zeros(len(runs), dtype=bool)
    for target in targets:
        judged[target.rows] |= has(runs, target.metric)[target.rows]
    finished = np.array(runs.status, dtype=object) == "FINISHED"
    without = finished & ~judged & (why == None)  # noqa: E711 - by element
    why[without] = NO_VALUE


def failures(runs: Runs, rows: Integers) -> list[str]:
    """Why some runs failed, in a line each, as far as their tags tell."""
    told = [runs.tag(name)[rows].tolist() for name in REASONS]
    said = (next(filter(None, texts), None) for texts in zip(*told, strict=True))
    return ["failed; the run does not say why" if text is None else shown(text, REASON_LENGTH) for text in said]


def leave_out_copies(why: Reasons, columns: Iterable[npt.NDArray[Any]]) -> None:
    """Of runs that agree in all columns (n,), numbers to the last digit, the first one counts."""
    rows = np.flatnonzero(why == None)  # noqa: E711 - by element
    # as texts, for a NaN does not equal itself, and True equals 1
    parts = [[repr(value) for value in column[rows].tolist()] for column in columns]
    seen: set[tuple[str, ...]] = set()
    for row, key in zip(rows, zip(*parts, strict=True), strict=True):
        if key in seen:
            why[row] = DUPLICATE
        seen.add(key)
