"""MLflow's file store, read file by file; MLflow itself refuses it since 3.13, and would make folders in it."""

import hashlib
import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from forerun.errors import StoreError
from forerun.mining.runs import DataSet
from forerun.tracking.reading.base import (
    CONTEXT,
    NAME,
    Known,
    Logged,
    Reader,
    Reading,
    chosen,
    curve,
    renamed,
    together,
)

META = "meta.yaml"
RESERVED = frozenset({"tags", "datasets", "traces", "models", ".trash"})
STATUS = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
FACTS = ("name", "digest", "source", "schema", "profile")
"""Of a data set."""
ATTEMPTS = 5
PAUSE_SECONDS = 0.05
RECENT_NS = 2_000_000_000
"""A file that was written so shortly before it was read may be written again without looking newer."""


@dataclass(frozen=True)
class FilesReader(Reader):
    """Reads the folder of a file store."""

    root: Path

    def read(self, experiments: Sequence[str] | None, metrics: Sequence[str], *, resumable: bool = False) -> Reading:
        """Read every run's files."""
        return self._read(experiments, metrics, {})

    def increment(
        self, experiments: Sequence[str] | None, metrics: Sequence[str], known: Known, state: Mapping[str, Any]
    ) -> Reading | None:
        """Read the runs whose files have other sizes or times than before: nothing goes unseen."""
        reading = self._read(experiments, metrics, state["runs"])
        if renamed(state["experiments"], reading.state["experiments"]):
            return None
        return Reading(reading.runs, reading.state, frozenset(known.status) - reading.state["runs"].keys())

    def _read(self, experiments: Sequence[str] | None, metrics: Sequence[str], known: Mapping[str, str]) -> Reading:
        found, traces = [], {}
        places = self._places(experiments)
        for identity, name in places.items():
            for folder in _folders(self.root / identity):
                trace = _trace(folder)
                if trace and known.get(folder.name) == trace:
                    traces[folder.name] = trace
                    continue
                run, trace = _whole(folder, name, metrics)
                if run is not None:
                    found.append(run)
                    traces[run.id] = trace
        return Reading(together(found, metrics), {"runs": traces, "experiments": places})

    def _places(self, experiments: Sequence[str] | None) -> dict[str, str]:
        if not self.root.is_dir():
            raise StoreError(f"{self.root} must be the folder of an MLflow file store; there is none")
        names = {folder.name: str(_yaml(folder / META).get("name", folder.name)) for folder in _folders(self.root)}
        if not names and (self.root / "mlflow.db").exists():
            raise StoreError(
                f"{self.root} must hold experiments; it holds a database. Read sqlite:///{self.root}/mlflow.db"
            )
        return chosen(names, experiments, str(self.root))


def _folders(parent: Path) -> Iterator[Path]:
    """Folders that describe themselves."""
    for entry in sorted(os.scandir(parent), key=lambda entry: entry.name):
        if entry.name not in RESERVED and entry.is_dir() and (Path(entry.path) / META).is_file():
            yield Path(entry.path)


def _whole(folder: Path, experiment: str, metrics: Sequence[str]) -> tuple[Logged | None, str]:
    """Read a run, again when it was written meanwhile; None where it was deleted. Also says what is there."""
    for _ in range(ATTEMPTS):
        before = _trace(folder, careful=False)
        try:
            run = _run(folder, experiment, metrics)
        except (ValueError, LookupError, FileNotFoundError, yaml.YAMLError) as error:
            problem: Exception | None = error
        else:
            problem = None
            if _trace(folder, careful=False) == before:
                return run, _trace(folder)
        time.sleep(PAUSE_SECONDS)
    reason = f"{type(problem).__name__}: {problem}" if problem else "it is being written all the time"
    raise StoreError(f"run {folder.name} of {folder.parent} cannot be read: {reason}. Wait, or move its folder away")


def _run(folder: Path, experiment: str, metrics: Sequence[str]) -> Logged | None:
    meta = _yaml(folder / META)
    if meta.get("lifecycle_stage", "active") != "active" or str(meta["experiment_id"]) != folder.parent.name:
        return None
    tags = {name: path.read_bytes().decode() for name, path in _files(folder / "tags")}
    logged = {name: _points(path) for name, path in _files(folder / "metrics")}
    status = meta.get("status", "RUNNING")
    return Logged(
        id=folder.name,
        experiment=experiment,
        name=str(meta.get("run_name") or tags.get(NAME, "")),
        status=STATUS[status] if isinstance(status, int) else str(status),
        start=int(meta.get("start_time") or 0),
        end=int(meta.get("end_time") or 0),
        user=str(meta.get("user_id") or ""),
        params={name: path.read_bytes().decode() for name, path in _files(folder / "params")},
        tags=tags,
        # as MLflow chooses the last one
        metrics={
            name: max(points, key=lambda p: (p[0], p[1], -math.inf if math.isnan(p[2]) else p[2]))[2]
            for name, points in logged.items()
            if points
        },
        inputs=list(_inputs(folder)),
        curves={name: curve(logged[name]) for name in metrics if logged.get(name)},
    )


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Name to file; a name with slashes lies in folders. Links are not followed out of the store."""
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            if not path.is_symlink():
                yield path.relative_to(folder).as_posix(), path


def _points(path: Path) -> list[tuple[int, int, float]]:
    """(step, timestamp, value) of each line; lines hold time, value, step, and the data set's name and digest."""
    lines = [line.split(" ") for line in path.read_text("utf-8").splitlines() if line.strip()]
    return [(int(line[2]) if len(line) > 2 else 0, int(line[0]), float(line[1])) for line in lines]


def _inputs(folder: Path) -> Iterator[DataSet]:
    for place in _folders(folder / "inputs") if (folder / "inputs").is_dir() else ():
        link = _yaml(place / META)
        described = folder.parent / "datasets" / Path(str(link["source_id"])).name / META
        if described.is_file():
            facts = _yaml(described)
            name, digest, source, schema, profile = (str(facts.get(each) or "") for each in FACTS)
            yield DataSet(name, digest, source, schema, profile, str((link.get("tags") or {}).get(CONTEXT, "")))


def _yaml(path: Path) -> dict[str, Any]:
    found = yaml.load(path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    if not isinstance(found, dict):
        raise ValueError(f"{path.name} is empty")  # it is being written
    return found


def _trace(folder: Path, *, careful: bool = True) -> str:
    """Checksum of all names, sizes and times of a run; "" where a file is so new that this may not tell."""
    found = hashlib.blake2b(digest_size=12)
    newest = 0
    files = [(META, folder / META)]
    for part in ("params", "tags", "metrics", "inputs"):
        files += sorted((f"{part}/{name}", path) for name, path in _files(folder / part))
    for name, path in files:
        seen = path.stat()
        newest = max(newest, seen.st_mtime_ns)
        found.update(f"{name}\0{seen.st_size}\0{seen.st_mtime_ns}\n".encode(errors="surrogateescape"))
    return "" if careful and time.time_ns() - newest < RECENT_NS else found.hexdigest()
