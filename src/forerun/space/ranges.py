"""Numbers in a range: real and whole ones, linear or on a log scale."""
# ruff: noqa: D102 (one meaning per method, told once in Domain)

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from forerun.errors import SpaceError
from forerun.space.domains import Domain, Floats, Value, as_number, legendre, mixed

MOST = 2**53
"""The largest integer: beyond it floats skip whole numbers."""


@dataclass(frozen=True)
class Range(Domain):
    """What real and whole numbers have in common."""

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
        return legendre(self.place(np.asarray(values, dtype=float)))


@dataclass(frozen=True)
class Real(Range):
    """Real numbers in [low, high]; `log` spreads them evenly over orders of magnitude."""

    type: ClassVar[str] = "real"

    def _cast(self, value: Any) -> float:
        return as_number(value)

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
        if not isinstance(other, Range):
            raise mixed(self, other)
        low = min(self.low, other.low)
        return Real(low, max(self.high, other.high), log=(self.log or other.log) and low > 0)


@dataclass(frozen=True)
class Integer(Range):
    """Whole numbers from low to high, both included."""

    low: int
    high: int
    log: bool = False
    type: ClassVar[str] = "integer"

    def _cast(self, value: Any) -> int:
        number = as_number(value)
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
