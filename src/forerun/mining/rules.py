"""Rules: what a person has to say about runs; everything that is not said is guessed, and the guess is told."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from forerun.errors import SettingsError

TASK_RULES = ("experiment", "dataset", "parent", "tag:NAME", "param:NAME")
VALUE_RULES = ("last", "best", "step:N", "mean:K")


@dataclass(frozen=True)
class Rules:
    """How to read runs."""

    metric: str | None = None
    """The metric that is to be good; None to guess it."""
    minimise: bool | None = None
    """Whether lower values of it are better; None to tell it from its name."""
    value: str = "last"
    """Which of the values that a run logged counts: 'last', 'best', 'step:N' (the last one up to step N) or
    'mean:K' (of the last K)."""
    task_by: str | None = None
    """What makes runs one task: 'experiment', 'dataset' (digest), 'parent', 'tag:NAME' or 'param:NAME'; None to
    guess it for each experiment."""
    renames: Mapping[str, str] = field(default_factory=dict)
    """A parameter's name to the one that it shall have, as {'lr': 'learning_rate'}."""
    without: tuple[str, ...] = ()
    """Parameters that are left out."""
    keep: tuple[str, ...] = ()
    """Parameters that are kept, though they look like no setting."""
    origin: str = ""
    """Where the runs come from, without credentials."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"last|best|step:\d+|mean:[1-9]\d*", self.value):
            raise SettingsError(f"the value of a metric must be one of {', '.join(VALUE_RULES)}; got {self.value!r}")
        if self.task_by is not None and not re.fullmatch(
            r"experiment|dataset|parent|(tag|param):.+", self.task_by, re.DOTALL
        ):
            raise SettingsError(f"what makes a task must be one of {', '.join(TASK_RULES)}; got {self.task_by!r}")
        if self.minimise is not None and self.metric is None:
            raise SettingsError(
                "a direction (--minimize, --maximize) needs the metric that it is of; add --metric NAME"
            )
        both = set(self.without) & set(self.keep)
        if both:
            raise SettingsError(f"a parameter is either kept or left out; got both for {min(both)!r}")
        chained = set(self.renames.values()) & {old for old, new in self.renames.items() if old != new}
        if chained:
            raise SettingsError(
                f"a parameter must be renamed once, to a name that is not renamed itself; got {min(chained)!r}"
            )

    @property
    def needs_curve(self) -> bool:
        """Whether the last value alone does not do."""
        return self.value != "last"
