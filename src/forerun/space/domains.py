"""Domains: what one hyperparameter may be, and how its values become numbers.

Numeric values (real, integer, ordinal) are first placed at u in [-1, 1] (on a log scale where the domain
says so) and encoded as the Legendre polynomials P1 = u and P2 = (3u^2 - 1) / 2, so that even a linear
model can put an optimum inside the range. Categories are one-hot, sets multi-hot. A value that a domain
does not know (a category of another program, a number outside the range) still encodes: an unknown
category as zeros, a number beyond the range by extrapolation up to |u| = 1.5. Whether a value is allowed
is the business of `check`.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from forerun.errors import SpaceError

Floats = npt.NDArray[np.float64]
Value = bool | int | float | str | tuple[str, ...]

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
    u = np.clip(np.asarray(u, dtype=float), -REACH, REACH)
    return np.stack([u, (3 * u**2 - 1) / 2], axis=1)


def _number(value: Any) -> float:
    """A finite number, also from a string; anything else raises ValueError."""
    if isinstance(value, (bool, np.bool_)):
        raise ValueError("a boolean is not a number")
    number = float(value)
    if not np.isfinite(number):
        raise ValueError("not finite")
    return number


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
            v = np.log(np.maximum(v, np.finfo(float).tiny))
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
        # six digits: people read these, and low and high themselves stay exact
        inner = [float(f"{v:.6g}") for v in self.unplace(np.linspace(-1, 1, max(resolution, 2))[1:-1])]
        return [self.low, *inner, self.high]

    def decode(self, rows: Floats) -> list[Value]:
        return self._neat(rows[:, 0])

    def _neat(self, u: Floats) -> list[Value]:
        # 12 digits, so that exp(log(x)) is x again
        return [float(f"{v:.12g}") for v in self.unplace(u)]

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
        if number != int(number):
            raise ValueError(f"{value} is not whole")
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


@dataclass(frozen=True)
class _Choice(Domain):
    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        values = self.values
        if isinstance(values, str) or not isinstance(values, Sequence):
            raise SpaceError(f"values must be a list; got {values!r}")
        if not values:
            raise SpaceError("values must name at least one value, or the domain is empty; got []")
        if len({(type(v), v) for v in values}) < len(values):
            raise SpaceError(f"values must differ from each other; got {list(values)}")
        bad = [v for v in values if not isinstance(v, (bool, int, float, str))]
        if bad:
            raise SpaceError(f"values must be numbers, strings or booleans; got {bad[0]!r}")
        object.__setattr__(self, "values", tuple(values))

    def _find(self, value: Any) -> int | None:
        """Position of `value`; booleans and numbers are not each other, a number may come as a string."""
        for i, known in enumerate(self.values):
            if known == value and isinstance(known, bool) == isinstance(value, (bool, np.bool_)):
                return i
        for i, known in enumerate(self.values):
            if not isinstance(known, str) and isinstance(value, str) and str(known) == value:
                return i
            # Parquet and MLflow may turn 1 into 1.0 and '1'
            if isinstance(known, str) and not isinstance(value, (str, bool)) and known == str(value):
                return i
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
        if self._numeric and list(self.values) != sorted(self.values):  # type: ignore[type-var]
            raise SpaceError(f"values of an ordinal domain must rise; got {list(self.values)}")

    @property
    def _numeric(self) -> bool:
        return all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in self.values)

    def check(self, value: Any) -> str:
        if self._numeric and isinstance(value, (int, float)) and not isinstance(value, bool):
            inside = self.values[0] <= value <= self.values[-1]  # type: ignore[operator]
            return "" if inside else f"from {self.values[0]} to {self.values[-1]}"
        return super().check(value)

    @property
    def columns(self) -> list[str]:
        return ["u", "u2"]

    def _rank(self, value: Value) -> float:
        found = self._find(value)
        if found is not None:
            return float(found)
        if self._numeric and isinstance(value, (int, float)):
            return float(np.interp(value, np.array(self.values, dtype=float), np.arange(len(self.values))))
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
            return Ordinal(tuple(sorted(set(self.values) | set(other.values))))  # type: ignore[type-var]
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
        if any(not isinstance(v, str) for v in self.values) or len(set(self.values)) < len(self.values):
            raise SpaceError(f"values of a subset must be strings that differ from each other; got {list(self.values)}")
        object.__setattr__(self, "values", tuple(self.values))

    def check(self, value: Any) -> str:
        fine = isinstance(value, (tuple, list, set, frozenset)) and set(value) <= set(self.values)
        return "" if fine and len(set(value)) == len(value) else f"a set of values from {list(self.values)}"

    def restore(self, value: Any) -> Value:
        chosen = set(value)
        return tuple(v for v in self.values if v in chosen) + tuple(sorted(chosen - set(self.values)))

    def sample(self, rng: np.random.Generator, n: int) -> list[Value]:
        return self.decode(rng.integers(0, 2, (n, len(self.values))).astype(float))

    def levels(self, resolution: int) -> list[Value]:
        raise SpaceError("a subset has one axis per element; its levels are not listed")

    @property
    def columns(self) -> list[str]:
        return list(self.values)

    def encode(self, values: Sequence[Value]) -> Floats:
        return np.array([[v in value for v in self.values] for value in values], dtype=float).reshape(  # type: ignore[operator]
            len(values), len(self.values)
        )

    def decode(self, rows: Floats) -> list[Value]:
        return [tuple(v for v, on in zip(self.values, row, strict=True) if on > 0.5) for row in rows]

    def join(self, other: Domain) -> Domain:
        if not isinstance(other, Subset):
            raise _mixed(self, other)
        return Subset(self.values + tuple(v for v in other.values if v not in self.values))


DOMAINS: dict[str, type[Domain]] = {d.type: d for d in (Real, Integer, Ordinal, Categorical, Subset)}
