"""Names taken apart into words: what a parameter, metric or tag is called tells much of what it is."""

import re

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SPLIT = re.compile(r"[^A-Za-z0-9]+")


def words(name: str) -> list[str]:
    """The words of a name, in lower case.

    >>> words("valid_0-multi_logloss"), words("maxDepth"), words("clf__n_estimators")
    (['valid', '0', 'multi', 'logloss'], ['max', 'depth'], ['clf', 'n', 'estimators'])
    """
    return [w for w in _SPLIT.split(_CAMEL.sub("_", name[:1_000]).lower()) if w]


def listed(text: str) -> tuple[str, ...]:
    """The words of a vocabulary."""
    return tuple(text.split())


def joined(name: str) -> str:
    """The words between underscores, with one at each end: to look a phrase up in.

    >>> joined("maxDepth")
    '_max_depth_'
    """
    return f"_{'_'.join(words(name))}_"


def shown(text: object, longest: int = 60) -> str:
    """A text as a terminal may show it: in one line, control characters spelled, the middle of a long one left out.

    >>> shown("a\\x1b[31m\\n" + "x" * 30, 20)
    'a\\\\x1b[31m\\\\…xxxxxxxxx'
    """
    plain = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))
    if len(plain) <= longest:
        return plain
    head = (longest - 1) // 2
    return f"{plain[:head]}…{plain[len(plain) - (longest - 1 - head) :]}"


def utf8(text: object) -> str:
    """A text that a file can hold, halves of characters replaced; '' for None."""
    plain = "" if text is None else str(text)
    return plain if plain.isascii() else plain.encode("utf-8", "replace").decode()
