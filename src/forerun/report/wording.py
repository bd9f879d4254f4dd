"""Numbers and names as people read them. Every text from data is hostile until it went through `clean`."""

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from decimal import Decimal

from forerun.space import Value

DASH = "–"
"""What stands where a number is not known."""

NB = "\u00a0"
"""Between a number and its unit: they stay on one line."""

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
"""Marks that turn the reading direction: they can make a text look like another one."""


def clean(text: str) -> str:
    """Make text harmless to show: one line, no control characters, no direction marks, encodable as UTF-8.

    >>> clean("a\\n b\\x1b[31m")
    'a b\\ufffd[31m'
    """
    return re.sub(" +", " ", "".join(map(_harmless, text))).strip(" ")


def _harmless(character: str) -> str:
    if character.isspace():
        return character if character == NB else " "
    if character in _BIDI or unicodedata.category(character) in ("Cc", "Cs", "Cn"):
        return "\ufffd"
    return character


def shorten(text: str, length: int = 80) -> str:
    """Cut clean text to at most `length` characters, in its middle: the ends tell names apart."""
    text = clean(text)
    if len(text) <= length:
        return text
    head = (length - 1) * 2 // 3
    return text[:head] + "…" + text[len(text) - (length - 1 - head) :]


def number(value: float | None) -> str:
    """Write a number with four significant digits; unknown ones as a dash.

    >>> [number(v) for v in (0.123456, 1234567, 2.5, float("nan"))]
    ['0.1235', '1,234,567', '2.5', '–']
    >>> number(0.000012).replace(NB, " ")
    '1.2 × 10⁻⁵'
    """
    if value is None or math.isnan(value):
        return DASH
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if value != 0 and (abs(value) < 1e-3 or abs(value) >= 1e9):
        return _power(Decimal(value))
    if float(value).is_integer():
        return f"{int(value):,}"
    decimals = max(0, min(6, 3 - math.floor(math.log10(abs(value)))))
    shown = f"{value:,.{decimals}f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def loss(value: float | None, like: float | None = None) -> str:
    """Write a loss so that losses in a column line up: four decimals, fewer where they would say nothing.

    like: another loss; the decimals are its, as those of an error follow what it is the error of.

    >>> loss(0.12345), loss(2963.4), loss(184.2, like=2963.4)
    ('0.1235', '2,963', '184')
    """
    if value is None or not math.isfinite(value) or abs(value) >= 1e6:
        return number(value)
    size = abs(value if like is None or not math.isfinite(like) else like)
    return f"{value:,.{4 if size < 10 else 2 if size < 1000 else 0}f}"


def count(value: int) -> str:
    """Write a count: exact below a million, else as a power of ten (any size of int).

    >>> count(12345), count(31 * 10**19).replace(NB, " ")
    ('12,345', '3.1 × 10²⁰')
    """
    return f"{value:,}" if abs(value) < 1_000_000 else _power(Decimal(value), digits=1)


def fixed(value: float, decimals: int = 2) -> str:
    """Write a number with so many decimals and a true minus.

    >>> fixed(-0.05), fixed(0.7)
    ('−0.05', '0.70')
    """
    return f"{value:.{decimals}f}".replace("-", "−")


def _power(value: Decimal, digits: int = 2) -> str:
    mantissa, exponent = f"{value:.{digits}e}".split("e")
    if "." in mantissa and digits > 1:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}{NB}×{NB}10{str(int(exponent)).translate(_SUPERSCRIPTS)}"


def seconds(value: float | None) -> str:
    """Write a duration in the unit that fits it.

    >>> [seconds(v).replace(NB, " ") for v in (0.0213, 0.85, 43.2, 125, 7300)]
    ['21 ms', '0.85 s', '43 s', '2 min 5 s', '2 h 2 min']
    """
    if value is None or not math.isfinite(value):
        return DASH
    if value < 0.0995:
        return f"{value * 1000:.0f}{NB}ms" if value >= 0.001 else "under 1\u00a0ms"
    if value < 59.5:
        return f"{value:.2g}{NB}s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes}{NB}min {rest}{NB}s" if rest else f"{minutes}{NB}min"
    hours, minutes = divmod(round(value / 60), 60)
    return f"{hours:,}{NB}h {minutes}{NB}min" if minutes else f"{hours:,}{NB}h"


def percent(share: float | None) -> str:
    """Write a share in [0, 1] as a percentage.

    >>> [percent(v).replace(NB, " ") for v in (0.412, 0.004)]
    ['41 %', '0.4 %']
    """
    if share is None or math.isnan(share):
        return DASH
    return f"{100 * share:.0f}{NB}%" if round(abs(share), 4) >= 0.01 or share == 0 else f"{100 * share:.1f}{NB}%"


def value(entry: Value) -> str:
    """Write one value of a configuration.

    >>> [value(v) for v in (True, 0.0031622776, 64, "adamw", ("scale", "pca"), ())]
    ['True', '0.003162', '64', 'adamw', 'scale, pca', 'none']
    """
    if isinstance(entry, bool):
        return str(entry)
    if isinstance(entry, str):
        return clean(entry)
    if isinstance(entry, tuple | list):
        return ", ".join(clean(str(part)) for part in entry) or "none"
    return number(entry)


def brief(configuration: Mapping[str, Value], length: int = 160) -> str:
    """Write a configuration on one line, its learner first, names without the learner's prefix.

    >>> brief({"learner": "svm", "svm.C": 12.5, "svm.kernel": "rbf", "svm.gamma": 0.03}, length=30).replace(NB, " ")
    'svm: C 12.5, kernel rbf, …'
    """
    entries = [
        f"{shorten(_bare(name), 30)}{NB}{shorten(value(entry), 40)}"
        for name, entry in configuration.items()
        if name != "learner"
    ]
    whole = len(entries)
    start = f"{shorten(value(configuration['learner']), 30)}: " if "learner" in configuration else ""
    while len(entries) > 1 and len(start) + len(", ".join(entries)) > length:
        entries.pop()
    return start + ", ".join(entries) + (", …" if len(entries) < whole else "")


def listing(words: Sequence[str]) -> str:
    """Join words as prose does.

    >>> listing(["a"]), listing(["a", "b"]), listing(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def _bare(name: str) -> str:
    return name.rpartition(".")[2] or name
