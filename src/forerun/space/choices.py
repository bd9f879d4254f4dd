"""Listed values: in an order, in none, or any subset of them."""
# ruff: noqa: D102 (one meaning per method, told once in Domain)

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from forerun.errors import SpaceError
from forerun.space.domains import Domain, Floats, Value, as_number, is_number, legendre, mixed


def _read_number(text: str) -> int | float | None:
    """The finite number that a string spells, whole ones as int."""
    try:
        number = as_number(text)
    except ValueError:
        return None
    return int(number) if number == int(number) else number


@dataclass(frozen=True)
class _Choice(Domain):
    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        values = self.values
        if isinstance(values, str) or not isinstance(values, Sequence):
            raise SpaceError(f"values must be a list; got {values!r}")
        if not values:
            raise SpaceError("values must name at least one value, or the domain is empty; got []")
        for value in values:
            if not isinstance(value, (bool, int, float, str)):
                raise SpaceError(f"values must be numbers, strings or booleans; got {value!r}")
            if is_number(value) and not np.isfinite(value):
                raise SpaceError(f"values must be finite; got {value!r}")
        # MLflow keeps parameters as strings, so 1 and '1' would be told apart here and not there
        if len({str(v) for v in values}) < len(values) or len({(isinstance(v, bool), v) for v in values}) < len(values):
            raise SpaceError(f"values must differ from each other, also as strings; got {list(values)}")
        object.__setattr__(self, "values", tuple(values))

    def _find(self, value: Any) -> int | None:
        """Position of `value`; booleans and numbers are not each other, a number may come as a string."""
        for i, known in enumerate(self.values):
            if known == value and isinstance(known, bool) == isinstance(value, (bool, np.bool_)):
                return i
        # Parquet and MLflow may turn 1 into 1.0, '1' and '1.0'
        for i, known in enumerate(self.values):
            if isinstance(known, str) != isinstance(value, str) and str(known) == str(value):
                return i
        if isinstance(value, str) and (number := _read_number(value)) is not None:
            return next((i for i, known in enumerate(self.values) if is_number(known) and known == number), None)
        return None

    def check(self, value: Any) -> str:
        return "" if self._find(value) is not None else f"one of {list(self.values)}"

    def restore(self, value: Any) -> Value:
        found = self._find(value)
        return value if found is None else self.values[found]

    def sample(self, rng: np.random.Generator, n: int) -> list[Value]:
        return [self.values[i] for i in rng.integers(0, len(self.values), n)]

    def levels(self, resolution: int) -> list[Value]:
        return list(self.values)


@dataclass(frozen=True)
class Ordinal(_Choice):
    """Values with an order, given from low to high; numbers between the listed ones are allowed too."""

    type: ClassVar[str] = "ordinal"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self._numeric and list(self.values) != sorted(self.values):
            raise SpaceError(f"values of an ordinal domain must rise; got {list(self.values)}")

    @property
    def _numeric(self) -> bool:
        return all(map(is_number, self.values))

    def check(self, value: Any) -> str:
        if self._numeric and is_number(value):
            inside = self.values[0] <= value <= self.values[-1]
            return "" if inside else f"from {self.values[0]} to {self.values[-1]}"
        return super().check(value)

    def restore(self, value: Any) -> Value:
        found = super().restore(value)
        number = _read_number(found) if self._numeric and isinstance(found, str) else None
        return found if number is None else number

    @property
    def columns(self) -> list[str]:
        return ["u", "u2"]

    def _rank(self, value: Value) -> float:
        found = self._find(value)
        if found is not None:
            return float(found)
        if self._numeric and is_number(value):
            known = np.array(self.values, dtype=np.float64)
            return float(np.interp(float(value), known, np.arange(len(known))))  # type: ignore[arg-type]
        return (len(self.values) - 1) / 2

    def encode(self, values: Sequence[Value]) -> Floats:
        ranks = np.array([self._rank(v) for v in values], dtype=float)
        return legendre(2 * ranks / max(len(self.values) - 1, 1) - 1)

    def decode(self, rows: Floats) -> list[Value]:
        last = len(self.values) - 1
        ranks = np.clip(np.round((rows[:, 0] + 1) / 2 * last), 0, last).astype(int)
        return [self.values[i] for i in ranks]

    def join(self, other: Domain) -> Domain:
        if self == other:
            return self
        if not isinstance(other, Ordinal):
            raise mixed(self, other)
        if self._numeric and other._numeric:
            return Ordinal(tuple(sorted(set(self.values) | set(other.values))))
        return Ordinal(self.values + tuple(v for v in other.values if v not in self.values))


@dataclass(frozen=True)
class Categorical(_Choice):
    """Values without an order."""

    type: ClassVar[str] = "categorical"

    @property
    def columns(self) -> list[str]:
        return [str(v) for v in self.values]

    def encode(self, values: Sequence[Value]) -> Floats:
        rows = np.zeros((len(values), len(self.values)))
        for i, value in enumerate(values):
            found = self._find(value)
            if found is not None:
                rows[i, found] = 1
        return rows

    def decode(self, rows: Floats) -> list[Value]:
        return [self.values[i] for i in rows.argmax(axis=1)]

    def join(self, other: Domain) -> Domain:
        if not isinstance(other, Categorical):
            raise mixed(self, other)
        return Categorical(
            self.values + tuple(v for v in other.values if other._find(v) is not None and self._find(v) is None)
        )


def _read_elements(text: str) -> Sequence[Any]:
    """Read a set written as a Python or JSON list, or as words between commas."""
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        found = None
    if isinstance(found, (list, tuple, set)):
        return list(found)
    return [word.strip() for word in text.split(",") if word.strip()]


@dataclass(frozen=True)
class Subset(Domain):
    """Sets of the given values: which features, which preprocessing steps. A value is a tuple in the given order."""

    values: tuple[str, ...]
    type: ClassVar[str] = "subset"

    def __post_init__(self) -> None:
        if isinstance(self.values, str) or not isinstance(self.values, Sequence):
            raise SpaceError(f"values must be a list; got {self.values!r}")
        if not self.values:
            raise SpaceError("values must name at least one value, or the domain is empty; got []")
        if not all(isinstance(v, str) for v in self.values) or len(set(self.values)) < len(self.values):
            raise SpaceError(f"values of a subset must be strings that differ from each other; got {list(self.values)}")
        object.__setattr__(self, "values", tuple(self.values))

    def check(self, value: Any) -> str:
        fine = isinstance(value, (tuple, list, set, frozenset)) and all(v in self.values for v in value)
        return "" if fine and len(set(value)) == len(value) else f"a set of values from {list(self.values)}"

    def restore(self, value: Any) -> Value:
        if isinstance(value, str):
            value = _read_elements(value)
        chosen = {str(v) for v in value}
        return tuple(v for v in self.values if v in chosen) + tuple(sorted(chosen - set(self.values)))

    def sample(self, rng: np.random.Generator, n: int) -> list[Value]:
        return self.decode(rng.integers(0, 2, (n, len(self.values))).astype(float))

    def levels(self, resolution: int) -> list[Value]:
        raise SpaceError("a subset has one axis per element; its levels are not listed")

    @property
    def columns(self) -> list[str]:
        return list(self.values)

    def encode(self, values: Sequence[Value]) -> Floats:
        rows: list[list[float]] = [[v in value for v in self.values] for value in values]  # type: ignore[operator]
        return np.array(rows, dtype=np.float64).reshape(len(values), len(self.values))

    def decode(self, rows: Floats) -> list[Value]:
        return [tuple(v for v, on in zip(self.values, row, strict=True) if on > 0.5) for row in rows]

    def join(self, other: Domain) -> Domain:
        if not isinstance(other, Subset):
            raise mixed(self, other)
        return Subset(self.values + tuple(v for v in other.values if v not in self.values))
