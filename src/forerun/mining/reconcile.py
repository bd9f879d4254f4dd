"""Histories of several programs become one, though they call different things by one name.

Where a domain is of numbers here and of words there, the latter history's gets a name of its own, `max_depth
(categorical)`: for whoever learns from both it is another domain, absent in all trials of the former.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from forerun.errors import SpaceError
from forerun.mining.words import shown
from forerun.space import Condition, Domain, SearchSpace
from forerun.space.conditions import Clause
from forerun.trials import History


def join(histories: Sequence[History]) -> tuple[History, list[str]]:
    """All histories in one (a trial that several hold counts once), and a sentence for each name that was changed.

    The first histories keep their names.
    """
    joined, told = histories[0], []
    for other in histories[1:]:
        names = _new_names(joined, other)
        told += [
            f"{shown(old)} is of another sort in one history than in another; there it is called {shown(new)!r}"
            for old, new in names.items()
        ]
        joined = joined.join(_renamed(other, names) if names else other)
    return replace(joined, trials=_of_one_type(joined.trials)), told


def _new_names(one: History, other: History) -> dict[str, str]:
    known, found = _union(one), _union(other)
    clashing = [name for name in found if name in known and not _fit(known[name], found[name])]
    names: dict[str, str] = {}
    for name in clashing:
        new = f"{name} ({found[name].type})"
        while new in known or new in found:
            # the same clash was mended before: the same name, if the two fit
            if new in known and new not in found and _fit(known[new], found[name]):
                break
            new += "~"
        names[name] = new
    return names


def _union(history: History) -> Mapping[str, Domain]:
    return SearchSpace.union(history.spaces.values()).domains if history.spaces else {}


def _fit(one: Domain, other: Domain) -> bool:
    try:
        one.join(other)
    except SpaceError:
        return False
    return True


def _renamed(history: History, names: Mapping[str, str]) -> History:
    spaces = {name: _space(space, names) for name, space in history.spaces.items()}
    trials = history.trials.rename(columns={f"hp_{old}": f"hp_{new}" for old, new in names.items()})
    trials["space"] = trials["space"].map({old: space.name for old, space in spaces.items()})
    return History(trials, history.tasks, {space.name: space for space in spaces.values()})


def _space(space: SearchSpace, names: Mapping[str, str]) -> SearchSpace:
    if not set(names) & set(space.domains):
        return space
    conditions = {
        names.get(child, child): Condition(
            tuple(Clause(names.get(c.parent, c.parent), c.relation, c.operand) for c in condition.clauses)
        )
        for child, condition in space.conditions.items()
    }
    domains = {names.get(name, name): domain for name, domain in space.domains.items()}
    # what it means has changed, and so must its name
    changed = ", ".join(sorted(set(names) & set(space.domains)))
    return SearchSpace(f"{space.name} (renamed {changed})", domains, conditions)


def _of_one_type(trials: pd.DataFrame) -> pd.DataFrame:
    """Make texts of columns that hold texts here and numbers there, as a Parquet file has one type a column."""
    columns = [c for c in trials.columns if c.startswith(("hp_", "hw_")) and trials[c].dtype == object]
    mixed = [c for c in columns if len({isinstance(v, str) for v in trials[c] if _known(v)}) > 1]
    texts: dict[str, Any] = {c: [str(v) if _known(v) else None for v in trials[c]] for c in mixed}
    return trials.assign(**texts)


def _known(value: object) -> bool:
    return value is not None and not (isinstance(value, float) and math.isnan(value))
