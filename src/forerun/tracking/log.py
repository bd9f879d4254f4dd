"""Trials become runs.

A trial is logged after its training has ended, in four calls: the run is born RUNNING and becomes FINISHED
or FAILED with the last call. A process killed in between leaves a RUNNING run, which nobody counts: its
trial is not `recorded`, so it is trained again, and `clear_interrupted` deletes the remains. Hence neither
a lost trial nor a duplicate.
"""

import functools
import hashlib
import json
import math
import os
import platform
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
from mlflow.entities import Metric, Param

from forerun import __version__
from forerun.errors import StoreError
from forerun.tracking import names
from forerun.tracking.database import connect, readable
from forerun.tracking.records import TaskRecord, all_runs, log_dataset
from forerun.tracking.store import Store
from forerun.trials import FACTS, Status, Trial

METRICS = tuple(name for name in FACTS if name != "started")
"""Facts of a trial that are metrics; `started` is the run's own start time (whole milliseconds)."""
STALE_SECONDS = 600
"""A run that another machine began this long ago and never ended was interrupted: writing takes milliseconds."""
REASON_LENGTH = 500
TRACEBACK_LENGTH = 5000


def log_trial(
    store: Store, experiment: str, trial: Trial, record: TaskRecord, tags: Mapping[str, str] | None = None
) -> str:
    """Write a trial as a run of `experiment` (a name); returns the run's id. Raises StoreError."""
    if record.name != trial.task:
        raise StoreError(f"the record of a trial's task must be of {trial.task!r}; got {record.name!r}")
    place = store.experiment(experiment)
    now = int(time.time() * 1000)
    start = now if math.isnan(trial.started) else round(trial.started * 1000)
    params, metrics = _params(trial), _metrics(trial, now)
    title = f"{trial.configuration.get('learner', 'trial')} on {trial.task}"
    with store.guard(f"log trial {trial.key}"):
        run = store.client.create_run(place, start, {**_tags(trial, record), **(tags or {})}, title)
        store.client.log_batch(run.info.run_id, metrics, params)
        log_dataset(store, run.info.run_id, record.dataset)
        status = "FINISHED" if trial.status == Status.FINISHED else "FAILED"
        store.client.set_terminated(run.info.run_id, status, now)
    return str(run.info.run_id)


def recorded(store: Store, experiment: str) -> set[str]:
    """Keys of the trials that an experiment holds, finished or failed."""
    place = store.find(experiment)
    if place is None:
        return set()
    with store.guard(f"read the trials of {experiment!r}"):
        if database := readable(store.database):
            with closing(connect(database)) as connection:
                return {
                    key
                    for (key,) in connection.execute(
                        "SELECT t.value FROM runs r JOIN tags t ON t.run_uuid = r.run_uuid AND t.key = ? "
                        "WHERE r.experiment_id = ? AND r.lifecycle_stage = 'active' "
                        "AND r.status IN ('FINISHED', 'FAILED')",
                        (names.TRIAL, int(place)),
                    )
                }
        runs = all_runs(store, place)
    keys = (r.data.tags.get(names.TRIAL) for r in runs if r.info.status in ("FINISHED", "FAILED"))
    return {key for key in keys if key}


def clear_interrupted(store: Store, experiment: str) -> int:
    """Delete the runs that killed processes left half-written; returns how many.

    A run that a living process is writing at this moment is left alone.
    """
    place = store.find(experiment)
    if place is None:
        return 0
    with store.guard(f"clear interrupted runs of {experiment!r}"):
        runs = all_runs(store, place, "attributes.status = 'RUNNING'")
        dead = [r for r in runs if names.WRITER in r.data.tags and not alive(r.data.tags[names.WRITER])]
        for run in dead:
            store.client.delete_run(run.info.run_id)
    return len(dead)


@functools.cache
def commit(folder: Path) -> dict[str, str]:
    """The git commit of a folder, and forerun's version, as run tags; no commit outside a repository."""
    tags = {"forerun.version": __version__}
    try:
        found = subprocess.run(
            ["git", "-C", str(folder), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return tags
    return tags | {"mlflow.source.git.commit": found.stdout.strip()} if found.returncode == 0 else tags


def _params(trial: Trial) -> list[Param]:
    reserved = {names.SEED, names.FIDELITY} & set(trial.configuration)
    if reserved:
        raise StoreError(f"a domain must not be called {reserved.pop()!r}, a run's own parameter. Rename it")
    entries = {**trial.configuration, names.SEED: trial.seed, names.FIDELITY: float(trial.fidelity)}
    found = []
    for name, value in entries.items():
        text, size = as_text(value), names.PARAM_LIMIT
        # a longer set goes on in name:2, name:3, ...
        for i in range(0, max(len(text), 1), size):
            found.append(Param(name if i == 0 else f"{name}:{i // size + 1}", text[i : i + size]))
    return found


def as_text(value: Any) -> str:
    """Write one value of a configuration so that its domain can restore it exactly."""
    if isinstance(value, (tuple, list)):
        return json.dumps(list(value))
    if hasattr(value, "item"):
        value = value.item()
    return repr(value) if isinstance(value, float) else str(value)


def _metrics(trial: Trial, now: int) -> list[Metric]:
    facts = {names.LOSS: trial.loss, **{name: getattr(trial, name) for name in METRICS}}
    clash = set(trial.metrics) & {*facts, names.CURVE}
    if clash:
        raise StoreError(f"a metric of trial {trial.key} must not be called {clash.pop()!r}, which has a meaning")
    values = {k: float(v) for k, v in {**facts, **trial.metrics}.items() if v == v}  # noqa: PLR0124 - NaN means none
    curve = [Metric(names.CURVE, float(loss), now, int(epoch)) for epoch, loss in trial.curve]
    return [Metric(name, value, now, 0) for name, value in values.items()] + curve


def _tags(trial: Trial, record: TaskRecord) -> dict[str, str]:
    tags = {
        names.TRIAL: trial.key,
        names.TASK: trial.task,
        names.FAMILY: record.family,
        names.KIND: record.kind,
        names.SPACE: trial.space,
        names.WRITER: f"{_writer()}:{int(time.time())}",
        "mlflow.source.name": "forerun",
    }
    tags |= {f"{names.HARDWARE}{name}": as_fact(value) for name, value in trial.hardware.items()}
    if trial.reason:
        tags[names.REASON] = trial.reason[:REASON_LENGTH]
    if trial.traceback:
        # the end of a traceback names the error
        tags[names.ERROR] = trial.traceback[-TRACEBACK_LENGTH:]
    return tags


def as_fact(value: str | float) -> str:
    """Write a hardware fact; text that looks like a number keeps quotes, so that it comes back as text."""
    if not isinstance(value, str):
        return repr(float(value))
    try:
        float(value)
    except ValueError:
        return value
    return json.dumps(value)


def _writer() -> str:
    """This process among all: a hash of the host's name, the process's number and when it was born."""
    return _process(os.getpid())  # a fork has its own number, and its parent's cache


@functools.cache
def _process(pid: int) -> str:
    return process(pid)


def process(pid: int) -> str:
    """A living process of this machine among all processes there ever were. Raises psutil.NoSuchProcess."""
    host = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
    found = psutil.Process(pid)
    return f"{host}:{found.pid}:{found.create_time():.2f}"


def alive(writer: str, stale_s: float = STALE_SECONDS) -> bool:
    """Whether what a `forerun.writer` tag names still runs; on another machine, whether it began not long ago."""
    host, pid, born, began = writer.split(":")
    if host != _writer().split(":", 1)[0]:
        return time.time() - float(began) < stale_s
    try:
        return f"{psutil.Process(int(pid)).create_time():.2f}" == born
    except psutil.NoSuchProcess:
        return False


def log_summary(
    store: Store,
    experiment: str,
    title: str,
    *,
    params: Mapping[str, str],
    metrics: Mapping[str, float],
    files: Sequence[Path] = (),
) -> str:
    """Write a run that sums something up (an evaluation, a report), with files; returns the run's id."""
    place = store.experiment(experiment)
    now = int(time.time() * 1000)
    values = [Metric(name, float(v), now, 0) for name, v in metrics.items() if math.isfinite(v)]
    with store.guard(f"log {title}"):
        run = store.client.create_run(place, now, {"mlflow.source.name": "forerun"}, title).info.run_id
        store.client.log_batch(run, values, [Param(name, value) for name, value in params.items()])
        for file in files:
            store.client.log_artifact(run, str(file))
        store.client.set_terminated(run)
    return str(run)
