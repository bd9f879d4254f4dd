"""Normalised regret: how far a trial is from the best of its task, as a share of the way to the worst.

    regret = (loss - best) / (worst - best)        over the losses recorded on the task; 1 where failed

What counts as the worst is in `forerun.metadata.regret`; regrets are cut at 1.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from forerun.metadata.regret import ends
from forerun.space import Floats


@dataclass(frozen=True)
class Ends:
    """The best loss of a task, and the one that counts as its worst."""

    best: float
    worst: float

    @classmethod
    def of(cls, losses: Floats) -> Self:
        """Those of a task's losses, of which some may be NaN; of none at all, 0 and 0."""
        return cls(*ends(losses))

    def regret(self, losses: Floats) -> Floats:
        """Normalised regret, in [0, 1]; 0 of all that ended where all losses of the task are equal."""
        width = self.worst - self.best
        shares = np.clip((losses - self.best) / width, 0, 1) if width > 0 else np.zeros(np.shape(losses))
        return np.asarray(np.where(np.isfinite(losses), shares, 1.0))
