"""What a prediction rests on: how likely each hypothesis of a mixture is, before any trial and after each one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from forerun.metalearners import Surrogate
from forerun.trials import Trial
from forerun.tuning.tuner import Tuner

TASKS, SCRATCH = "tasks", "scratch"
"""Names of the hypotheses that the task is like one of the history, and that it is like none of them."""
ALIKE = 3
"""Tasks of the history that are named."""


@runtime_checkable
class Weighing(Protocol):
    """A surrogate that weighs hypotheses of what the task may be."""

    def hypotheses(self) -> dict[str, float]:
        """How likely each is, summing to 1: TASKS, SCRATCH, or the name of a family that predicts the task."""
        ...


@runtime_checkable
class Likening(Protocol):
    """A surrogate that says which tasks of the history the task is like."""

    def likeness(self) -> dict[str, float]:
        """How likely the most likely ones are, parts of the share of TASKS."""
        ...


@dataclass(frozen=True)
class Grounds:
    """What a surrogate rests on."""

    shares: Mapping[str, float]
    """By hypothesis, summing to 1."""
    alike: Mapping[str, float]
    """Of the most likely tasks of the history, the likeliest first; empty where they are not told."""


def grounds(surrogate: Surrogate) -> Grounds | None:
    """What a surrogate rests on; None for one that weighs nothing."""
    if not isinstance(surrogate, Weighing):
        return None
    tasks = surrogate.likeness() if isinstance(surrogate, Likening) else {}
    likeliest = sorted(tasks, key=lambda name: -tasks[name])[:ALIKE]
    return Grounds(surrogate.hypotheses(), {name: tasks[name] for name in likeliest})


def trace(tuner: Tuner, trials: Sequence[Trial]) -> list[Grounds]:
    """What predictions rested on after 0, 1, 2, ... of the trials; empty where the meta-learner weighs nothing."""
    steps = (grounds(tuner.adapt(trials[:k]).loss) for k in range(len(trials) + 1))
    return [step for step in steps if step is not None]
