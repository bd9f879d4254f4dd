"""What makes runs one task: an experiment, a data set, a parent run, a tag or a parameter.

Where nothing is said, the runs of an experiment are one task, unless they logged several data sets with some
runs each: then each data set (its digest) is one. Runs that are judged by different metrics are different tasks.
"""

from collections import Counter

import numpy as np
import numpy.typing as npt

from forerun.mining.counting import PARENT
from forerun.mining.grouping import by_name
from forerun.mining.rules import Rules
from forerun.mining.runs import DataSet, Runs, Texts
from forerun.mining.targets import Target
from forerun.mining.words import utf8, words

ENOUGH = 3
"""Runs that a data set of an experiment has, in the middle, before it makes a task of its own."""
BETWEEN = " @ "
"""What a task's name must not hold: the meta-dataset puts it between data set and hardware."""


def assign(runs: Runs, rows: npt.NDArray[np.int64], targets: list[Target], rules: Rules) -> tuple[Texts, str]:
    """Name the task of each run (n,), None where it has none (it lacks the tag, say); and say what made the tasks."""
    experiment = np.array(runs.experiment, dtype=object)
    if rules.task_by is None:
        names, rule = _guessed(runs, rows, experiment)
    else:
        names, rule = _by(runs, rules.task_by, experiment), f"one for each {rules.task_by}, as stated"
    names = np.array([None if name is None else _usable(str(name)) for name in names], dtype=object)
    return _told_apart_by_metric(names, rows, targets), rule


def data_set(runs: Runs, row: int) -> DataSet | None:
    """The data set that a run was trained on, of those that it logged."""
    found = runs.inputs.get(row, [])
    trained = [each for each in found if {"train", "training"} & set(words(each.context))]
    return next(iter(trained or found), None)


def _by(runs: Runs, rule: str, experiment: Texts) -> Texts:
    kind, _, name = rule.partition(":")
    if kind == "experiment":
        return experiment
    if kind == "tag":
        return runs.tag(name)
    if kind == "param":
        return runs.param(name)
    if kind == "parent":
        title = dict(zip(runs.ids, runs.name, strict=True))
        # several parents may have one name
        return np.array(
            [None if p is None else f"{title.get(p) or 'run'} {p[:8]}" for p in runs.tag(PARENT)], dtype=object
        )
    return _data_sets(runs, experiment)


def _data_sets(runs: Runs, experiment: Texts) -> Texts:
    """Names of data sets: their own, unless the library calls all of them 'dataset'; with the digest."""
    found = np.full(len(runs), None, dtype=object)
    for row in runs.inputs:
        used = data_set(runs, row)
        if used and used.digest:
            name = used.name if used.name and used.name != "dataset" else experiment[row]
            found[row] = f"{name} #{used.digest[:8]}"
    return found


def _guessed(runs: Runs, rows: npt.NDArray[np.int64], experiment: Texts) -> tuple[Texts, str]:
    by_data = _data_sets(runs, experiment)
    names = experiment.copy()
    parted = []
    groups = by_name(experiment, rows)
    for each, mine in groups.items():
        counts = Counter(name for name in by_data[mine] if name is not None)
        if len(counts) > 1 and np.median(list(counts.values())) >= ENOUGH:
            known = mine[by_data[mine] != None]  # noqa: E711 - by element
            names[known] = by_data[known]
            parted.append(each)
    total = len(groups)
    if not parted:
        return names, "one for each experiment, as no experiment logged several data sets with some runs each"
    if len(parted) == total:
        return names, "one for each data set that was logged"
    return names, f"one for each experiment, but for each data set in {len(parted)} of {total} that logged several"


def _usable(name: str) -> str:
    text = utf8(name).strip() or "(no name)"
    return text.replace(BETWEEN, " at ") if BETWEEN in text else text


def _told_apart_by_metric(names: Texts, rows: npt.NDArray[np.int64], targets: list[Target]) -> Texts:
    if len(targets) < 2:
        return names
    metric = np.full(len(names), None, dtype=object)
    for target in targets:
        metric[target.rows] = target.metric
    several = {name for name, mine in by_name(names, rows).items() if len(set(metric[mine]) - {None}) > 1}
    found = names.copy()
    for row in rows:
        if names[row] in several and metric[row] is not None:
            found[row] = f"{names[row]} ({metric[row]})"
    return found
