"""Runs from any MLflow store, whatever wrote them, and without writing to it.

    runs = read("postgresql://user@host/mlflow", ["vision"], metrics=["val_loss"])

SQLite and PostgreSQL are read by SQL, a folder file by file, a server through its REST API, and all else through
MLflow's own client. The result is the same.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

from forerun.errors import StoreError
from forerun.mining.runs import Runs
from forerun.tracking.reading.base import Reader, hide


def read(
    uri: str,
    experiments: Sequence[str] | None = None,
    metrics: Sequence[str] = (),
    cache: Path | None = None,
    *,
    fresh: bool = False,
) -> Runs:
    """Read the undeleted runs of some experiments (names; None: all that are not deleted).

    `uri` is what MLflow takes as a tracking URI, or a folder. `metrics` names those whose curves are wanted. With
    `cache`, a folder, only what is new or changed is read the next time; each reader says what it cannot see, and
    after a week, or with `fresh`, everything is read anew. Raises StoreError; then there are no runs, rather than
    some.
    """
    from forerun.tracking.reading.cache import read_cached

    found = reader(uri)
    if cache is None:
        return found.read(experiments, metrics).runs
    return read_cached(found, hide(uri), experiments, metrics, cache, fresh=fresh)


def reader(uri: str) -> Reader:
    """Choose how to read a store. Raises StoreError for a URI that is none."""
    scheme = uri.split(":", 1)[0].split("+", 1)[0] if ":" in uri else "file"
    if scheme in ("http", "https"):
        from forerun.tracking.reading.rest import RestReader

        return RestReader(uri)
    if scheme == "file":
        from forerun.tracking.reading.files import FilesReader

        path = Path(url2pathname(urlparse(uri).path) if ":" in uri else uri)
        return FilesReader(path) if not path.is_file() else reader(f"sqlite:///{path}")
    known: Reader | None = None
    if scheme == "sqlite":
        from forerun.tracking.reading import sqlite

        path = Path(uri.removeprefix("sqlite:///"))
        known = sqlite.SqliteReader(path) if sqlite.readable(path) else None
    elif scheme == "postgresql":
        from forerun.tracking.reading import postgresql

        known = postgresql.PostgresqlReader(uri) if postgresql.readable(uri) else None
    elif scheme not in ("mysql", "mssql", "databricks"):
        raise StoreError(
            "the URI of a store must be a folder, or start with one of sqlite, postgresql, mysql, mssql, http, https "
            f"and databricks; got {hide(uri)!r}"
        )
    if known is None:
        from forerun.tracking.reading.interface import InterfaceReader

        if scheme in ("sqlite", "postgresql"):
            warnings.warn(
                f"the schema of {hide(uri)} is none that forerun reads directly; MLflow itself reads it, but takes "
                "forty times as long",
                stacklevel=2,
            )
        return InterfaceReader(uri)
    return known
