"""Every method by name."""

from collections.abc import Callable, Sequence
from functools import partial

from forerun.errors import SettingsError
from forerun.metalearners import METALEARNERS
from judging.base import Method
from judging.learned import LearnedOptimizer
from judging.ours import Ours
from judging.peers import PEERS, available
from judging.simple import Average, Nearest, Portfolio, Random
from judging.tell import tell

OURS = "forerun"
FAMILIES: dict[str, Callable[[], Method]] = {
    **{name: partial(Ours, name) for name in METALEARNERS},
    "recurrent_optimizer": LearnedOptimizer,
}
"""Ours one by one; to be asked for by name."""
METHODS: dict[str, Callable[[], Method]] = {
    OURS: partial(Ours, "mixture"),
    "random": Random,
    "average": Average,
    "portfolio": Portfolio,
    "nearest": Nearest,
    **PEERS,
}
"""What `--methods all` runs, but for peers whose packages are not installed."""


def make(name: str) -> Method:
    """Make a method. Raises SettingsError for an unknown one."""
    makers = FAMILIES | METHODS
    if name not in makers:
        raise SettingsError(f"methods must be among {', '.join(makers)}; got {name!r}")
    return makers[name]()


def chosen(wanted: str) -> Sequence[str]:
    """The names behind 'all' or a comma list. Raises SettingsError for one that cannot be made."""
    missing = [name for name in PEERS if not available(name)]
    if wanted == "all":
        if missing:
            tell(f"left out, as their packages are not installed: {', '.join(missing)} (pip install -e '.[bench]')")
        return [name for name in METHODS if name not in missing]
    names = list(dict.fromkeys(name.strip() for name in wanted.split(",") if name.strip()))
    if not names or set(names) & set(missing):
        raise SettingsError(
            f"methods must be 'all' or names of what is installed; got {wanted!r}, not there: {missing}"
        )
    for name in names:
        make(name)
    return names
