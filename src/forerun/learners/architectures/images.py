"""Tables whose columns are the pixels of square images."""

import re
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from forerun.errors import DataError

PIXEL = re.compile(r"(\d+)_(\d+)$")


@dataclass
class Images:
    """Columns that are pixels ('pixel_3_5', row and column) as images; a pixel without a column is 0."""

    def fit_transform(self, X: pd.DataFrame, y: np.ndarray) -> np.ndarray:
        """Find where each column stands and the range of all; images (n, 1, side, side)."""
        return self.fit(X).transform(X)

    def fit(self, X: pd.DataFrame) -> Self:
        """Raises DataError for columns that are no pixels."""
        places = {column: PIXEL.search(str(column)) for column in X.columns}
        strange = [c for c, place in places.items() if place is None or isinstance(X[c].dtype, pd.CategoricalDtype)]
        if strange:
            raise DataError(
                f"columns of images must be numeric and named by row and column, as 'pixel_3_5'; got {strange[0]!r}. "
                "Use the family 'dense' for tables"
            )
        self.places_ = {c: (int(p[1]), int(p[2])) for c, p in places.items() if p is not None}
        self.side_ = 1 + max(max(place) for place in self.places_.values())
        values = X.to_numpy(dtype=np.float64)
        self.center_, self.scale_ = float(np.nanmean(values)), float(np.nanstd(values)) or 1.0
        return self

    def transform(self, X: pd.DataFrame) -> np.ndarray:
        """Images (n, 1, side, side), standardised as one; what is missing is the mean."""
        images = np.full((len(X), 1, self.side_, self.side_), -self.center_ / self.scale_)
        for column, (row, place) in self.places_.items():
            images[:, 0, row, place] = (X[column].to_numpy(dtype=np.float64) - self.center_) / self.scale_
        return np.asarray(np.nan_to_num(images))
