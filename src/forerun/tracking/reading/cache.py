"""What was read, kept in a folder, so that the next reading need only look for what is new.

    runs.parquet    one row a run: see `packing`
    rest.json       format, source, state of the source, and what is no column

Both are replaced by renaming, and each says which one it belongs to.
"""

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock

from forerun.mining.runs import Runs
from forerun.tracking.reading.base import Reader
from forerun.tracking.reading.merging import merged
from forerun.tracking.reading.packing import packed, texts_of, unpacked

FORMAT = 1
DAY = 24 * 3600
FRESH_DAYS = 7
"""After so long everything is read anew, for no reader sees every change there may be."""


def read_cached(
    reader: Reader, source: str, experiments: Sequence[str] | None, metrics: Sequence[str], folder: Path
) -> Runs:
    """Read what is new, add it to what the folder holds, and keep the whole there.

    A folder that holds another source, other experiments or curves, or a damaged or older format, is filled anew.
    """
    folder.mkdir(parents=True, exist_ok=True)
    about = {
        "format": FORMAT,
        "source": source,
        "experiments": None if experiments is None else sorted(experiments),
        "metrics": sorted(metrics),
    }
    with FileLock(folder / ".lock"):
        found = _load(folder, about)
        if found is not None:
            known, state, full = found
            reading = reader.increment(experiments, metrics, known, state)
            if reading is not None:
                runs = merged(known, reading)
                _save(folder, about, runs, reading.state, full, unchanged=runs is known)
                return runs
        reading = reader.read(experiments, metrics, resumable=True)
        _save(folder, about, reading.runs, reading.state, time.time())
    return reading.runs


def _load(folder: Path, about: Mapping[str, Any]) -> tuple[Runs, dict[str, Any], float] | None:
    """Runs, state, and when everything was read; None where there is nothing that fits."""
    try:
        rest = json.loads((folder / "rest.json").read_text("utf-8"))
        if any(rest.get(key) != value for key, value in about.items()) or time.time() - rest["full"] > FRESH_DAYS * DAY:
            return None
        file = pq.ParquetFile(folder / "runs.parquet")
        table = pq.read_table(folder / "runs.parquet", read_dictionary=texts_of(file.schema_arrow))
        if (table.schema.metadata or {}).get(b"forerun.part") != rest["part"].encode():
            return None
        return unpacked(table, rest), rest["state"], rest["full"]
    except (FileNotFoundError, ValueError, KeyError, TypeError, pa.ArrowException):
        return None  # damaged: reading everything mends it


def _save(
    folder: Path,
    about: Mapping[str, Any],
    runs: Runs,
    state: Mapping[str, Any],
    full: float,
    *,
    unchanged: bool = False,
) -> None:
    table, rest = packed(runs)
    part = secrets.token_hex(8)
    if unchanged:
        part = json.loads((folder / "rest.json").read_text("utf-8"))["part"]
    else:
        partial = folder / ".runs.partial"
        pq.write_table(table.replace_schema_metadata({"forerun.part": part}), partial, compression="lz4")
        partial.replace(folder / "runs.parquet")
    partial = folder / ".rest.partial"
    partial.write_text(json.dumps({**about, "part": part, "state": state, "full": full, **rest}), "utf-8")
    partial.replace(folder / "rest.json")
