"""What was read earlier and what is new since, put together: equal to what a fresh reading gives."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from forerun.mining.runs import Columns, Integers, Kind, Runs, cells
from forerun.tracking.reading.base import Reading

Thing = TypeVar("Thing")


def merged(known: Runs, reading: Reading) -> Runs:
    """Replace and add the runs that were read, and drop those that are gone."""
    new = reading.runs
    if not len(new) and not reading.gone:
        return known
    replaced = reading.gone | set(new.ids)
    kept = np.array([run not in replaced for run in known.ids], dtype=bool)
    ids = [*(run for run, keep in zip(known.ids, kept, strict=True) if keep), *new.ids]
    end = np.concatenate([known.end[kept], new.end])
    order = np.lexsort((np.array(ids, dtype=str), np.where(end == 0, np.iinfo(np.int64).max, end)))
    place = np.empty(len(ids), np.int64)
    place[order] = np.arange(len(ids))
    old = np.full(len(known), -1, np.int64)
    old[kept] = place[: kept.sum()]
    fresh = place[kept.sum() :]

    def column(a: list[str], b: list[str]) -> list[str]:
        both = [*(text for text, keep in zip(a, kept, strict=True) if keep), *b]
        return [both[i] for i in order]

    nan = _rows(known.logged_nan, new.logged_nan, old, fresh)
    return Runs(
        ids=[ids[i] for i in order],
        experiment=column(known.experiment, new.experiment),
        name=column(known.name, new.name),
        status=column(known.status, new.status),
        start=np.concatenate([known.start[kept], new.start])[order],
        end=end[order],
        user=column(known.user, new.user),
        params=_columns(known.params, new.params, old, fresh, n=len(ids)),
        tags=_columns(known.tags, new.tags, old, fresh, n=len(ids)),
        metrics=_columns(known.metrics, new.metrics, old, fresh, n=len(ids), always=nan),
        logged_nan=nan,
        curves={name: _by_row(known.curves[name], new.curves[name], old, fresh) for name in known.curves},
        inputs=_by_row(known.inputs, new.inputs, old, fresh),
    )


# below, `old` and `fresh` are the places of known and of new rows; known rows that are dropped have -1


def _columns(
    known: Mapping[str, npt.NDArray[Kind]],
    new: Mapping[str, npt.NDArray[Kind]],
    old: Integers,
    fresh: Integers,
    *,
    n: int,
    always: Iterable[str] = (),
) -> Columns[Kind]:
    """Columns of both; names that no row has any more drop out, but for those of `always`."""
    found = {}
    for name in known.keys() | new.keys():
        parts = [(where, cells(columns, name)) for where, columns in ((old, known), (fresh, new)) if name in columns]
        rows = np.concatenate([where[rows] for where, (rows, _) in parts])
        values = np.concatenate([values for _, (_, values) in parts])
        order = np.argsort(rows)[np.count_nonzero(rows < 0) :]
        if len(order) or name in always:
            found[name] = rows[order], values[order]
    return Columns(n, found)


def _rows(
    known: Mapping[str, Integers], new: Mapping[str, Integers], old: Integers, fresh: Integers
) -> dict[str, Integers]:
    """Rows by name."""
    none = np.empty(0, np.int64)
    found = {}
    for name in sorted(known.keys() | new.keys()):
        rows = np.concatenate([old[known.get(name, none)], fresh[new.get(name, none)]])
        if (rows >= 0).any():
            found[name] = np.sort(rows[rows >= 0])
    return found


def _by_row(known: Mapping[int, Thing], new: Mapping[int, Thing], old: Integers, fresh: Integers) -> dict[int, Thing]:
    """Things by row."""
    found = {int(old[row]): thing for row, thing in known.items() if old[row] >= 0}
    found |= {int(fresh[row]): thing for row, thing in new.items()}
    return dict(sorted(found.items()))
