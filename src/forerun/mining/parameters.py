"""A parameter as the trials hold it: its domain, its value in each run, and when it is active."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from forerun.errors import SpaceError
from forerun.mining.domains import FEW, IS, NUMBER, fitted, infer, is_number, word
from forerun.mining.runs import Texts
from forerun.mining.sample import Rows
from forerun.space import ALWAYS, Categorical, Condition, Domain

CLEAR = 3
"""Runs with and without a parameter that make its condition more than chance."""


@dataclass(frozen=True)
class Parameter:
    """A setting, as the trials hold it."""

    name: str
    domain: Domain
    column: Texts
    """(n,) values of the domain; None where a run has none."""
    given: npt.NDArray[np.bool_]
    """(n,) whether the run's space has it: it has a value, or `condition` switched it off."""
    condition: Condition = ALWAYS
    stated: bool = False
    """Whether the runs state the domain (Optuna), rather than that it is told from values."""
    suspicious: str = ""
    """Why a person should have a look at it; empty where there is no reason."""
    note: str = ""
    """What else there is to say."""


def of_values(
    name: str, values: Texts, mine: Rows, fine: Rows, *, stated: Domain | None, alone: bool
) -> Iterator[Parameter]:
    """Make a parameter of its values (n,) in some runs, `fine` being those of them that did not fail.

    Two where it holds numbers and words, and many of them, unless it is to stay `alone`. The range of numbers is
    that of the runs that did not fail: a learning rate of 10^9 that diverged is no hint to try half of it. Raises
    SpaceError where there is no domain.
    """
    plain = [values[row] for row in mine if is_number(values[row])]
    good = [values[row] for row in fine if is_number(values[row])]
    good = good if len(set(good)) > 1 else plain
    given = np.isin(np.arange(len(values)), mine)
    if stated is None and not alone and 0 < len(plain) < len(mine) and len(set(plain)) > FEW:
        kinds = _column(len(values), mine, [NUMBER if is_number(v) else word(v) for v in values[mine]])
        yield Parameter(name + IS, infer(kinds[mine].tolist()), kinds, given)
        numbers = _column(len(values), mine, [v if is_number(v) else None for v in values[mine]])
        yield Parameter(name, infer(good), numbers, given, Condition.of({name + IS: NUMBER}), note=_beyond(plain, good))
        return
    seen = values[mine].tolist()
    known = good if len(plain) == len(seen) else seen
    domain = infer(known) if stated is None else _joined(stated, seen)
    column = _column(len(values), mine, [fitted(v, domain) for v in seen])
    yield Parameter(name, domain, column, given, note=_beyond(plain, good) if known is good and not stated else "")


def _column(n: int, rows: Rows, values: Sequence[Any]) -> Texts:
    column = np.full(n, None, dtype=object)
    for row, value in zip(rows, values, strict=True):
        column[row] = value
    return column


def _beyond(plain: Sequence[float], good: Sequence[float]) -> str:
    low, high = min(good, default=0), max(good, default=0)
    beyond = [v for v in plain if not low <= v <= high]
    if not beyond:
        return ""
    return f"{len(beyond):,} runs beyond that range failed, at {min(beyond):.4g} to {max(beyond):.4g}"


def _joined(stated: Domain, seen: list[object]) -> Domain:
    """What the runs state, with the values that lie outside of it; what was seen alone where the two do not fit."""
    outside = [v for v in seen if stated.check(v)]
    if not outside:
        return stated
    if isinstance(stated, Categorical):
        return Categorical(tuple(dict.fromkeys([*stated.values, *(word(v) for v in outside)])))  # type: ignore[arg-type]
    try:
        return stated.join(infer(seen))  # type: ignore[arg-type]
    except SpaceError:
        return infer(seen)  # type: ignore[arg-type]


def conditions(parameters: list[Parameter], rows: Rows) -> list[Parameter]:
    """Tell what is inactive from what is absent.

    Where, among the runs that have a categorical parameter, another one is there in exactly those in which the
    former has certain values, those values are its condition, and in the other runs it is switched off.
    """
    parents = [p for p in parameters if isinstance(p.domain, Categorical) and not p.name.endswith(IS)]
    above: dict[str, set[str]] = {p.name: {p.name} for p in parameters}
    found = {p.name: p for p in parameters}
    for child in parameters:
        for parent in parents:
            condition = None if child.name in above[parent.name] else _condition(child, parent, rows)
            if condition:
                above[child.name] |= above[parent.name]
                found[child.name] = replace(child, given=child.given | parent.given, condition=condition)
                break
    return list(found.values())


def _condition(child: Parameter, parent: Parameter, rows: Rows) -> Condition | None:
    """When a parameter is active, if another one tells; None where it does not, or where too few runs speak for it."""
    both = rows[parent.given[rows]]
    there = child.given[both]
    if child.condition.clauses or min(int(there.sum()), int((~there).sum())) < CLEAR:
        return None
    on, off = set(parent.column[both[there]].tolist()), set(parent.column[both[~there]].tolist())
    # with a value for every other run, any two groups of runs would differ in their values
    if on & off or len(both) < 2 * len(on | off):
        return None
    values = [value for value in parent.domain.levels(2) if value in on]
    return Condition.of({parent.name: values if len(values) > 1 else values[0]})
