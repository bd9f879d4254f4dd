"""Cells (run, name, value) that stream from a database become columns.

All is done on whole batches in C: a Python step for each of four million cells would take longer than the
database does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import repeat

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from forerun.mining.runs import Columns, Floats, Integers
from forerun.tracking.reading.base import HUGE


@dataclass
class Cells:
    """Cells met so far; those of runs that are not in `rows` (id to row) are passed over."""

    rows: Mapping[str, int]
    names: dict[str, int] = field(default_factory=dict)
    _rows: list[npt.NDArray[np.int32]] = field(default_factory=list)
    _codes: list[npt.NDArray[np.int32]] = field(default_factory=list)
    _texts: list[pa.Array] = field(default_factory=list)
    _numbers: list[Floats] = field(default_factory=list)

    def add_texts(self, runs: pa.Array, names: pa.Array, values: pa.Array) -> None:
        """Take a batch of texts: three arrays of strings (m,), none of them null."""
        wanted = self._place(runs, names)
        if wanted is not None:
            values = values.filter(pa.array(wanted))
        self._texts.append(values.dictionary_encode())

    def add_numbers(self, runs: pa.Array, names: pa.Array, values: Floats, nan: npt.NDArray[np.bool_]) -> None:
        """Take a batch of numbers (m,); `nan` says which of them were NaN."""
        values = np.where(nan, np.nan, values)
        values[values >= HUGE] = np.inf
        values[values <= -HUGE] = -np.inf
        wanted = self._place(runs, names)
        self._numbers.append(values if wanted is None else values[wanted])

    def _place(self, runs: pa.Array, names: pa.Array) -> npt.NDArray[np.bool_] | None:
        """Note the rows and names of a batch; returns which cells are wanted, None for all."""
        # a run's cells mostly follow each other, so its row is looked up once
        same = pc.run_end_encode(runs)
        found = np.fromiter(map(self.rows.get, same.values.to_pylist(), repeat(-1)), np.int32, len(same.values))
        rows = np.repeat(found, np.diff(same.run_ends.to_numpy(), prepend=0))
        coded = names.dictionary_encode()
        known = [self.names.setdefault(name, len(self.names)) for name in coded.dictionary.to_pylist()]
        codes = np.array(known, dtype=np.int32)[coded.indices.to_numpy()]
        wanted = rows >= 0
        if wanted.all():
            self._rows.append(rows)
            self._codes.append(codes)
            return None
        self._rows.append(rows[wanted])
        self._codes.append(codes[wanted])
        return wanted

    def texts(self) -> Columns[np.object_]:
        """All texts as columns; equal texts share one object."""
        if not self._texts:
            return Columns(len(self.rows), {})
        chunks = pa.chunked_array(self._texts).unify_dictionaries().chunks
        shared = np.array(chunks[-1].dictionary.to_pylist(), dtype=object)
        values = np.concatenate([chunk.indices.to_numpy() for chunk in chunks])
        return Columns(len(self.rows), {k: (rows, shared[values[at]]) for k, (rows, at) in self._by_name().items()})

    def numbers(self) -> tuple[Columns[np.float64], dict[str, Integers]]:
        """All numbers as columns, and the rows of logged NaN by name."""
        if not self._numbers:
            return Columns(len(self.rows), {}), {}
        values = np.concatenate(self._numbers)
        found = {k: (rows, values[at]) for k, (rows, at) in self._by_name().items()}
        nan = {k: np.sort(rows[np.isnan(v)]) for k, (rows, v) in sorted(found.items())}
        return Columns(len(self.rows), found), {k: rows for k, rows in nan.items() if len(rows)}

    def _by_name(self) -> dict[str, tuple[Integers, Integers]]:
        """Name to rows and to positions among all cells."""
        rows, codes = np.concatenate(self._rows).astype(np.int64), np.concatenate(self._codes)
        # numpy sorts short integers by radix
        order = np.argsort(codes.astype(np.int16) if len(self.names) < 1 << 15 else codes, kind="stable")
        bounds = np.searchsorted(codes[order], np.arange(len(self.names) + 1))
        parts = {k: order[bounds[i] : bounds[i + 1]] for k, i in self.names.items()}
        return {k: (rows[at], at) for k, at in parts.items() if len(at)}
