"""Runs of programs that we did not write become a history, and findings that a person can act on.

The order of the steps is their logic: which runs may count at all, what they are judged by, which of them are
one task, what was varied within tasks, and only then what is a copy of what.
"""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from forerun.errors import HistoryError
from forerun.mining.counting import (
    first_look,
    leave_out_copies,
    leave_out_summaries,
    leave_out_without_value,
)
from forerun.mining.findings import Findings
from forerun.mining.parameters import conditions
from forerun.mining.renames import suggest
from forerun.mining.rules import Rules
from forerun.mining.runs import Runs, Texts
from forerun.mining.sample import Rows, Sample
from forerun.mining.sorting import Found, renamed, sort_out
from forerun.mining.spaces import spaces_of
from forerun.mining.summary import parameters_found, programs, tasks_found, told
from forerun.mining.targets import Target, guess, stated
from forerun.mining.task_table import task_table
from forerun.mining.tasks import assign
from forerun.mining.trial_table import seeds, trial_table
from forerun.mining.values import settings
from forerun.mining.words import shown
from forerun.space import SearchSpace
from forerun.trials import History

NO_SPACE = "has none of the parameters that vary"
NO_TASK = "has no task: it lacks what the rule asks for"


@dataclass(frozen=True)
class Understood:
    """What runs mean."""

    history: History
    findings: Findings


def targets_of(runs: Runs, rules: Rules) -> list[Target]:
    """What the runs are judged by; a reader that is to fetch curves can ask for these metrics'.

    Raises HistoryError where that cannot be told, or nothing has ended.
    """
    return _targets(runs, _countable(runs), rules)


def understand(runs: Runs, rules: Rules) -> Understood:
    """Make a history of runs. Raises HistoryError where nothing is left, saying what was left out and why."""
    why = _countable(runs)
    targets = _targets(runs, why, rules)
    leave_out_without_value(runs, why, targets)
    params, both = renamed(runs.params, rules.renames)
    read = settings(params, len(runs))
    sample = Sample.judge(runs, _rows(why), targets, rules.value)
    task, task_rule = assign(runs, sample.rows, targets, rules)
    why[(why == None) & (task == None)] = NO_TASK  # noqa: E711 - by element
    sample = replace(sample, task=task).of(why)
    found = sort_out(sample, read, rules)
    seed = seeds(found, read, len(runs))
    leave_out_copies(why, [task, seed, np.array(runs.status), sample.loss, *read.columns.values()])
    space, spaces = _spaces(found, why)
    sample = sample.of(why)
    trials = trial_table(sample, found.parameters, space=space, seed=seed)
    tasks = task_table(sample, found.facts, rules.origin)
    history = History(trials, tasks, {name: spaces[name] for name in sorted(set(trials["space"]))})
    findings = Findings(
        origin=rules.origin,
        runs=len(runs),
        used=len(sample.rows),
        left_out=_left_out(runs, why),
        failed=dict(Counter(str(reason) for reason in sample.failure[sample.rows] if reason).most_common()),
        targets=targets,
        task_rule=task_rule,
        tasks=tasks_found(sample),
        parameters=parameters_found(found, sample),
        parameters_left_out=found.left_out,
        renames=suggest(found.parameters),
        told=told(read, found, sample.rows, both, rules),
        programs=programs(sample),
    )
    return Understood(history, findings)


def _countable(runs: Runs) -> Texts:
    why = first_look(runs)
    leave_out_summaries(runs, why)
    return why


def _rows(why: Texts) -> Rows:
    return np.flatnonzero(why == None)  # noqa: E711 - by element


def _targets(runs: Runs, why: Texts, rules: Rules) -> list[Target]:
    rows = _rows(why)
    if not len(rows):
        raise HistoryError(f"at least one run must have ended with parameters; {_count(why)}")
    return [stated(runs, rows, rules)] if rules.metric is not None else guess(runs, rows)


def _count(why: Texts) -> str:
    """What the runs lack, in one line."""
    counts = Counter(reason for reason in why if reason)
    return "; ".join(f"{n:,} {reason}" for reason, n in counts.most_common()) or "there is no run"


def _spaces(found: Found, why: Texts) -> tuple[Texts, dict[str, SearchSpace]]:
    rows = _rows(why)
    if not found.parameters:
        reasons = "; ".join(f"{shown(name)}: {reason}" for name, reason in list(found.left_out.items())[:5])
        raise HistoryError(
            f"runs must have a parameter that varies; of {len(rows):,} runs none is left ({reasons or _count(why)}). "
            "Keep one with --with PARAM, or say what makes a task with --task-by"
        )
    found.parameters = conditions(found.parameters, rows)
    space, spaces = spaces_of(found.parameters, rows)
    why[(why == None) & (space == None)] = NO_SPACE  # noqa: E711 - by element
    return space, spaces


def _left_out(runs: Runs, why: Texts) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row, reason in enumerate(why):
        if reason is not None:
            found.setdefault(str(reason), []).append(runs.ids[row])
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))
