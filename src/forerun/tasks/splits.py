"""Seeded, stratified sampling and splitting of rows.

Notation: n rows, strata (n,) integer codes. Classes are the strata of classification; of regression it is
the deciles of the target, so that the parts see the same range.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from forerun.errors import DataError

Codes = npt.NDArray[np.intp]

SMALLEST_STRATUM = 3
"""A stratum needs one row for each of train, validation and test; smaller ones stay in train."""


def strata_of(y: npt.NDArray[Any], kind: str, size: int | None = None) -> Codes:
    """Integer strata (n,) of a target: its classes, or up to ten equally large groups of neighbouring values.

    size is the number of rows that will be drawn (None: all); fewer rows make fewer groups.
    """
    if kind != "regression":
        return y.astype(np.intp)
    bins = max(1, min(10, min(len(y), size or len(y)) // 5))
    ranks = np.argsort(np.argsort(y, kind="stable"), kind="stable")
    return (ranks * bins // len(y)).astype(np.intp)


def apportion(exact: npt.NDArray[np.float64], least: Codes) -> Codes:
    """Round exact shares to whole numbers of the same sum, by largest remainders, each at least its least.

    >>> apportion(np.array([4.2, 1.4, 1.4]), np.array([1, 1, 1])).tolist()
    [4, 2, 1]
    """
    total = round(float(exact.sum()))
    if least.sum() > total:
        raise DataError(f"{total} rows are too few: {int(least.sum())} are needed to give every class its share")
    counts = np.floor(exact + 1e-9).astype(np.intp)
    # Stable, so that ties go to the first and the outcome does not depend on the platform.
    counts[np.argsort(counts - exact, kind="stable")[: total - counts.sum()]] += 1
    while (counts < least).any():
        # Whoever has most above its exact share gives, so that no one part or class pays for all.
        counts[np.argmax(np.where(counts > least, counts - exact, -np.inf))] -= 1
        counts[np.argmin(counts - least)] += 1
    return counts


def sample(strata: Codes, size: int, seed: int) -> Codes:
    """Rows (size,) of a stratified sample without replacement, ascending; all rows if there are no more than size.

    Strata keep their shares, and up to three rows whatever their share. Raises DataError if size is too small
    for that.
    """
    if len(strata) <= size:
        return np.arange(len(strata))
    rng = np.random.default_rng(seed)
    _, codes, counts = np.unique(strata, return_inverse=True, return_counts=True)
    shares = apportion(size * counts / len(strata), np.minimum(counts, SMALLEST_STRATUM))
    chosen = [rng.permutation(np.flatnonzero(codes == code))[:share] for code, share in enumerate(shares)]
    return np.sort(np.concatenate(chosen))


def split(strata: Codes, fractions: tuple[float, float, float], seed: int) -> tuple[Codes, Codes, Codes]:
    """Rows of train, validation and test, each in random order; disjoint, together all rows.

    Every stratum of at least three rows is in all three parts; smaller ones are in train alone.
    Raises DataError unless fractions are three positive numbers that sum to 1.
    """
    weights = np.asarray(fractions, dtype=np.float64)
    if weights.shape != (3,) or not (weights > 0).all() or not np.isclose(weights.sum(), 1.0):
        raise DataError(f"fractions of train, validation and test must be positive and sum to 1; got {fractions}")
    rng = np.random.default_rng(seed)
    parts: tuple[list[Codes], ...] = ([], [], [])
    owed = np.zeros(3)  # what rounding took from each part so far: without it many small strata all round alike
    for code in np.unique(strata):
        rows = rng.permutation(np.flatnonzero(strata == code))
        counts = np.array([len(rows), 0, 0])
        if len(rows) >= SMALLEST_STRATUM:
            exact = len(rows) * weights + owed
            counts = apportion(exact, np.ones(3, dtype=np.intp))
            owed = exact - counts
        for part, piece in zip(parts, np.split(rows, np.cumsum(counts)[:2]), strict=True):
            part.append(piece)
    train, validation, test = (rng.permutation(np.concatenate(part)) for part in parts)
    return train, validation, test
