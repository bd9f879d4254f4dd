"""Targets: what a meta-learner fits in place of raw losses, and the way back.

Notation: l raw losses (k,) of one task, a location, s scale, z = (l - a) / s, y target units.

Losses of different tasks share neither unit nor offset, a few of them explode, and what is decided is
decided among the good ones. So per task

    a = 25 % quantile of l         s = (a - 5 % quantile) / 0.97, at least (a - min) / 5
    y = z                          where z <= 0: the good quarter keeps its proportions
    y = z / (1 + z / WORST)        where z > 0: the rest is bent towards WORST, which it never reaches

The bend is monotone, continuously differentiable and inverted in closed form, z = y / (1 - y / WORST). A
failed trial counts as an infinitely bad one: y = WORST. An affine change of the losses (with a positive
factor) moves a and s along and leaves y as it was. What other transforms cost is measured in
`benchmarks/targets.py`.

For a new task a and s are predicted (`ScaleModel`) and, from its first trials on, estimated (`locate`).
Target units of training times are log10 seconds as they are (`ABSOLUTE`): there absolute values count.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from forerun.space import Floats

WORST = 3.0
"""Target of an infinite loss, and of a failed trial."""
NEARLY_WORST = 0.99 * WORST
"""Targets are read back up to here, that is up to 99 scales x WORST above the location: finite."""
GAP = 0.9703638
"""Between the 5 % and the 25 % quantile of the standard normal distribution."""


class Units(NamedTuple):
    """A prediction in raw units."""

    mean: Floats
    """(n,) strictly the median, as quantiles are what a monotone map preserves."""
    std: Floats
    """(n,)"""


@dataclass(frozen=True)
class Standard:
    """Where one task's losses lie: the map from raw losses to target units and back."""

    location: float
    scale: float
    """Positive."""
    location_std: float = 0.0
    """Doubt about the location, in raw units."""
    log_scale_std: float = 0.0
    """Doubt about the natural logarithm of the scale."""
    pivot: float = 0.0
    """The z at which the doubt about the scale moves nothing: where the task's known trials lie."""
    bent: bool = True
    """Whether what is worse than the location is bent; not for times."""

    def forward(self, losses: Floats) -> Floats:
        """Turn raw losses into target units; what is not finite (failed) becomes WORST."""
        losses = np.asarray(losses, dtype=float)
        z = (losses - self.location) / self.scale
        if not self.bent:
            return z
        known = np.isfinite(losses)
        z = np.where(known, z, 0.0)
        up = np.maximum(z, 0.0)
        return np.where(known, np.where(z > 0, up / (1 + up / WORST), z), WORST)

    def inverse(self, y: Floats) -> Floats:
        """Turn target units into raw losses; y is cut at NEARLY_WORST, so that the result is finite."""
        return self.location + self.scale * self.unbend(y)

    def unbend(self, y: Floats) -> Floats:
        """Turn target units y into z, which is linear in the raw loss."""
        y = np.asarray(y, dtype=float)
        if not self.bent:
            return y
        y = np.minimum(y, NEARLY_WORST)
        up = np.maximum(y, 0.0)
        return np.where(y > 0, up / (1 - up / WORST), y)

    def unbend_std(self, mean: Floats, std: Floats) -> Floats:
        """Half of the way in z between mean - std and mean + std, both moved down as one to stay finite."""
        if self.bent:
            mean = np.minimum(mean, NEARLY_WORST - std)
        return (self.unbend(mean + std) - self.unbend(mean - std)) / 2

    def to_units(self, mean: Floats, std: Floats) -> Units:
        """Turn predictions in target units into raw units, with the doubts about location and scale in the std."""
        z = self.unbend(mean)
        moved = self.location_std**2 + (self.scale * (z - self.pivot) * self.log_scale_std) ** 2
        own = self.scale * self.unbend_std(np.asarray(mean, dtype=float), np.asarray(std, dtype=float))
        return Units(self.location + self.scale * z, np.sqrt(own**2 + moved))


ABSOLUTE = Standard(0.0, 1.0, bent=False)
"""Target units that are the raw units."""


def standardise(losses: Floats) -> tuple[Floats, Standard]:
    """Return targets y (k,) of one task's losses, and the map that made them. NaN and infinities are failed."""
    standard = standard_of(losses)
    return standard.forward(losses), standard


def standard_of(losses: Floats) -> Standard:
    """Location and scale of one task's losses (see the module); of constant ones, the scale is 1."""
    known = np.asarray(losses, dtype=float)
    known = known[np.isfinite(known)]
    if not len(known):
        return Standard(0.0, 1.0)
    least, low, location, *above = (float(v) for v in np.quantile(known, [0, 0.05, 0.25, 0.5, 0.75, 0.9, 1]))
    # where the best quarter is equally good, the spread of the worse ones is all there is
    scales = (max((location - low) / GAP, (location - least) / 5), *(v - location for v in above))
    # above the rounding errors of the good ones: an exploded loss must not hide their spread
    noise = 1e-12 * max(abs(least), abs(location))
    return Standard(location, next((s for s in scales if s > noise), 1.0))


def locate(losses: Floats, mean: Floats, std: Floats, prior: Standard) -> Standard:
    """Estimate location and scale of a task from k raw losses and what was predicted of them in target units.

    The model is l_i = a + s (z_i + t_i e_i) with z_i the unbent prediction, t_i its std (on the same scale)
    and e_i standard normal; a and log s have flat priors. With weights 1 / t_i^2, and L, Z centred by their
    weighted means, the posterior in log s after integrating a out is highest at 1 / s = u with

        u^2 S_LL - u S_LZ - (k - 1) = 0      where S_LL = sum L^2 / t^2, S_LZ = sum L Z / t^2

    whose positive root always exists: with good predictions s is the slope of losses on predictions, with
    useless ones it is std(l) / t. So from two distinct losses on the result follows the losses' unit and
    offset exactly, and the prior speaks only of the scale where all losses known are equal, or there is one.
    The model has no place for exploded losses: they are cut first, at 5 times the way from best to median.
    """
    losses, mean, std = (np.asarray(a, dtype=float) for a in (losses, mean, std))
    known = np.isfinite(losses)
    k = int(known.sum())
    if k == 0 or not prior.bent:
        return prior
    losses, z = _without_explosions(losses[known]), prior.unbend(mean[known])
    weight = 1 / np.maximum(prior.unbend_std(mean, std)[known], 1e-3) ** 2
    total = float(weight.sum())
    level, center = float(weight @ losses) / total, float(weight @ z) / total
    if np.ptp(losses) <= 1e-12 * np.abs(losses).max():
        scale, log_scale_std = prior.scale, prior.log_scale_std
    else:
        s_ll = float(weight @ (losses - level) ** 2)
        s_lz = float(weight @ ((losses - level) * (z - center)))
        u = (s_lz + math.sqrt(s_lz**2 + 4 * (k - 1) * s_ll)) / (2 * s_ll)
        # the std from the curvature of the log posterior in log s
        scale, log_scale_std = 1 / u, 1 / math.sqrt((k - 1) + u**2 * s_ll)
    return Standard(level - scale * center, scale, scale / math.sqrt(total), log_scale_std, pivot=center)


def _without_explosions(losses: Floats) -> Floats:
    least, middle = float(losses.min()), float(np.median(losses))
    return np.minimum(losses, middle + 5 * (middle - least)) if middle > least else losses
