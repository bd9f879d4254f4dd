"""Every method by name.

Peers that bring packages of their own live in modules `judging.peers_*`, each with a dict METHODS of names to
makers (functions or classes without arguments). Heavy packages are imported where a peer is made, so what is
not installed is missed there: `--methods all` leaves it out and says so.
"""

import pkgutil
from collections.abc import Callable, Sequence
from functools import cache, partial
from importlib import import_module

import judging
from forerun.errors import SettingsError
from forerun.metalearners import METALEARNERS
from judging.base import Method
from judging.ours import Ours
from judging.simple import Average, Nearest, Portfolio, Random
from judging.tell import tell

Maker = Callable[[], Method]
OURS = "forerun"
BASIC: dict[str, Maker] = {
    OURS: partial(Ours, "relative"),
    "random": Random,
    "average": Average,
    "portfolio": Portfolio,
    "nearest": Nearest,
}
"""Run by `--methods all`, before the peers with packages of their own."""
FAMILIES: dict[str, Maker] = {name: partial(Ours, name) for name in METALEARNERS}
"""Ours one by one; to be asked for by name."""


@cache
def peers() -> dict[str, Maker]:
    """Those of the modules `peers_*`."""
    found: dict[str, Maker] = {}
    for module in pkgutil.iter_modules(judging.__path__):
        if module.name.startswith("peers_"):
            found |= import_module(f"judging.{module.name}").METHODS
    return found


def make(name: str) -> Method:
    """Make a method. Raises SettingsError for an unknown one, ImportError where its package is not installed."""
    makers = {**FAMILIES, **peers(), **BASIC}
    if name not in makers:
        raise SettingsError(f"methods must be among {', '.join(sorted(makers))}; got {name!r}")
    return makers[name]()


def chosen(wanted: str) -> Sequence[str]:
    """The names behind 'all' or a comma list; each can be made."""
    if wanted != "all":
        names = list(dict.fromkeys(name.strip() for name in wanted.split(",") if name.strip()))
        for name in names:
            make(name)
        return names
    found = []
    for name in {**BASIC, **peers()}:
        try:
            make(name)
            found.append(name)
        except ImportError as error:
            tell(f"{name} is left out: {error}")
    return found
