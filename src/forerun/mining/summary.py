"""What was understood, counted for people: tasks, parameters, programs, and sentences for the rest."""

from collections import Counter

import numpy as np

from forerun.mining.domains import IS
from forerun.mining.findings import ParameterFound, TaskFound
from forerun.mining.parameters import Parameter
from forerun.mining.rules import Rules
from forerun.mining.sample import Rows, Sample
from forerun.mining.sorting import Found
from forerun.mining.tasks import data_set
from forerun.mining.trial_table import FACTS
from forerun.mining.values import LONGEST, Settings
from forerun.mining.words import shown
from forerun.space import Domain
from forerun.space.ranges import Range


def tasks_found(sample: Sample) -> list[TaskFound]:
    """The tasks, those with the most runs first."""
    found = [_task(sample, name, mine) for name, mine in sample.by_task().items()]
    return sorted(found, key=lambda each: (-each.runs, each.name))


def _task(sample: Sample, name: str, mine: Rows) -> TaskFound:
    target = sample.target(mine)
    fine = sample.value[mine][np.isfinite(sample.loss[mine])]
    best = (fine.min() if target and target.minimise else fine.max()) if len(fine) else np.nan
    used = next((d for row in mine if (d := data_set(sample.runs, int(row))) is not None), None)
    return TaskFound(
        name=name,
        runs=len(mine),
        failed=int((sample.failure[mine] != "").sum()),
        metric=target.metric if target else "",
        best=float(best),
        middle=float(np.median(fine)) if len(fine) else float("nan"),
        data=f"{used.name} #{used.digest}" if used else "",
    )


def parameters_found(found: Found, sample: Sample) -> list[ParameterFound]:
    """The parameters of the space, those that the most runs have first."""
    return [
        ParameterFound(
            name=p.name,
            domain=in_words(p.domain),
            coverage=len(_with(p, sample)) / len(sample.rows),
            tasks=len(set(sample.task[_with(p, sample)])),
            when=_when(p),
            note=p.note or ("as Optuna states it" if p.stated else ""),
            suspicious=p.suspicious,
        )
        for p in found.parameters
    ]


def _with(parameter: Parameter, sample: Sample) -> Rows:
    """The rows that have a value of a parameter."""
    found: Rows = sample.rows[parameter.column[sample.rows] != None]  # noqa: E711 - by element
    return found


def _when(parameter: Parameter) -> str:
    tests = parameter.condition.to_dict()
    return ", ".join(f"{name} {test if str(test)[:2] in ('>=', '<=') else f'= {test}'}" for name, test in tests.items())


def in_words(domain: Domain, longest: int = 60) -> str:
    """A domain as people read it.

    >>> from forerun.space import Real
    >>> in_words(Real(1e-4, 0.1, log=True))
    'real 0.0001 to 0.1, log'
    """
    if isinstance(domain, Range):
        return f"{domain.type} {domain.low:.4g} to {domain.high:.4g}{', log' if domain.log else ''}"
    values = getattr(domain, "values", ())
    return f"{domain.type} {shown(' | '.join(map(str, values)), longest)}"


def programs(sample: Sample) -> list[str]:
    """What wrote the runs, the most frequent first: source, commit, user."""
    runs, rows = sample.runs, sample.rows
    columns = [runs.tag(tag)[rows] for tag in FACTS.values()]
    counts = Counter(
        " ".join(
            filter(None, (str(name or ""), f"at {str(commit)[:8]}" if commit else "", f"by {user}" if user else ""))
        )
        for name, commit, user in zip(*columns, [runs.user[row] for row in rows], strict=True)
    )
    return [f"{name or 'unknown'} ({n:,} runs)" for name, n in counts.most_common(10)]


def told(read: Settings, found: Found, rows: Rows, both: dict[str, int], rules: Rules) -> list[str]:
    """Sentences about what was done to parameters."""
    sentences = [
        f"{shown(name)}: {n:,} runs have a value of more than {LONGEST} characters, too long to be a setting; "
        "in those it counts as absent"
        for name, n in read.too_long.items()
    ]
    sentences += [
        f"{shown(name)} holds mappings; taken apart into {shown(', '.join(parts), 200)}"
        for name, parts in read.nested.items()
        if any((read.columns[part][rows] != None).any() for part in parts if part in read.columns)  # noqa: E711
    ]
    sentences += [
        f"{shown(old)} was renamed to {shown(rules.renames[old])}; {n:,} runs have both, and there the latter counts"
        for old, n in both.items()
    ]
    sentences += [
        f"{shown(old)}, to be renamed to {shown(new)}, is in no run"
        for old, new in rules.renames.items()
        if new not in read.columns or (old not in both and old in read.columns)
    ]
    pairs = [p.name for p in found.parameters if p.name.endswith(IS)]
    sentences += [
        f"{shown(name.removesuffix(IS))} holds numbers and words; its numbers are one parameter, "
        f"and {shown(name)!r} says where it is a word"
        for name in pairs
    ]
    return sentences
