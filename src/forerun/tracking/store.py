"""Where runs are kept: an embedded SQLite database in the project, or a server one setting away."""

import errno
import logging
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError

from forerun.errors import StoreError
from forerun.tracking import database

SCHEMES = ("http", "https", "sqlite", "postgresql", "mysql", "mssql")

# what goes wrong there is raised as a StoreError; MLflow would print a traceback as well
logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
logging.getLogger("alembic").setLevel(logging.WARNING)


@dataclass(frozen=True)
class Store:
    """An open MLflow store. Cheap to pickle; every process gets its own connection."""

    uri: str
    artifacts: Path | None = None
    """Local folder of artefacts; None where the server decides."""

    @property
    def label(self) -> str:
        """The URI without credentials, for messages."""
        return hide(self.uri)

    @property
    def database(self) -> Path | None:
        """The SQLite file; None for a server."""
        return Path(self.uri.removeprefix("sqlite:///")) if self.uri.startswith("sqlite:") else None

    @cached_property
    def client(self) -> MlflowClient:
        """MLflow's own client."""
        return MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)

    @cached_property
    def _experiments(self) -> dict[str, str]:
        return {}

    def find(self, name: str) -> str | None:
        """Return the id of an experiment, None where it has not been made."""
        if name not in self._experiments:
            with self.guard(f"look up experiment {name!r}"):
                found = self.client.get_experiment_by_name(name)
            if found is None:
                return None
            if found.lifecycle_stage != "active":
                raise StoreError(
                    f"experiment {name!r} of {self.label} must be active; it was deleted. "
                    f"Run: mlflow experiments restore -x {found.experiment_id}"
                )
            self._experiments[name] = found.experiment_id
        return self._experiments[name]

    def experiment(self, name: str) -> str:
        """Return the id of an experiment, making it where it is missing."""
        found = self.find(name)
        if found is None:
            place = str(self.artifacts / name) if self.artifacts else None
            try:
                with self.guard(f"make experiment {name!r}"):
                    found = self.client.create_experiment(name, artifact_location=place)
            except StoreError:
                # another process may have made it in between
                found = self.find(name)
                if found is None:
                    raise
            self._experiments[name] = found
        return found

    @contextmanager
    def guard(self, doing: str) -> Iterator[None]:
        """Turn what MLflow, SQL and the network raise into a StoreError that says what to do."""
        try:
            yield
        except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError, ImportError) as error:
            raise StoreError(f"cannot {doing} in {self.label}: {advise(error)}") from error

    def __getstate__(self) -> dict[str, Any]:
        return {"uri": self.uri, "artifacts": self.artifacts}


def open_store(uri: str | None, root: Path) -> Store:
    """Open the store at `uri`; by default the embedded one in `root/mlruns`, made at the first call.

    A relative `sqlite:///path` is meant from `root`. Raises StoreError, within seconds, when the store
    cannot be used.
    """
    scheme = uri.split(":", 1)[0].split("+", 1)[0] if uri else "sqlite"
    if uri and ("://" not in uri or scheme not in SCHEMES):
        raise StoreError(
            f"the store's URI must start with one of {', '.join(SCHEMES)} and '://'; got {hide(uri)!r}. "
            "Leave it out for the embedded store"
        )
    store = _embedded(uri, root.resolve()) if scheme == "sqlite" else Store(str(uri).rstrip("/"))
    with store.guard("open the store"):
        if not scheme.startswith(("http", "sqlite")):
            # once, for MLflow would try ten times, for two minutes
            create_engine(store.uri).connect().close()
        store.client.search_experiments(max_results=1)
    return store


def _embedded(uri: str | None, root: Path) -> Store:
    given = uri.removeprefix("sqlite:///") if uri else "mlruns/mlflow.db"
    path = root / given
    # SQLAlchemy reads a '?' as the start of options, and decodes '%'
    if not given or given == ":memory:" or set("?%") & set(str(path)):
        raise StoreError(
            f"an embedded store must be a file whose path holds no '?' or '%'; got {uri or str(path)!r}. "
            "Rename the folder, or name another store"
        )
    artifacts = path.parent / "artifacts"
    store = Store(f"sqlite:///{path}", artifacts)
    with store.guard("open the store"):
        database.prepare(path, artifacts, owned=uri is None)
    return store


def hide(text: str) -> str:
    """Blot out the credentials of URIs in a text."""
    return re.sub(r"://[^/@\s]+@", "://***@", text)


ADVICE = (
    (r"No module named|libpq", "its driver is not installed. For PostgreSQL run: pip install 'psycopg[binary]'"),
    (r"disk is full|No space left", "the disk is full. Free some space and start again; what was finished is kept"),
    (r"database is locked", "another process holds the database. Close it, or wait, and start again"),
    (r"readonly database|Permission denied|Read-only file system", "it is not writable for this user"),
    (r"malformed|not a database", "the file is damaged or no SQLite database. Restore a copy, or move it away"),
    (r"unable to open database|Is a directory|Not a directory|File exists", "its path is no place for a database file"),
    (r"out-of-date database schema|locate revision", "its schema is another MLflow's. See: mlflow db upgrade"),
    (
        r"Max retries exceeded|Connection refused|Connection aborted|timed out|Name or service|Could not translate|"
        r"could not connect|connection to server|Connection reset|too many 50\d",
        "the server does not answer. Check the URI and that the server runs, and start again",
    ),
    (
        r"\b401\b|\b403\b|Unauthorized|Forbidden",
        "the server refuses. Check MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
    ),
)


def advise(error: BaseException) -> str:
    """Say in a line what an error of the store means, and what to do."""
    text = hide(str(error))
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
        text = "disk is full"
    for pattern, advice in ADVICE:
        if re.search(pattern, text, re.IGNORECASE):
            return advice
    return (text.strip().splitlines() or [type(error).__name__])[0][:300]
