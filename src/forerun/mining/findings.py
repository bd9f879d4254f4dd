"""What was found in runs, as data: the table that people read and the datasheet are made of it."""

from dataclasses import dataclass

from forerun.mining.targets import Target


@dataclass(frozen=True)
class TaskFound:
    """One task."""

    name: str
    runs: int
    """That count, failed ones included."""
    failed: int
    metric: str
    best: float
    """Value of the metric, in its own direction; NaN where every run failed."""
    middle: float
    """The median."""
    data: str
    """Name and digest of the data set, where one was logged."""


@dataclass(frozen=True)
class ParameterFound:
    """One parameter of the space."""

    name: str
    domain: str
    """In words: its type, range and scale, or its values."""
    coverage: float
    """Share of the runs used that have a value of it."""
    tasks: int
    when: str
    """Its condition; empty where it has none."""
    note: str
    """What else there is to say; mostly empty."""
    suspicious: str = ""
    """Why a person should have a look at it; empty where there is no reason."""


@dataclass(frozen=True)
class Rename:
    """Two names that may be of one parameter."""

    old: str
    new: str
    why: str


@dataclass(frozen=True)
class Findings:
    """All that a person can act on."""

    origin: str
    runs: int
    """That were read."""
    used: int
    left_out: dict[str, list[str]]
    """Reason to the ids of the runs that do not count because of it."""
    failed: dict[str, int]
    """Reason of failed trials to their number."""
    targets: list[Target]
    task_rule: str
    tasks: list[TaskFound]
    parameters: list[ParameterFound]
    parameters_left_out: dict[str, str]
    """Name to the reason."""
    renames: list[Rename]
    told: list[str]
    """Anything else, a sentence each."""
    programs: list[str]
    """Source, commit and user of the runs used: what wrote them."""

    @property
    def suspicious(self) -> list[ParameterFound]:
        """Parameters of the space that a person should have a look at."""
        return [p for p in self.parameters if p.suspicious]
