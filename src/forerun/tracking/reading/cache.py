"""What was read, kept in a folder, so that the next reading need only look for what is new.

    rest.json          format, source, its state, data sets, which of the files below count, and what has left them
    all-....parquet    a table of all runs (see `packing`)
    new-....parquet    runs that came or changed since; where they are many, the two become one

rest.json is replaced last, by renaming, so a process that is killed leaves the folder as it was.
"""

import json
import secrets
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock

from forerun.mining.runs import Runs
from forerun.tracking.reading.base import Known, Reader
from forerun.tracking.reading.packing import packed, put_together, unpacked

FORMAT = 2
DAY = 24 * 3600
FRESH_DAYS = 7
"""After so long everything is read anew, for no reader sees every change there may be."""
MANY = 5
"""Where more than one run in so many is new, all are written again."""


def read_cached(
    reader: Reader,
    source: str,
    experiments: Sequence[str] | None,
    metrics: Sequence[str],
    folder: Path,
    *,
    fresh: bool = False,
) -> Runs:
    """Read what is new, or with `fresh` everything, add it to what the folder holds, and keep the whole there.

    A folder that holds another source, other experiments or curves, or a damaged or older format, is filled anew.
    """
    folder.mkdir(parents=True, exist_ok=True)
    about = {
        "format": FORMAT,
        "source": source,
        "experiments": None if experiments is None else sorted(experiments),
        "metrics": sorted(metrics),
    }
    with FileLock(folder / ".lock"), ThreadPoolExecutor(1) as pool:
        rest = None if fresh else _fitting(folder, about)
        if rest is not None:
            loading = pool.submit(Kept.load, folder, rest)  # while the source is looked at
            try:
                reading = reader.increment(experiments, metrics, Known(lambda: loading.result().table()), rest["state"])
                kept = loading.result()
            except (OSError, pa.ArrowException):
                reading = None  # damaged inside: reading everything mends it
            if reading is not None:
                table, datasets = packed(reading.runs)
                runs = unpacked(kept.add(table, reading.gone, datasets, reading.state), kept.rest["datasets"])
                kept.save(folder)
                return runs
        whole = reader.read(experiments, metrics, resumable=True)
        table, datasets = packed(whole.runs)
        rest = {**about, "datasets": datasets, "gone": [], "state": whole.state, "full": time.time()}
        Kept(table, table.slice(0, 0), rest).save(folder)
    return whole.runs


@dataclass
class Kept:
    """What a folder holds."""

    all: pa.Table
    new: pa.Table
    rest: dict[str, Any]

    @classmethod
    def load(cls, folder: Path, rest: dict[str, Any]) -> "Kept":
        """Read the files that `rest` names."""
        return cls(pq.read_table(folder / rest["all"]), pq.read_table(folder / rest["new"]), rest)

    def table(self) -> pa.Table:
        """All runs as they are now."""
        if not len(self.new) and not self.rest["gone"]:
            return self.all
        return put_together(self.all, self.new, self.rest["gone"])

    def add(self, new: pa.Table, gone: frozenset[str], datasets: dict[str, Any], state: dict[str, Any]) -> pa.Table:
        """Take what is new, and give all runs; `rest` names the files that are still right."""
        self.rest["state"] = state
        self.rest["datasets"] |= datasets
        if not len(new) and not gone:
            return self.table()
        self.new = put_together(self.new, new, gone)
        self.rest["gone"] = sorted({*self.rest["gone"], *gone})
        del self.rest["new"]
        table = self.table()
        if (len(self.new) + len(self.rest["gone"])) * MANY > len(self.all):
            self.all, self.new = table, table.slice(0, 0)
            self.rest["gone"] = []
            del self.rest["all"]
        return table

    def save(self, folder: Path) -> None:
        """Write what is not yet there."""
        for part in ("all", "new"):
            if part not in self.rest:
                self.rest[part] = f"{part}-{secrets.token_hex(8)}.parquet"
                write(getattr(self, part), folder / self.rest[part])
        partial = folder / ".rest.partial"
        partial.write_text(json.dumps(self.rest), "utf-8")
        partial.replace(folder / "rest.json")
        for file in folder.glob("*-*.parquet"):
            if file.name not in (self.rest["all"], self.rest["new"]):
                file.unlink()


def write(table: pa.Table, path: Path) -> None:
    """Write a table so that it is read quickly: compressed, or with statistics, that takes twice as long."""
    coded = [name for name in table.column_names if pa.types.is_dictionary(table[name].type)]
    pq.write_table(table, path, compression="none", use_dictionary=coded, write_statistics=False)


def _fitting(folder: Path, about: dict[str, Any]) -> dict[str, Any] | None:
    """rest.json; None where the folder holds nothing that fits."""
    try:
        rest: dict[str, Any] = json.loads((folder / "rest.json").read_text("utf-8"))
        same = all(rest.get(key) == value for key, value in about.items())
        for part in ("all", "new"):
            pq.read_schema(folder / rest[part])  # at the file's end: a torn one has none
    except (FileNotFoundError, ValueError, KeyError, TypeError, pa.ArrowException):
        return None  # damaged: reading everything mends it
    return rest if same and time.time() - rest["full"] <= FRESH_DAYS * DAY else None
