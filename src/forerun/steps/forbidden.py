"""Forbidden combinations: what people write in settings and on the command line, as conditions of a space.

A combination is a mapping of domains to tests, in the syntax of conditions (see `space.conditions`): it is
forbidden where all of them hold. On the command line the same in one text,

    learner=mlp, mlp.depth>=3, mlp.optimizer=[sgd, adam], preprocessing has interactions
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forerun.errors import SettingsError, SpaceError
from forerun.search import search
from forerun.space import Condition, Configuration, Floats, Grid, Layers, SearchSpace

EXAMPLE = "'learner=mlp,mlp.depth>=3'"
ENTRY = re.compile(r"\s*(?P<name>[^\s=<>\[\],]+)\s*(?P<relation>>=|<=|>|<|=|\shas\s)\s*(?P<value>.*\S)\s*", re.DOTALL)
BETWEEN = re.compile(r",(?![^\[]*\])")
"""A comma that does not stand in a list."""
COMPARISON = re.compile(r"(>=|<=|>|<|has\s)\s*(.*)", re.DOTALL)


def read_forbidden(entries: Sequence[Mapping[str, Any]], space: SearchSpace) -> tuple[Condition, ...]:
    """Read what must not be used. Raises SpaceError for what the space does not have, SettingsError for nothing."""
    return tuple(_read(entry, space) for entry in entries)


def _read(entry: Mapping[str, Any], space: SearchSpace) -> Condition:
    where = f"the forbidden combination {dict(entry)}"
    if not entry:
        raise SettingsError("a forbidden combination must name a domain, as {learner: mlp}; got {}")
    try:
        condition = Condition.of(entry)
    except SpaceError as error:
        raise SpaceError(f"{where}: {error}") from error
    return space.fitted(condition, where)


def parse_forbidden(text: str) -> dict[str, Any]:
    """Read a combination from the command line. Raises SettingsError."""
    import yaml

    found: dict[str, Any] = {}
    for part in BETWEEN.split(text):
        entry = ENTRY.fullmatch(part)
        if entry is None:
            raise SettingsError(
                f"--forbid must be NAME=VALUE or NAME>=NUMBER, several joined by commas, all in quotes, as {EXAMPLE}; "
                f"got {text!r}"
            )
        name, relation, value = entry["name"], entry["relation"].strip(), entry["value"]
        if name in found:
            raise SettingsError(f"--forbid must test {name!r} once in each combination; got {text!r}")
        comparison = COMPARISON.fullmatch(value if relation == "=" else f"{relation} {value}")
        try:
            found[name] = f"{comparison[1].strip()} {comparison[2]}" if comparison else yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise SettingsError(f"a value of --forbid must be one of YAML, as mlp or [a, b]; got {text!r}") from error
    return found


def check_something_is_left(grid: Grid, forbidden: Sequence[Condition], fixed: Configuration) -> None:
    """Raise SettingsError where what is forbidden leaves nothing of a grid, on which some values are fixed."""
    if not forbidden or is_something_left(grid, forbidden):
        return
    alone = [c for c in forbidden if not is_something_left(grid, [c])]
    told = ", ".join(str(c.to_dict()) for c in alone[:1] or forbidden)
    given = f" with {dict(fixed)} fixed" if fixed else ""
    raise SettingsError(
        f"what is forbidden must leave something to try in space {grid.space.name!r}{given}; nothing is left by {told}"
    )


def is_something_left(grid: Grid, forbidden: Sequence[Condition]) -> bool:
    """Whether any configuration of a grid is allowed: a search by a score that likes all of them alike."""
    found = search(Indifferent(len(grid.encoder.columns)), grid, 1, np.random.default_rng(0), forbidden=forbidden)
    return bool(found.candidates) or not found.proven


@dataclass(frozen=True)
class Indifferent:
    """The score that is 0 everywhere, and says so (`space.Additive`)."""

    columns: int

    def __call__(self, X: Floats) -> Floats:
        """Score encoded configurations."""
        return np.zeros(len(X))

    def layers(self) -> Layers:
        """As `Additive.layers`."""
        return [(np.zeros((self.columns, 1)), np.zeros(1))]
