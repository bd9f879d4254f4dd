"""Domains: what one hyperparameter may be, and how its values become numbers.

Numeric values (real, integer, ordinal) are first placed at u in [-1, 1] (on a log scale where the domain
says so) and encoded as the Legendre polynomials P1 = u and P2 = (3u^2 - 1) / 2, so that even a linear
model can put an optimum inside the range. Categories are one-hot, sets multi-hot. A value that a domain
does not know (a category of another program, a number outside the range) still encodes: an unknown
category as zeros, a number beyond the range by extrapolation up to |u| = 1.5. Whether a value is allowed
is the business of `check`.
"""

import ast
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from numbers import Real as AnyNumber
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from forerun.errors import SpaceError

Floats = npt.NDArray[np.float64]
Value = bool | int | float | str | tuple[str, ...]

MOST = 2**53
"""The largest integer: beyond it floats skip whole numbers."""

REACH = 1.5
"""How far beyond its range (in u) a number is extrapolated."""


class Domain(ABC):
    """The values of one hyperparameter."""

    type: ClassVar[str]
    """Its name in YAML and JSON."""

    @abstractmethod
    def check(self, value: Any) -> str:
        """Return what is allowed, as words, when `value` is not; the empty string when it is."""

    @abstractmethod
    def restore(self, value: Any) -> Value:
        """Turn a loosely typed value (from YAML, Parquet, MLflow's strings) into this domain's type."""

    @abstractmethod
    def sample(self, rng: np.random.Generator, n: int) -> list[Value]:
        """Draw n values, uniform on the domain's scale."""

    @abstractmethod
    def levels(self, resolution: int) -> list[Value]:
        """List at most `resolution` values that stand for the domain; all of them where it is discrete."""

    @property
    @abstractmethod
    def columns(self) -> list[str]:
        """Suffixes of the encoded columns."""

    @abstractmethod
    def encode(self, values: Sequence[Value]) -> Floats:
        """Encode n values as (n, len(columns))."""

    @abstractmethod
    def decode(self, rows: Floats) -> list[Value]:
        """Return the values nearest to encoded rows (n, len(columns))."""

    @abstractmethod
    def join(self, other: "Domain") -> "Domain":
        """Return the smallest domain that holds both. Raises SpaceError when there is none."""

    def to_dict(self) -> dict[str, Any]:
        """Return the domain as it stands in YAML and JSON."""
        fields = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}  # type: ignore[call-overload]
        return {"type": self.type, **fields}


def _mixed(one: Domain, other: Domain) -> SpaceError:
    return SpaceError(f"a domain must be of one sort in all programs; got {one} and {other}. Rename one of the two")


def _legendre(u: npt.ArrayLike) -> Floats:
    v: Floats = np.clip(np.asarray(u, dtype=np.float64), -REACH, REACH)
    return np.stack([v, (3 * v**2 - 1) / 2], axis=1)


def _number(value: Any) -> float:
    """A finite number, also from a string; anything else raises ValueError."""
    if isinstance(value, (bool, np.bool_)):
        raise ValueError("a boolean is not a number")
    number = float(value)
    if not np.isfinite(number):
        raise ValueError(f"{value} is not finite")
    return number


def _is_number(value: Any) -> bool:
    return isinstance(value, AnyNumber) and not isinstance(value, (bool, np.bool_))


@dataclass(frozen=True)
class _Range(Domain):
    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        try:
            low, high = self._cast(self.low), self._cast(self.high)
        except (TypeError, ValueError, OverflowError) as error:
            raise SpaceError(f"low and high must be {self.type} numbers; got {self.low!r} and {self.high!r}") from error
        if not isinstance(self.log, bool):
            raise SpaceError(f"log must be true or false; got {self.log!r}")
        if not low < high:
            raise SpaceError(f"low must be below high, or the domain is empty; got low={low} and high={high}")
        if self.log and low <= 0:
            raise SpaceError(f"low of a log domain must be above 0; got {low}. Use a small positive number")
        width = np.log(high) - np.log(low) if self.log else high - low
        if not 0 < width < np.inf:
            raise SpaceError(f"low and high must not be too far apart or too close for floats; got {low} and {high}")
        object.__setattr__(self, "low", low)
        object.__setattr__(self, "high", high)

    def _cast(self, value: Any) -> float:
        raise NotImplementedError

    def check(self, value: Any) -> str:
        try:
            inside = self.low <= self._cast(value) <= self.high
        except (TypeError, ValueError, OverflowError):
            inside = False
        return "" if inside else f"{self.type} in [{self.low}, {self.high}]"

    def restore(self, value: Any) -> Value:
        return self._cast(value)

    @property
    def columns(self) -> list[str]:
        return ["u", "u2"]

    def place(self, values: npt.ArrayLike) -> Floats:
        """Place values (n,) at u, in [-1, 1] for those in range."""
        v = np.asarray(values, dtype=float)
        if self.log:
            low, high = np.log(self.low), np.log(self.high)
            v = np.log(np.maximum(v, np.nextafter(0, 1)))  # what is not positive lies far below the range
        else:
            low, high = self.low, self.high
        return np.asarray(2 * (v - low) / (high - low) - 1)

    def unplace(self, u: npt.ArrayLike) -> Floats:
        """The inverse of `place`, for u clipped to [-1, 1]."""
        share = (np.clip(np.asarray(u, dtype=float), -1, 1) + 1) / 2
        if self.log:
            v = np.exp(np.log(self.low) + share * (np.log(self.high) - np.log(self.low)))
        else:
            v = self.low + share * (self.high - self.low)
        # exp(log(high)) may exceed high by a rounding error
        return np.asarray(np.clip(v, self.low, self.high))

    def encode(self, values: Sequence[Value]) -> Floats:
        return _legendre(self.place(np.asarray(values, dtype=float)))


@dataclass(frozen=True)
class Real(_Range):
    """Real numbers in [low, high]; `log` spreads them evenly over orders of magnitude."""

    type: ClassVar[str] = "real"

    def _cast(self, value: Any) -> float:
        return _number(value)

    def sample(self, rng: np.random.Generator, n: int) -> list[Value]:
        return self._neat(rng.uniform(-1, 1, n))

    def levels(self, resolution: int) -> list[Value]:
        exact = self.unplace(np.linspace(-1, 1, max(resolution, 2)))
        # six digits, as people read these, where they tell the levels apart; low and high stay exact
        for digits in (6, 9, 12, 15):
            found = [self.low, *(float(f"{v:.{digits}g}") for v in exact[1:-1]), self.high]
            if found == sorted(set(found)):
                return list(found)
        return [float(v) for v in np.unique([self.low, *exact[1:-1], self.high])]

    def decode(self, rows: Floats) -> list[Value]:
        return self._neat(rows[:, 0])

    def _neat(self, u: Floats) -> list[Value]:
        # 12 digits, so that exp(log(x)) is x again; rounding must not leave the range
        return [min(max(float(f"{v:.12g}"), self.low), self.high) for v in self.unplace(u)]

    def join(self, other: Domain) -> Domain:
        if not isinstance(other, _Range):
            raise _mixed(self, other)
        low = min(self.low, other.low)
        return Real(low, max(self.high, other.high), log=(self.log or other.log) and low > 0)


@dataclass(frozen=True)
class Integer(_Range):
    """Whole numbers from low to high, both included."""

    low: int
    high: int
    log: bool = False
    type: ClassVar[str] = "integer"

    def _cast(self, value: Any) -> int:
        number = _number(value)
        if number != int(number) or abs(number) > MOST:
            raise ValueError(f"{value} is not whole, or beyond what a float holds exactly")
        return int(number)

    def sample(self, rng: np.random.Generator, n: int) -> list[Value]:
        if not self.log:
            return [int(v) for v in rng.integers(self.low, self.high + 1, n)]
        u = rng.uniform(np.log(self.low - 0.5), np.log(self.high + 0.5), n)
        return [int(v) for v in np.clip(np.round(np.exp(u)), self.low, self.high)]

    def levels(self, resolution: int) -> list[Value]:
        if self.high - self.low < resolution:
            return list(range(self.low, self.high + 1))
        grid = np.round(self.unplace(np.linspace(-1, 1, max(resolution, 2)))).astype(int)
        return [int(v) for v in np.unique(grid)]

    def decode(self, rows: Floats) -> list[Value]:
        return [int(v) for v in np.round(self.unplace(rows[:, 0]))]

    def join(self, other: Domain) -> Domain:
        if isinstance(other, Integer):
            low = min(self.low, other.low)
            return Integer(low, max(self.high, other.high), log=(self.log or other.log) and low > 0)
        return other.join(self) if isinstance(other, Real) else Real(self.low, self.high, self.log).join(other)


def _read_number(text: str) -> int | float | None:
    """The finite number that a string spells, whole ones as int."""
    try:
        number = _number(text)
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
            if _is_number(value) and not np.isfinite(value):
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
            return next((i for i, known in enumerate(self.values) if _is_number(known) and known == number), None)
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
        return all(map(_is_number, self.values))

    def check(self, value: Any) -> str:
        if self._numeric and _is_number(value):
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
        if self._numeric and _is_number(value):
            known = np.array(self.values, dtype=np.float64)
            return float(np.interp(float(value), known, np.arange(len(known))))  # type: ignore[arg-type]
        return (len(self.values) - 1) / 2

    def encode(self, values: Sequence[Value]) -> Floats:
        ranks = np.array([self._rank(v) for v in values], dtype=float)
        return _legendre(2 * ranks / max(len(self.values) - 1, 1) - 1)

    def decode(self, rows: Floats) -> list[Value]:
        last = len(self.values) - 1
        ranks = np.clip(np.round((rows[:, 0] + 1) / 2 * last), 0, last).astype(int)
        return [self.values[i] for i in ranks]

    def join(self, other: Domain) -> Domain:
        if self == other:
            return self
        if not isinstance(other, Ordinal):
            raise _mixed(self, other)
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
            raise _mixed(self, other)
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
            raise _mixed(self, other)
        return Subset(self.values + tuple(v for v in other.values if v not in self.values))


DOMAINS: dict[str, type[Domain]] = {d.type: d for d in (Real, Integer, Ordinal, Categorical, Subset)}
