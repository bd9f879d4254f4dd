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
from dataclasses import asdict
from numbers import Real as AnyNumber
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


def mixed(one: Domain, other: Domain) -> SpaceError:
    """Say that two domains cannot be joined."""
    return SpaceError(f"a domain must be of one sort in all programs; got {one} and {other}. Rename one of the two")


def legendre(u: npt.ArrayLike) -> Floats:
    """Encode places u (n,) as their first two Legendre polynomials (n, 2)."""
    v: Floats = np.clip(np.asarray(u, dtype=np.float64), -REACH, REACH)
    return np.stack([v, (3 * v**2 - 1) / 2], axis=1)


def as_number(value: Any) -> float:
    """A finite number, also from a string; anything else raises ValueError."""
    if isinstance(value, (bool, np.bool_)):
        raise ValueError("a boolean is not a number")
    number = float(value)
    if not np.isfinite(number):
        raise ValueError(f"{value} is not finite")
    return number


def is_number(value: Any) -> bool:
    """Whether it is a number of any sort; booleans are none."""
    return isinstance(value, AnyNumber) and not isinstance(value, (bool, np.bool_))
