"""Studies in the store: the tuning of a program that is not forerun's, whose whole state is its MLflow runs.

A study is an experiment; what it is about (search space, metric, direction) stands in tags of the experiment. What
is tried is a run from the moment it is asked for:

    RUNNING, SCHEDULED    pending, as long as the process that the run's `forerun.writer` names lives
    FINISHED              a result, where the study's metric was logged
    FAILED                a failed trial
    KILLED                given up, by hand or since its process has died: it does not count, and may be asked again

The configuration is a tag of the run. Its parameters are written at the end, those that the program has not logged
itself: MLflow refuses to write a parameter twice, and a program may spell a value in its own way.

Two processes that ask at once may choose the same configuration. So a run is made first and looked for afterwards:
whoever then finds another run of the same configuration withdraws. Whichever looks last sees both.
"""

import json
import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import mlflow
from mlflow.entities import Metric, Param, Run

from forerun.errors import SettingsError
from forerun.space import Configuration, Value
from forerun.tracking import names
from forerun.tracking.log import REASON_LENGTH, TRACEBACK_LENGTH, alive, as_text, process
from forerun.tracking.records import all_runs
from forerun.tracking.store import Store
from forerun.tracking.subject import Subject, in_pieces, whole
from forerun.trials import Status, Trial, trial_key

CONFIGURATION = "forerun.configuration."
"""A prefix; three digits follow."""
ELSEWHERE_S = 24 * 3600.0
"""Seconds after which what was asked for on another machine is given up; nothing tells whether that still works."""
PARAMS, NAME_LENGTH = 100, 250
"""Parameters of one request and characters of a name, at most: MLflow's limits."""


@dataclass(frozen=True)
class Entry:
    """One run of a study."""

    run_id: str
    key: str
    configuration: Configuration
    status: str
    """'pending', 'finished', 'failed', or 'abandoned', which does not count."""
    value: float
    """Of the study's metric; NaN unless finished."""
    reason: str = ""
    seconds: float = float("nan")
    started: float = float("nan")
    """Seconds since 1970."""


@dataclass(frozen=True)
class StudyLog:
    """A study's runs."""

    store: Store
    name: str
    subject: Subject

    @classmethod
    def find(cls, store: Store, name: str) -> Subject | None:
        """What the study of this name is about; None where there is none. Raises SettingsError for a newer format."""
        place = store.find(name)
        if place is None:
            return None
        with store.guard(f"read study {name!r}"):
            tags = store.client.get_experiment(place).tags
        return Subject.from_tags(tags, name)

    @classmethod
    def open(cls, store: Store, name: str, subject: Subject) -> "StudyLog":
        """Begin a study, or go on with it. Raises SettingsError where it has trials about something else."""
        known = cls.find(store, name)
        if known is not None and known != subject:
            ended = [e for e in cls(store, name, known).entries() if e.status != "abandoned"]
            if ended:
                raise SettingsError(
                    f"study {name!r} of {store.label} was begun with {known.differing(subject)}. "
                    "Go on with the same, or give the new study another name"
                )
        found = cls(store, name, subject)
        if known != subject:
            found._begin()
        return found

    def _begin(self) -> None:
        with self.store.guard(f"begin study {self.name!r}"):
            for tag, text in self.subject.tags().items():
                self.store.client.set_experiment_tag(self.place, tag, text)

    @cached_property
    def place(self) -> str:
        """The id of the experiment."""
        return self.store.experiment(self.name)

    # -- reading --------------------------------------------------------------------------------------

    def entries(self) -> list[Entry]:
        """All runs of the study in the order in which they were begun; runs of other programs are left out."""
        with self.store.guard(f"read study {self.name!r}"):
            runs = all_runs(self.store, self.place)
        ours = [run for run in runs if names.TRIAL in run.data.tags and f"{CONFIGURATION}000" in run.data.tags]
        return [self._entry(run) for run in ours]

    def metrics(self, run_id: str) -> dict[str, float]:
        """The last value of every metric that a program has logged to its run."""
        with self.store.guard(f"read run {run_id}"):
            return dict(self.store.client.get_run(run_id).data.metrics)

    def _entry(self, run: Run) -> Entry:
        tags = run.data.tags
        status, value = self._outcome(run)
        reason = tags.get(names.REASON, "")
        if status == "failed" and not reason:
            reason = "its run failed"
        ended = run.info.end_time if status in ("finished", "failed") else None
        return Entry(
            run_id=run.info.run_id,
            key=tags[names.TRIAL],
            configuration=self.subject.space.restore(json.loads(whole(tags, CONFIGURATION))),
            status=status,
            value=value,
            reason=reason,
            seconds=(ended - run.info.start_time) / 1000 if ended else math.nan,
            started=run.info.start_time / 1000,
        )

    def _outcome(self, run: Run) -> tuple[str, float]:
        status, value = run.info.status, run.data.metrics.get(self.subject.metric, math.nan)
        if status == "KILLED":
            return "abandoned", math.nan
        if status == "FINISHED" and math.isfinite(value):
            return "finished", value
        if status == "FAILED":
            return "failed", math.nan
        # RUNNING, or FINISHED by the program itself before the result was read from its output
        living = alive(run.data.tags.get(names.WRITER, "?:0:0:0"), ELSEWHERE_S)
        return ("pending" if living else "abandoned"), math.nan

    def trial(self, entry: Entry) -> Trial:
        """An entry that ended as a trial: lower is better."""
        finished = entry.status == "finished"
        return Trial(
            task=self.name,
            configuration=entry.configuration,
            space=self.subject.space.name,
            seed=0,
            status=Status.FINISHED if finished else Status.FAILED,
            loss=self.loss(entry.value) if finished else math.nan,
            reason=entry.reason,
            fit_seconds=entry.seconds,
            started=entry.started,
        )

    def loss(self, value: float) -> float:
        """The metric as a loss, and the other way round."""
        return -value if self.subject.maximize else value

    # -- writing --------------------------------------------------------------------------------------

    def ask(self, configuration: Mapping[str, Value], writer: str) -> str | None:
        """Make the run of a configuration and return its id; None where another run tries the same.

        writer names who works on it, as `log.process` does.
        """
        key = trial_key(self.name, configuration, 0)
        tags = in_pieces(CONFIGURATION, json.dumps(dict(configuration), default=list))
        tags |= {names.TRIAL: key, names.WRITER: f"{writer}:{int(time.time())}", "mlflow.source.name": "forerun"}
        with self.store.guard(f"begin a trial of study {self.name!r}"):
            run = self.store.client.create_run(self.place, tags=tags, run_name=f"trial {key[:6]}").info.run_id
            same = all_runs(self.store, self.place, f"tags.`{names.TRIAL}` = '{key}'")
            others = [other for other in same if other.info.run_id != run]
            if any(self._entry(other).status != "abandoned" for other in others):
                self.store.client.delete_run(run)
                return None
        return str(run)

    def hand_over(self, run_id: str, pid: int) -> None:
        """Say that another process of this machine works on a run: while it lives, the run is pending."""
        with self.store.guard(f"hand run {run_id} over"):
            self.store.client.set_tag(run_id, names.WRITER, f"{process(pid)}:{int(time.time())}")

    def tell(self, run_id: str, value: float) -> None:
        """End a run with its result, which must be finite; the value is logged where the program has not."""
        with self.store.guard(f"tell the result of run {run_id}"):
            run = self.store.client.get_run(run_id)
            now = int(time.time() * 1000)
            known = run.data.metrics.get(self.subject.metric)
            new = [] if known == value else [Metric(self.subject.metric, value, now, 0)]
            self._end(run, "FINISHED", {}, new)

    def fail(self, run_id: str, reason: str, output: str = "", files: tuple[Path, ...] = ()) -> None:
        """End a run that failed, with the end of what the program said, and files."""
        tags = {names.REASON: (reason or "no reason given")[:REASON_LENGTH]}
        if output:
            tags[names.ERROR] = output[-TRACEBACK_LENGTH:]
        with self.store.guard(f"tell the failure of run {run_id}"):
            run = self.store.client.get_run(run_id)
            for file in files:
                self.store.client.log_artifact(run_id, str(file))
            self._end(run, "FAILED", tags, [])

    def give_up(self, run_id: str) -> None:
        """End a run that does not count; its configuration may be asked for again."""
        with self.store.guard(f"give run {run_id} up"):
            self.store.client.set_terminated(run_id, "KILLED")

    def expire(self) -> int:
        """Give up what processes that died have left pending; returns how many."""
        with self.store.guard(f"clear study {self.name!r}"):
            left = all_runs(self.store, self.place, "attributes.status = 'RUNNING'")
        dead = [r for r in left if f"{CONFIGURATION}000" in r.data.tags and self._outcome(r)[0] == "abandoned"]
        for run in dead:
            self.give_up(run.info.run_id)
        return len(dead)

    def _end(self, run: Run, status: str, tags: Mapping[str, str], metrics: list[Metric]) -> None:
        configuration = json.loads(whole(run.data.tags, CONFIGURATION))
        own = {_param(name): as_text(value)[: names.PARAM_LIMIT] for name, value in configuration.items()}
        params = [Param(name, text) for name, text in own.items() if name not in run.data.params]
        client, run_id = self.store.client, run.info.run_id
        client.log_batch(run_id, metrics)
        for i in range(0, len(params), PARAMS):
            client.log_batch(run_id, params=params[i : i + PARAMS])
        for tag, text in tags.items():
            client.set_tag(run_id, tag, text)
        client.set_terminated(run_id, status)


def current_uri() -> str | None:
    """The tracking URI that MLflow was told, by its variable or in Python; None where nobody has."""
    return str(mlflow.get_tracking_uri()) if mlflow.is_tracking_uri_set() else None


def _param(name: str) -> str:
    """A domain's name as one that MLflow takes for a parameter: no path, and no path upwards."""
    plain = re.sub(r"[^\w\-. :]", "_", name)
    return re.sub(r"^\.+", lambda dots: "_" * len(dots.group()), plain)[:NAME_LENGTH]
