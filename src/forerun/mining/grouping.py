"""Rows by the name that they have in a column, in one pass: there may be thousands of names."""

import numpy as np

from forerun.mining.runs import Integers, Texts


def by_name(column: Texts, rows: Integers) -> dict[str, Integers]:
    """Some rows by their text in a column (n,), in the order in which the texts come; rows without one in no group."""
    found: dict[str, list[int]] = {}
    for row, name in zip(rows.tolist(), column[rows].tolist(), strict=True):
        if name is not None:
            found.setdefault(name, []).append(row)
    return {name: np.array(each, dtype=np.int64) for name, each in found.items()}
