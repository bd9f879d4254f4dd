"""The embedded SQLite database: made once, tuned on connect, and mended after its folder moved."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from filelock import FileLock, Timeout
from sqlalchemy import Engine, event

from forerun.errors import StoreError

REVISIONS = frozenset({"dc11669786a5"})
"""Schema revisions (`alembic_version`) whose tables our own SQL reads: MLflow 3.17."""

BUSY_SECONDS = 20
LOCK_SECONDS = 60

_ours: set[str] = set()
"""Databases that the connect hook tunes; those of other programs in this process are left alone."""

MOVED = {
    "experiments": ("artifact_location",),
    "runs": ("artifact_uri",),
    "model_versions": ("source", "storage_location"),
    "logged_models": ("artifact_location",),
}
"""Columns in which MLflow keeps absolute paths."""


@event.listens_for(Engine, "connect")
def _tune(connection: object, _record: object) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    path = connection.execute("PRAGMA database_list").fetchone()[2]
    if path in _ours:
        # with WAL a crash of the process loses nothing, one of the machine at most the last commits
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")


def prepare(database: Path, artifacts: Path, *, owned: bool) -> None:
    """Make the database ready for MLflow: create it, or check and relocate the one that is there.

    Safe to call from many processes at once. `owned` says that the artefact folder moves with the
    database. Raises StoreError (unwritable, locked, damaged, not MLflow's, of another schema).
    """
    _ours.add(str(database))
    if _settled(database, artifacts, owned):
        return
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(database.with_name(f".{database.name}.lock"), timeout=LOCK_SECONDS):
            if revision(database) is None:
                _create(database, artifacts)
            _settle(database, artifacts, owned)
    except Timeout as error:
        raise StoreError(
            f"{database} is being prepared by another process for {LOCK_SECONDS} s already. "
            f"If there is none, delete {error.lock_file}"
        ) from error


def connect(database: Path) -> sqlite3.Connection:
    """Open a read-only connection; sqlite3.Error when that fails."""
    return sqlite3.connect(f"file:{quote(str(database))}?mode=ro", uri=True, timeout=BUSY_SECONDS)


def revision(database: Path) -> str | None:
    """Return the schema revision; None where there is no database yet. StoreError if it is not MLflow's."""
    if not database.exists():
        return None
    if not database.is_file():
        raise StoreError(f"{database} must be a file; it is a folder")
    if database.stat().st_size == 0:
        return None
    # Never open the file but through SQLite: closing it again would drop this process's POSIX locks on it,
    # and then another process's last connection deletes the write-ahead log under ours
    # (https://www.sqlite.org/howtocorrupt.html, section 2.2).
    try:
        return _revision(database)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise  # locked, or on a full disk: the file itself is sound
        raise StoreError(
            f"{database} must be a SQLite database; it is damaged or another kind of file. "
            "Restore a copy, or choose another path"
        ) from error


def _revision(database: Path) -> str | None:
    with closing(connect(database)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not tables:
            return None
        if "alembic_version" not in tables or "experiments" not in tables:
            raise StoreError(f"{database} must be a database of MLflow; it holds the tables {sorted(tables)[:5]}")
        found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(found[0]) if found else ""


def readable(database: Path | None) -> Path | None:
    """Return the database if our own SQL can read it; None for a server or another schema."""
    return database if database is not None and revision(database) in REVISIONS else None


def check_revision(database: Path) -> None:
    """Raise StoreError when the installed MLflow cannot work with the database's schema."""
    found = revision(database)
    if found in REVISIONS:
        return
    import mlflow
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(Path(mlflow.__file__).parent / "store" / "db_migrations"))
    known = {each.revision for each in script.walk_revisions()}
    if found not in known:
        raise StoreError(
            f"the schema of {database} must be one that MLflow {mlflow.__version__} knows; got revision {found!r}, "
            "written by a newer MLflow. Upgrade MLflow (and forerun), or use another store"
        )
    if found != script.get_current_head():
        raise StoreError(
            f"the schema of {database} must be of MLflow {mlflow.__version__}; got the older revision {found!r}. "
            f"Copy the file as a backup, then run: mlflow db upgrade sqlite:///{database}"
        )


def _create(database: Path, artifacts: Path) -> None:
    """Migrate a new file and only then give it its name: a killed process leaves no half-made database."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    partial = database.with_name(f".{database.name}.partial")
    partial.unlink(missing_ok=True)
    # fails at once where no file can be made; MLflow would try for two minutes
    with closing(sqlite3.connect(partial)) as connection:
        connection.execute("PRAGMA user_version = 0")
    SqlAlchemyStore(f"sqlite:///{partial}", str(artifacts)).engine.dispose()
    partial.replace(database)


def _settled(database: Path, artifacts: Path, owned: bool) -> bool:
    """True when nothing is left to do; the common case, and it takes no lock."""
    if revision(database) not in REVISIONS or not os.access(database, os.W_OK):
        return False
    with closing(connect(database)) as connection:
        journal = connection.execute("PRAGMA journal_mode").fetchone()[0]
    return journal == "wal" and not (owned and _moved_from(database, artifacts))


def _settle(database: Path, artifacts: Path, owned: bool) -> None:
    check_revision(database)
    if not os.access(database, os.W_OK) or not os.access(database.parent, os.W_OK):
        raise StoreError(f"{database} and its folder must be writable; they are not for this user")
    with closing(sqlite3.connect(database, timeout=BUSY_SECONDS)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    old = _moved_from(database, artifacts) if owned else None
    if old:
        relocate(database, old, str(artifacts))


def _moved_from(database: Path, artifacts: Path) -> str | None:
    """The artefact folder that the database speaks of, where it is not the present one."""
    with closing(connect(database)) as connection:
        row = connection.execute("SELECT artifact_location FROM experiments WHERE experiment_id = 0").fetchone()
    # the default experiment is the first thing in every store, and is kept at artifacts/0
    recorded = str(row[0]).removesuffix("/0") if row and row[0] else str(artifacts)
    return recorded if recorded != str(artifacts) and Path(recorded).is_absolute() else None


def relocate(database: Path, old: str, new: str) -> int:
    """Rewrite absolute paths below folder `old` to lie below `new`; returns how many were rewritten.

    MLflow resolves paths when an experiment is made; after a move it would read nothing and write to the
    old place (https://github.com/mlflow/mlflow/issues/3144).
    """
    changed = 0
    with closing(sqlite3.connect(database, timeout=BUSY_SECONDS)) as connection, connection:
        for table, columns in MOVED.items():
            for column in columns:
                for prefix, target in ((old, new), (f"file://{old}", f"file://{new}")):
                    changed += connection.execute(
                        f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",  # noqa: S608 - names are ours
                        (target, len(prefix) + 1, len(prefix) + 1, f"{prefix}/"),
                    ).rowcount
    return changed
