"""The domain of a parameter, told from all values that it had.

A range is on a log scale where the values are positive, span a factor of ten or more and lie more evenly on that
scale than on the plain one, or are a grid that doubles. A parameter of numbers and words is one categorical domain
where it has few values (max_depth = None | 5 | 10); where it has many it becomes two: `max_depth is`, a word or
"a number", and `max_depth`, which is active where that is "a number".
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from forerun.errors import SpaceError
from forerun.space import Categorical, Domain, Floats, Integer, Ordinal, Real, Subset, Value

FEW = 12
"""Different values, up to which numbers and words are categories together."""
MANY_WORDS = 50
"""Different words, beyond which they are no categories."""
SPAN = 10.0
"""Largest over smallest value, from which on a log scale is considered."""
GRID, EVEN = 4.0, 0.05
"""The same for a grid such as 16, 32, 64, and how even it must be."""
UNEVEN = 0.3
"""How far from evenly spread few values may lie, before only their order counts."""
EMPTY = "[]"
IS = " is"
NUMBER = "a number"


def is_number(value: Any) -> bool:
    """Whether it is an int or a float; booleans are none."""
    return type(value) is float or type(value) is int


def infer(values: Sequence[Value]) -> Domain:
    """The domain of values, two different ones at least, that are all numbers or all not, or few.

    Raises SpaceError where there are too many words, or only one value.
    """
    distinct = ordered(values)
    if len(distinct) < 2:
        raise SpaceError(f"it is always {distinct[0]!r}" if distinct else "it has no value")
    if all(isinstance(v, tuple) or v == EMPTY for v in distinct):
        elements = sorted({each for v in distinct if isinstance(v, tuple) for each in v})
        if len(elements) <= MANY_WORDS:
            return Subset(tuple(elements))
    if all(map(is_number, distinct)):
        return numbers(np.array(distinct, dtype=float), whole=all(isinstance(v, int) for v in distinct))
    words = tuple(dict.fromkeys(word(v) for v in distinct))
    if len(words) > MANY_WORDS:
        raise SpaceError(f"it has {len(words):,} different words; more than {MANY_WORDS} are no categories")
    return Categorical(words)


def word(value: Value) -> Value:
    """A value as a category: what is no scalar becomes its text."""
    return value if isinstance(value, (bool, int, float, str)) else ", ".join(map(str, value))


def fitted(value: Value, domain: Domain) -> Value:
    """A value as its domain holds it."""
    if isinstance(domain, Subset):
        return domain.restore(() if value == EMPTY else value)
    return word(value) if isinstance(domain, Categorical) else value


def ordered(values: Sequence[Value]) -> list[Value]:
    """The different values: numbers by size, before booleans, before words by frequency."""
    counts = Counter((type(v).__name__ if isinstance(v, bool) else "", v) for v in values)
    plain = sorted((v for (_, v) in counts if is_number(v)), key=float)  # type: ignore[arg-type]
    booleans = sorted(v for (kind, v) in counts if kind)
    rest = [((-n, str(v)), v) for (kind, v), n in counts.items() if not kind and not is_number(v)]
    return [*plain, *booleans, *(v for _, v in sorted(rest, key=lambda each: each[0]))]


def numbers(distinct: Floats, whole: bool) -> Domain:
    """The domain of different numbers (k,), rising."""
    low, high = float(distinct[0]), float(distinct[-1])
    log = low > 0 and _looks_logarithmic(distinct)
    if low <= 0 < len(distinct) <= FEW and _unevenness(distinct) > UNEVEN:
        return Ordinal(tuple(int(v) if whole else float(v) for v in distinct))
    return Integer(int(low), int(high), log) if whole else Real(low, high, log)


def _looks_logarithmic(distinct: Floats) -> bool:
    """Whether positive numbers lie more evenly on a log scale, and span enough for that to be no chance."""
    plain, log = _unevenness(distinct), _unevenness(np.log(distinct))
    factor = distinct[-1] / distinct[0]
    return bool(
        (factor >= SPAN and log < plain) or (factor >= GRID and len(distinct) > 2 and log < min(EVEN, plain / 2))
    )


def _unevenness(places: Floats) -> float:
    """How far (0 to 1) rising places lie from evenly spread ones: Kolmogorov's distance to the uniform."""
    share: npt.NDArray[np.float64] = (places - places[0]) / (places[-1] - places[0])
    return float(np.abs(share - np.linspace(0, 1, len(share))).max())
