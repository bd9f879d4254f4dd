"""Leading principal components: few coordinates that hold most of what many columns say."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from forerun.metalearners.base import Floats

NEGLIGIBLE = 1e-6
"""Directions with a standard deviation below this share of the largest are rounding errors."""
CUT = 3.0
"""A new task may lie far outside the known ones; it is not followed there."""


@dataclass(frozen=True)
class Components:
    """A linear map from d columns to q uncorrelated coordinates."""

    center: Floats
    """(d,)"""
    axes: Floats
    """(d, q)"""

    @classmethod
    def fit(cls, rows: Floats, most: int, *, unit: bool = False) -> Self:
        """Find at most `most` components of rows (n, d), of unit variance where asked."""
        center = rows.mean(axis=0)
        # the eigenvectors of the (d, d) covariance: n may be large, d is not
        covariance = (rows - center).T @ (rows - center) / max(len(rows), 1)
        variances, vectors = np.linalg.eigh(covariance)
        variances, vectors = variances[::-1], vectors[:, ::-1]
        count = int((variances > NEGLIGIBLE**2 * max(float(variances.max(initial=0.0)), 1e-300)).sum())
        count = min(count, most)
        axes = vectors[:, :count]
        # eigenvectors come with either sign; the larger half decides, so that equal data give equal axes
        if count:
            axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(count)])
        # contiguous: a product's last bit depends on the layout, and a saved array comes back in this one
        return cls(center, np.ascontiguousarray(axes / np.sqrt(variances[:count]) if unit else axes))

    @property
    def size(self) -> int:
        """How many coordinates there are."""
        return int(self.axes.shape[1])

    def of(self, rows: Floats) -> Floats:
        """Coordinates (n, q) of rows (n, d)."""
        return np.asarray((rows - self.center) @ self.axes)

    def cut(self, rows: Floats) -> Floats:
        """Coordinates of rows, cut at +-CUT; for components of unit variance."""
        return np.clip(self.of(rows), -CUT, CUT)
