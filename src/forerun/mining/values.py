"""What a parameter's text means: True, 3, 1e-4, a word, a list, nothing, or something too long to be a setting.

MLflow keeps every parameter as text, and each program spells in its own way. Read are numbers, booleans, the
many spellings of None (which becomes the word "None"), lists (a list of words stays one, as a tuple; any other
is the word that spells it) and mappings, JSON or Python, which become parameters of their own: `optimizer` with
{"lr": 0.1} becomes `optimizer.lr`. Nothing is ever executed.
"""

import ast
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forerun.mining.runs import Integers, Texts, cells, coded, rows_of
from forerun.mining.words import utf8
from forerun.space import Value

LONGEST = 500
"""Characters; what is longer and no mapping is no setting. MLflow itself cuts at 6,000, so that what is long may
also be broken."""
LONGEST_LITERAL = 6_000
MOST_NAMES = 1_000
"""Parameters that are read at all: each takes a column."""
DEEPEST = 3
"""Levels of nested mappings that become parameters."""
MOST_KEYS = 200
"""Of one mapping."""
NONE = "None"

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_WRAPPED = re.compile(r"(?:np\.\w+|numpy\.\w+|tensor|array)\(([^(),]+)(?:, dtype=[\w.]+)?\)")
"""A number as NumPy 2 and torch spell it: np.float64(0.1), tensor(0.1000)."""
_PLAIN = {
    pa.int64(): r"^-?(0|[1-9][0-9]{0,14})$",
    pa.float64(): r"^-?[0-9]{1,17}(\.[0-9]{1,25}|(\.[0-9]{1,25})?[eE][+-]?[0-9]{1,2})$",
}
"""Numbers of which all readers think alike."""
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_BOOLEANS = {"true": True, "false": False}
_NONES = ("", "none", "null", "nan", "<na>")

Read = Value | dict[str, Any] | None


def read(text: str) -> Read:
    """Return what a text means: a value, a mapping, or None where it is too long to be a setting.

    >>> read("1e-4"), read("True"), read("null"), read("relu"), read('["pca", "scale"]'), read("[64, 32]")
    (0.0001, True, 'None', 'relu', ('pca', 'scale'), '[64, 32]')
    """
    text = text.strip()
    if text[:1] in ("{", "[", "(") and len(text) <= LONGEST_LITERAL:
        found = _literal(text)
        if isinstance(found, dict):
            return found
        if isinstance(found, (list, tuple)) and len(text) <= LONGEST:
            return _list(found)
    if len(text) > LONGEST:
        return None
    return _scalar(text)


def read_all(texts: pa.ChunkedArray) -> Texts:
    """What each of some strings (d,) means, as `read` has it; None for a null.

    Numbers as programs print them, which most parameters are, are read without an object for each text.
    """
    found = np.full(len(texts), None, dtype=object)
    rest = texts.is_valid().to_numpy()
    for type_, pattern in _PLAIN.items():
        plain = rest & pc.match_substring_regex(texts, pattern).fill_null(False).to_numpy()
        found[plain] = texts.filter(pa.array(plain)).cast(type_).to_numpy()
        rest = rest & ~plain
    others = texts.filter(pa.array(rest)).to_pylist()
    found[rest] = np.fromiter(map(read, others), dtype=object, count=len(others))
    return found


def _scalar(text: str) -> Value:
    if text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()]
    if text.lower() in _NONES:
        return NONE
    wrapped = _WRAPPED.fullmatch(text)
    number = wrapped[1].strip() if wrapped else text
    if _NUMBER.fullmatch(number):
        return _number(number, text)
    # an object without a name of its own prints where it lay in memory
    return utf8(_ADDRESS.sub("", text))


def _number(text: str, whole: str) -> Value:
    digits = text.lstrip("+-")
    if digits.isdigit():
        # 007 is a name, and beyond 2^53 whole numbers are identifiers
        name = (len(digits) > 1 and digits[0] == "0") or len(digits) > 15
        return whole if name else int(text)
    number = float(text)
    return number if math.isfinite(number) else whole


def _literal(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def _list(found: Any) -> Value:
    if found and all(isinstance(each, str) for each in found) and len(set(found)) == len(found):
        return tuple(utf8(each) for each in found)
    try:
        return json.dumps(list(found), default=str)
    except (ValueError, TypeError, RecursionError):
        return str(found)


@dataclass
class Settings:
    """The parameters of n runs as columns of values (n,): None where a run has none."""

    columns: dict[str, Texts] = field(default_factory=dict)
    too_long: dict[str, int] = field(default_factory=dict)
    """Parameter to the number of runs whose value is too long to be a setting; there it counts as absent."""
    too_many: dict[str, int] = field(default_factory=dict)
    """Parameter that was not read, for there are too many, to the number of runs that have it."""
    nested: dict[str, list[str]] = field(default_factory=dict)
    """Parameter that held mappings, to those that they became."""

    def put(self, name: str, rows: Sequence[int] | Integers, values: Sequence[Value | None], n: int) -> None:
        """Set those cells of a parameter, of n runs, that are still free."""
        if all(value is None for value in values):
            return
        name = usable(name)
        if name not in self.columns:
            self.columns[name] = np.full(n, None, dtype=object)
        column = self.columns[name]
        for row, value in zip(rows, values, strict=True):
            if column[row] is None:
                column[row] = value


def usable(name: str) -> str:
    """A parameter's name as a search space may have it: not empty, without '=', in UTF-8."""
    return utf8(name).replace("=", "≡") or "(no name)"


def settings(params: Mapping[str, Texts], n: int) -> Settings:
    """Read the parameters of n runs, each text once; of too many, those that the most runs have."""
    found = Settings()
    mappings: list[tuple[str, int, Any]] = []
    counts = {name: len(rows_of(params, name)) for name in params}
    for name in sorted(counts, key=lambda name: (-counts[name], name))[MOST_NAMES:]:
        found.too_many[usable(name)] = counts.pop(name)
    for name in counts:
        rows, values = _meant(params, name)
        too_long = values.count(None)
        if too_long:
            found.too_long[usable(name)] = too_long
        placed = zip(rows.tolist(), values, strict=True)
        mappings += [(name, row, value) for row, value in placed if isinstance(value, dict)]
        found.put(name, rows, [None if isinstance(value, dict) else value for value in values], n)
    # after all others, so that a run's own `a.b` goes before the b in its a
    for name, row, mapping in mappings:
        parts = found.nested.setdefault(usable(name), [])
        for inner, value in _flat(name, mapping, DEEPEST):
            found.put(inner, [row], [value], n)
            if usable(inner) not in parts:
                parts.append(usable(inner))
    return found


def _meant(params: Mapping[str, Texts], name: str) -> tuple[Integers, list[Read]]:
    """The rows of a parameter that hold something, and what it means."""
    kept, rows = coded(params, name), rows_of(params, name)
    if kept is not None:
        return rows, read_all(kept.texts)[kept.codes[rows]].tolist()
    texts = cells(params, name)[1]
    known = {text: read(text) for text in set(texts.tolist())}
    return rows, [known[text] for text in texts]


def _flat(name: str, mapping: Mapping[Any, Any], deeper: int) -> Iterator[tuple[str, Value]]:
    for key, value in list(mapping.items())[:MOST_KEYS]:
        inner = f"{name}.{key}"
        if isinstance(value, dict) and deeper > 1:
            yield from _flat(inner, value, deeper - 1)
        elif isinstance(value, (list, tuple)):
            yield inner, _list(value)
        else:
            again = read(value if isinstance(value, str) else str(value))
            if again is not None and not isinstance(again, dict):
                yield inner, again
