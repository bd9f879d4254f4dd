"""What a campaign is to train: configurations on tasks, in chunks, the same each time it is asked."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import zip_longest

from forerun.learners.joint import random_configurations, shared_configurations
from forerun.space import Configuration
from forerun.steps.settings import CollectSettings
from forerun.tasks import Task
from forerun.trials import trial_key

Tasks = Mapping[str, Callable[[], Task]]


@dataclass(frozen=True)
class Chunk:
    """Trainings on one task that are started, and if need be started again, together."""

    name: str
    task: str
    configurations: tuple[Configuration, ...]


@dataclass(frozen=True)
class Plan:
    """The trainings that some settings ask for on some tasks."""

    tasks: Mapping[str, Task]
    settings: CollectSettings

    @cached_property
    def chunks(self) -> list[Chunk]:
        """Everything that is to be trained: what all tasks share first, then what each draws for itself.

        Tasks take turns, so that a campaign that is stopped early has taught something of each.
        """
        s, shared, own = self.settings, [], []
        for name, task in self.tasks.items():
            drawn = _of_its_own(name, s.seed)
            shared.append(self._cut(name, "shared", shared_configurations(task.kind, s.shared, s.seed)))
            own.append(self._cut(name, "own", random_configurations(task.kind, s.random, drawn)))
        chunks = [chunk for part in (shared, own) for turn in zip_longest(*part) for chunk in turn if chunk]
        return self._once(chunks)

    def key(self, task: str, configuration: Configuration) -> str:
        """The key of a planned trial."""
        return trial_key(task, configuration, self.settings.seed)

    @property
    def keys(self) -> list[str]:
        """The keys of all planned trials."""
        return [self.key(chunk.task, c) for chunk in self.chunks for c in chunk.configurations]

    def summary(self) -> dict[str, object]:
        """What the plan stands for, the same each time it is completed."""
        keys = sorted(self.keys)
        return {
            "trainings": len(keys),
            "digest": hashlib.sha256("".join(keys).encode()).hexdigest()[:16],
            "tasks": {name: task.digest for name, task in sorted(self.tasks.items())},
        }

    def _once(self, chunks: Sequence[Chunk]) -> list[Chunk]:
        """Leave out what an earlier chunk trains: a draw may repeat another."""
        seen: set[str] = set()
        found = []
        for chunk in chunks:
            new = {self.key(chunk.task, c): c for c in chunk.configurations}
            new = {key: c for key, c in new.items() if key not in seen}
            seen |= set(new)
            found.append(replace(chunk, configurations=tuple(new.values())))
        return [chunk for chunk in found if chunk.configurations]

    def _cut(self, task: str, part: str, configurations: Sequence[Configuration]) -> list[Chunk]:
        size = max(self.settings.chunk, 1)
        pieces = [tuple(configurations[i : i + size]) for i in range(0, len(configurations), size)]
        return [Chunk(f"{task} {part} {i + 1}/{len(pieces)}", task, piece) for i, piece in enumerate(pieces)]


def _of_its_own(task: str, seed: int) -> int:
    """A seed that differs from task to task and stays the same from run to run."""
    return int(hashlib.sha256(f"{seed} {task}".encode()).hexdigest()[:8], 16)
