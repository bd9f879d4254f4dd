"""The result of a program that logs nothing to MLflow, in what it prints.

Counted is the last line of its output that is

    NAME=VALUE      or NAME: VALUE, alone on its line
    {"NAME": VALUE, ...}      a JSON object
"""

import json
import re


def printed(output: str, name: str) -> float | None:
    """The value of a metric in a program's output; None where it says none. May be NaN or infinite."""
    plain = re.compile(rf"\s*{re.escape(name)}\s*[=:]\s*(\S+)\s*")
    for line in reversed(output.splitlines()):
        match = plain.fullmatch(line)
        found = _number(match.group(1)) if match else _in_json(line, name)
        if found is not None:
            return found
    return None


def _in_json(line: str, name: str) -> float | None:
    if not line.lstrip().startswith("{"):
        return None
    try:
        read = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return _number(read.get(name))


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None
