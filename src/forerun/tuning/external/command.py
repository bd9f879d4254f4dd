"""A command line with placeholders: `python train.py --lr {lr} --depth {depth}`.

Values go into an argument list, never through a shell, so nothing in them is ever executed or split. A name in
braces is a placeholder; `{{name}}` stands for `{name}` itself, and braces around anything else (JSON, say) are text.

Where a condition switched a domain off, the argument that holds its placeholder is left out, together with the
option before it where the placeholder is all of the argument: `--momentum {momentum}` goes as a whole.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from forerun.errors import SettingsError
from forerun.space import SearchSpace, Value

PLACEHOLDER = re.compile(r"\{\{([^{}]*)\}\}|\{([A-Za-z_][^{}\"':,\s]*)\}")


@dataclass(frozen=True)
class Template:
    """A program and its arguments, some with placeholders."""

    arguments: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """The domains that it names, each once."""
        found = (match.group(2) for argument in self.arguments for match in PLACEHOLDER.finditer(argument))
        return list(dict.fromkeys(name for name in found if name))

    def check(self, space: SearchSpace) -> None:
        """Raise SettingsError unless it names every domain of the space, and nothing else."""
        if not self.names:
            raise SettingsError(
                "the command must hold a placeholder for everything that is tried, as in: python train.py --lr {lr}; "
                f"got {' '.join(self.arguments)!r}"
            )
        unknown = [name for name in self.names if name not in space.domains]
        if unknown:
            raise SettingsError(
                f"placeholders of the command must be domains of {space.name!r} ({', '.join(space.domains)}); got "
                f"{{{unknown[0]}}}. Add it to the space, or write {{{{{unknown[0]}}}}} where the braces are meant"
            )
        unused = [name for name in space.domains if name not in self.names]
        if unused:
            raise SettingsError(
                f"every domain of {space.name!r} must stand in the command, or changing it would change nothing; "
                f"{{{unused[0]}}} does not. Add it to the command, or take it out of the space"
            )
        for name, domain in space.domains.items():
            strange = [value for value in getattr(domain, "values", ()) if not _can_be_argument(str(value))]
            if strange:
                raise SettingsError(f"values of {name!r} must be text that an argument can hold; got {strange[0]!r}")

    def filled(self, configuration: Mapping[str, Value]) -> list[str]:
        """The argument list of a configuration."""
        found: list[str] = []
        for argument in self.arguments:
            off = [n for n in Template((argument,)).names if n not in configuration]
            if not off:
                found.append(PLACEHOLDER.sub(lambda match: _text(match, configuration), argument))
            elif argument == f"{{{off[0]}}}" and found and found[-1].startswith("-"):
                found.pop()
        return found


def _can_be_argument(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a pair of surrogates
        return False
    return "\0" not in text


def _text(match: re.Match[str], configuration: Mapping[str, Value]) -> str:
    if match.group(2) is None:
        return f"{{{match.group(1)}}}"
    return as_argument(configuration[match.group(2)])


def as_argument(value: Value) -> str:
    """A value as a program is told it: a set as a JSON list, numbers as Python writes them."""
    if isinstance(value, (tuple, list)):
        return json.dumps(list(value))
    return repr(value) if isinstance(value, float) else str(value)
