"""A meta-dataset as one Parquet file.

The columns are those of the trials: task (its index), loss, seconds, y, censored, started, and one a column of
X, 'x.<name>'. Files from before trials carried their time have no 'started': it is unknown there. What belongs
to tasks stands as JSON in the schema's metadata, under 'forerun.meta', beside 'forerun.format' and 'forerun.what'.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from forerun.errors import FormatError, HistoryError, SpaceError
from forerun.metadata.dataset import MetaDataset
from forerun.metadata.scaler import FeatureScaler
from forerun.space import SearchSpace

FORMAT_VERSION = 1
"""Raised when a reader of the old one could misread the new one."""
WHAT = b"meta-dataset"
PER_TRIAL = ("task", "loss", "seconds", "y", "censored")
STARTED = "started"


def save(meta: MetaDataset, path: Path) -> None:
    """Write the file; it is complete before it takes its name."""
    arrays = {name: pa.array(getattr(meta, name)) for name in (*PER_TRIAL, STARTED)}
    arrays |= {f"x.{name}": pa.array(meta.X[:, i]) for i, name in enumerate(meta.space.columns)}
    about = {
        "space": meta.space.to_dict(),
        "tasks": list(meta.tasks),
        "families": list(meta.families),
        "features": meta.features.tolist(),
        "location": meta.location.tolist(),
        "scale": meta.scale.tolist(),
        "scaler": meta.scaler.to_dict(),
        "target": meta.target,
    }
    schema = {b"forerun.format": str(FORMAT_VERSION), b"forerun.what": WHAT, b"forerun.meta": json.dumps(about)}
    table = pa.table(arrays).replace_schema_metadata(schema)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    pq.write_table(table, partial, compression="zstd")
    partial.replace(path)


def load(path: Path) -> MetaDataset:
    """Read what `save` wrote. Raises HistoryError when it is not there, FormatError when it cannot be understood."""
    table = _read(path)
    metadata = table.schema.metadata or {}
    if metadata.get(b"forerun.what") != WHAT:
        raise FormatError(f"{path} must be a meta-dataset that forerun wrote; got another Parquet file")
    version = metadata.get(b"forerun.format", b"")
    if not version.isdigit() or int(version) > FORMAT_VERSION:
        raise FormatError(
            f"format of {path} must be at most {FORMAT_VERSION}; got {version.decode()!r}. Upgrade forerun to read it"
        )
    try:
        return _build(table, json.loads(metadata[b"forerun.meta"]))
    except (KeyError, TypeError, ValueError, SpaceError, pa.ArrowInvalid) as error:
        raise FormatError(f"{path} is damaged: {error!r}. Make it again with `forerun step featurize`") from error


def _read(path: Path) -> pa.Table:
    if not path.is_file():
        raise HistoryError(
            f"the meta-dataset {path} must be a file; there is none. Make it with `forerun step featurize`"
        )
    try:
        return pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise FormatError(f"{path} must be a Parquet file: {error}") from error


def _build(table: pa.Table, about: dict[str, Any]) -> MetaDataset:
    space = SearchSpace.from_dict(about["space"])
    scaler = FeatureScaler.from_dict(about["scaler"])
    columns = {name: table[name].to_numpy() for name in PER_TRIAL}
    X = np.empty((len(table), len(space.columns)))
    for i, name in enumerate(space.columns):
        X[:, i] = table[f"x.{name}"].to_numpy()
    return MetaDataset(
        space=space,
        X=X,
        tasks=about["tasks"],
        families=about["families"],
        features=np.array(about["features"], dtype=float).reshape(len(about["tasks"]), len(scaler.columns)),
        feature_names=scaler.names,
        location=np.array(about["location"], dtype=float),
        scale=np.array(about["scale"], dtype=float),
        scaler=scaler,
        target=about["target"],
        started=table[STARTED].to_numpy() if STARTED in table.column_names else np.full(len(table), np.nan),
        **columns,
    )
