"""Conditions: when a hyperparameter is active.

A condition is a conjunction of clauses, each about one parent domain:

    {"optimizer": "sgd"}                     the parent is sgd
    {"kernel": ["rbf", "poly"]}              the parent is one of these
    {"depth": ">= 3"}                        the parent is at least 3 (also >, <=, <)
    {"preprocessing": "has pca"}             the parent, a set, holds pca

A clause whose parent is inactive does not hold.
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from forerun.errors import SpaceError
from forerun.space.domains import Value

ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


@dataclass(frozen=True)
class Clause:
    """One test of one parent."""

    parent: str
    relation: str
    """'in', 'has', or one of `ORDERS`."""
    operand: Value | tuple[Value, ...]

    def holds(self, value: Value) -> bool:
        """Whether it holds for this value of the (active) parent."""
        if self.relation == "in":
            return any(value == v and isinstance(value, bool) == isinstance(v, bool) for v in self.operand)  # type: ignore[union-attr]
        if self.relation == "has":
            return self.operand in value  # type: ignore[operator]
        return ORDERS[self.relation](value, self.operand)

    @classmethod
    def of(cls, parent: str, test: Any) -> "Clause":
        """Read one entry of a `when` mapping."""
        if isinstance(test, (list, tuple)):
            if not test:
                raise SpaceError(f"a test of {parent!r} must allow at least one value; got []")
            for value in test:
                _check_value(parent, value)
            return cls(parent, "in", tuple(test))
        if isinstance(test, str):
            head, _, rest = test.partition(" ")
            if head == "has" and rest:
                return cls(parent, "has", rest.strip())
            if head in ORDERS:
                try:
                    return cls(parent, head, _finite(rest))
                except ValueError as error:
                    raise SpaceError(f"a test of {parent!r} must compare with a number; got {test!r}") from error
        _check_value(parent, test)
        return cls(parent, "in", (test,))

    @property
    def test(self) -> Any:
        """The inverse of `of`: what stands in a `when` mapping."""
        if self.relation == "in":
            values = list(self.operand)  # type: ignore[arg-type]
            return values[0] if len(values) == 1 and not _is_comparison(values[0]) else values
        return f"{self.relation} {self.operand}"


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(f"{text} is not finite")
    return number


def _check_value(parent: str, value: Any) -> None:
    if not isinstance(value, (bool, int, float, str)):
        raise SpaceError(f"a test of {parent!r} must be a value, a list or a comparison; got {value!r}")


def _is_comparison(value: Value) -> bool:
    """Whether a plain value would be read back as something else."""
    return isinstance(value, str) and value.partition(" ")[0] in (*ORDERS, "has")


@dataclass(frozen=True)
class Condition:
    """All of its clauses must hold; without clauses it always does."""

    clauses: tuple[Clause, ...] = ()

    @classmethod
    def of(cls, when: Mapping[str, Any]) -> "Condition":
        """Read a `when` mapping (see the module's docstring)."""
        return cls(tuple(Clause.of(parent, test) for parent, test in when.items()))

    def __and__(self, other: "Condition") -> "Condition":
        """Both must hold. Raises SpaceError when both speak of one parent: merge the two tests by hand."""
        shared = set(self.parents) & set(other.parents)
        if shared:
            raise SpaceError(f"only one of two joined conditions may speak of a parent; both speak of {sorted(shared)}")
        return Condition(self.clauses + other.clauses)

    @property
    def parents(self) -> list[str]:
        """The domains it speaks of, each once."""
        return list(dict.fromkeys(c.parent for c in self.clauses))

    def holds(self, configuration: Mapping[str, Value]) -> bool:
        """Whether it holds, given the values of the active parents."""
        return all(c.parent in configuration and c.holds(configuration[c.parent]) for c in self.clauses)

    def to_dict(self) -> dict[str, Any]:
        """The inverse of `of`."""
        return {c.parent: c.test for c in self.clauses}


ALWAYS = Condition()
