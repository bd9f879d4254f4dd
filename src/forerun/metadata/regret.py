"""Where a task's losses end: what regrets are counted from, and to.

Losses without a natural worst explode, and one exploded training would make all others look perfect: where
the worst is more than EXPLODED times as far from the best as the median is, the median takes its place.
"""

import numpy as np

from forerun.space import Floats

EXPLODED = 1_000.0


def ends(losses: Floats) -> tuple[float, float]:
    """The best of a task's losses and the one that counts as its worst; NaN are left out, of none at all 0 and 0."""
    known = losses[np.isfinite(losses)]
    if not len(known):
        return 0.0, 0.0
    best, middle, worst = float(known.min()), float(np.median(known)), float(known.max())
    return best, middle if worst - best > EXPLODED * (middle - best) > 0 else worst
