"""What a study is about, as tags of its experiment; and long texts as tags."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from forerun.errors import SettingsError
from forerun.space import SearchSpace

FORMAT_VERSION = 1
"""Of a study's tags; raised when a reader of the old ones could misread the new ones."""
STUDY = "forerun.study"
SPACE_JSON = "forerun.study.space."
"""A prefix; three digits follow."""
PIECE = 4000
"""Characters of a tag."""


@dataclass(frozen=True)
class Subject:
    """What a study is about."""

    space: SearchSpace
    metric: str
    maximize: bool
    command: tuple[str, ...] = ()
    """The program with its placeholders; empty for a loop in Python."""

    def tags(self) -> dict[str, str]:
        """The tags that say it, in the order in which they must be written."""
        tags = in_pieces(SPACE_JSON, json.dumps(self.space.to_dict()))
        head = {"format": FORMAT_VERSION, "metric": self.metric, "maximize": self.maximize, "pieces": len(tags)}
        # the head comes last: without it there is no study
        tags[STUDY] = json.dumps({**head, "command": self.command})
        return tags

    @classmethod
    def from_tags(cls, tags: Mapping[str, str], name: str) -> "Subject | None":
        """Read study `name` from its experiment's tags; None where they are no study's.

        Raises SettingsError for a newer format.
        """
        if STUDY not in tags:
            return None
        head = json.loads(tags[STUDY])
        if head["format"] > FORMAT_VERSION:
            raise SettingsError(
                f"the format of study {name!r} must be at most {FORMAT_VERSION}; got {head['format']}. Upgrade forerun"
            )
        # a study that was begun anew may have left more pieces than it has
        text = "".join(tags[f"{SPACE_JSON}{i:03d}"] for i in range(head["pieces"]))
        space = SearchSpace.from_dict(json.loads(text), f"the space of study {name!r}")
        return cls(space, head["metric"], head["maximize"], tuple(head["command"]))

    def differing(self, wanted: "Subject") -> str:
        """What this one has that is not what is wanted."""
        said: list[str] = []
        if self.space != wanted.space:
            said.append(f"another search space ({_spaces(self.space, wanted.space)})")
        if (self.metric, self.maximize) != (wanted.metric, wanted.maximize):
            said.append(f"'{'maximise' if self.maximize else 'minimise'} {self.metric}'")
        if self.command != wanted.command:
            said.append(f"the command {' '.join(self.command)!r}" if self.command else "a loop in Python")
        return " and ".join(said)


def in_pieces(prefix: str, text: str) -> dict[str, str]:
    """A text as tags that are not too long."""
    return {f"{prefix}{i // PIECE:03d}": text[i : i + PIECE] for i in range(0, len(text), PIECE)}


def whole(tags: Mapping[str, str], prefix: str) -> str:
    """The text that `in_pieces` took apart."""
    return "".join(text for _, text in sorted((k, v) for k, v in tags.items() if k.startswith(prefix)))


def _spaces(known: SearchSpace, wanted: SearchSpace) -> str:
    def text(space: SearchSpace, name: str) -> Any:
        return space.to_dict()["domains"].get(name)

    every = dict.fromkeys([*known.domains, *wanted.domains])
    changed = [name for name in every if text(known, name) != text(wanted, name)]
    return ", ".join(changed[:5]) + (" differ" if len(changed) > 1 else " differs") if changed else "its name differs"
