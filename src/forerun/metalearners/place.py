"""Where a task lies among others: what networks see of its features, and the level of its times.

How long trainings take on a task is told by its features far beyond those of the history (`coordinates`), where
networks do not follow; so their level is taken off before networks see times, and added after. Levels of losses
are not asked for.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from forerun.metadata import MetaDataset
from forerun.metadata.scales import Line
from forerun.metalearners.base import Floats
from forerun.metalearners.components import Components
from forerun.metalearners.coordinates import Coordinates
from forerun.metalearners.hierarchy import Grams

COLUMNS = 32
"""Components of the encoding that explain why one task tried slower configurations than another."""


@dataclass(frozen=True)
class Place:
    """Makes coordinates (q,) and the level of a task from its features (m,)."""

    coordinates: Coordinates

    @classmethod
    def fit(cls, meta: MetaDataset, most: int) -> tuple[Self, Floats, Floats]:
        """Learn from a history, and return with it the coordinates (T, q) and levels (T,) of its tasks."""
        Phi = np.column_stack([np.ones(len(meta)), Components.fit(meta.X, COLUMNS).of(meta.X)])
        grams = Grams.of(Phi, meta.y, meta.task, len(meta.tasks), np.ones(len(meta)))
        found, C = Coordinates.fit(meta, grams, most)
        size = found.components.size
        # the first is 1
        if found.level is None:
            return cls(found), C[:, 1:], np.zeros(len(C))
        return cls(found), np.ascontiguousarray(C[:, 1 : 1 + size]), C[:, -1] + found.level.intercept

    def of(self, features: Floats) -> tuple[Floats, float]:
        """Coordinates (q,) and level of a task with features (m,)."""
        c, line = self.coordinates.of(features), self.coordinates.level
        if line is None:
            return c[1:], 0.0
        return c[1:-1], float(c[-1] + line.intercept)

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """As `MetaLearner.state`."""
        components, line = self.coordinates.components, self.coordinates.level
        arrays = {"task_center": components.center, "task_axes": components.axes}
        if line is None:
            return {}, arrays
        return {"level": line.intercept, "level_std": line.std}, arrays | {"level": line.weights}

    @classmethod
    def from_state(cls, settings: dict[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """The inverse of `state`."""
        timed = "level" in settings
        line = Line(settings["level"], arrays["level"], settings["level_std"]) if timed else None
        return cls(Coordinates(Components(arrays["task_center"], arrays["task_axes"]), line))
