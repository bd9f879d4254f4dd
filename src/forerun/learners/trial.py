"""Where a training becomes a trial: the one place that catches whatever a training may raise.

Every number that a trial carries is measured here: metrics on train and validation, seconds, memory, size.
"""

import time
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from forerun.errors import SettingsError, SpaceError, TrainingError
from forerun.learners import TRAINABLE
from forerun.learners.base import Outcome
from forerun.learners.hardware import hardware_facts
from forerun.learners.joint import completed
from forerun.learners.mlp import Mlp, stack_key
from forerun.learners.sizes import model_kb
from forerun.space import Configuration, SearchSpace
from forerun.tasks import Part, Task, evaluate_all
from forerun.trials import Status, Trial

LONGEST_REASON = 300
"""Characters of a failure's reason."""


@dataclass
class _Record:
    """What is known of a training so far; it becomes a trial however the training ends."""

    task: str
    configuration: Configuration
    space: str
    seed: int
    fidelity: float
    hardware: Mapping[str, str | float]
    started: float = field(default_factory=time.time)
    curve: list[tuple[int, float]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def report(self, epoch: int, loss: float) -> None:
        self.curve.append((epoch, loss))

    def finished(self, loss: float) -> Trial:
        if not np.isfinite(loss):
            raise TrainingError(f"the validation loss must be finite; got {loss}")
        return self._trial(Status.FINISHED, loss)

    def failed(self, error: BaseException) -> Trial:
        lines = "".join(traceback.format_exception(error))
        # metrics of a model that has no finite loss would only mislead
        return self._trial(Status.FAILED, float("nan"), reason=_reason(error), traceback=lines, metrics={})

    def _trial(self, status: Status, loss: float, **more: Any) -> Trial:
        return Trial(
            task=self.task,
            configuration=self.configuration,
            space=self.space,
            seed=self.seed,
            status=status,
            loss=loss,
            fidelity=self.fidelity,
            curve=tuple(self.curve),
            started=self.started,
            hardware=self.hardware,
            **{**self.facts, **more},
        )


def _reason(error: BaseException) -> str:
    """Return the first line of a message; with the exception's name, unless it is one that says it all."""
    text = str(error).strip().partition("\n")[0]
    if not isinstance(error, TrainingError):
        text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return text[:LONGEST_REASON]


def run_trial(
    task: Task,
    configuration: Configuration,
    *,
    space: SearchSpace,
    seed: int = 0,
    fidelity: float = 1.0,
    hardware: Mapping[str, str | float] | None = None,
) -> Trial:
    """Train one configuration and score it on train and validation; a training that fails is a failed trial.

    `loss` is that of `task.metric` on the validation part. `fit_seconds` includes preprocessing and, for
    learners with epochs, watching the validation loss. `peak_memory_mb` is by how much the resident memory
    of the process rose above what it was at the start (Linux only, else NaN; small models may show 0).
    Settings that a space of someone's own does not have are the learner's defaults.
    Raises SpaceError when the configuration does not belong to the space: that is a mistake, not a trial.
    """
    (trial,) = run_trials(task, [configuration], space=space, seeds=[seed], fidelity=fidelity, hardware=hardware)
    return trial


def run_trials(
    task: Task,
    configurations: Sequence[Configuration],
    *,
    space: SearchSpace,
    seeds: Sequence[int],
    fidelity: float = 1.0,
    hardware: Mapping[str, str | float] | None = None,
) -> list[Trial]:
    """Run many trials on one task; networks that share a `stack_key` train together, the others one by one.

    Trials come in the order of the configurations, with the losses of `run_trial`. A member of a stack has
    an equal share of its stack's `fit_seconds`, and its stack's `peak_memory_mb`.
    """
    if len(seeds) != len(configurations):
        raise SpaceError(f"trials need one seed a configuration; got {len(seeds)} for {len(configurations)}")
    if not 0 < fidelity <= 1:
        raise SettingsError(f"fidelity must be above 0 and at most 1; got {fidelity}")
    for configuration in configurations:
        space.check(configuration)
        completed(configuration, task.kind)
    facts = hardware_facts() if hardware is None else hardware
    records = [
        _Record(task.name, c, space.name, s, fidelity, facts) for c, s in zip(configurations, seeds, strict=True)
    ]
    found: dict[int, Trial] = {}
    for group in stacks(configurations):
        with _quiet_single_thread():
            trials = _run_group(task, [records[i] for i in group])
        found.update(zip(group, trials, strict=True))
    return [found[i] for i in range(len(configurations))]


def stacks(configurations: Sequence[Configuration]) -> list[list[int]]:
    """Group positions of configurations that train together; every other one is a group of its own."""
    groups: dict[str, list[int]] = {}
    for i, configuration in enumerate(configurations):
        key = stack_key(configuration) if configuration["learner"] == Mlp.name else f"alone {i}"
        groups.setdefault(key, []).append(i)
    return list(groups.values())


def _run_group(task: Task, records: list[_Record]) -> list[Trial]:
    before = _reset_peak_memory()
    try:
        outcomes = _train(task, records)
    except Exception as error:  # whatever goes wrong in a training is a failed trial
        return [record.failed(error) for record in records]
    peak = _peak_memory_mb(before)
    found = []
    for record, outcome in zip(records, outcomes, strict=True):
        record.facts["peak_memory_mb"] = peak
        found.append(_score(task, record, outcome))
    return found


def _train(task: Task, records: list[_Record]) -> Sequence[Outcome | TrainingError]:
    first = records[0]
    learner = TRAINABLE[str(first.configuration["learner"])]
    configurations = [completed(record.configuration, task.kind) for record in records]
    for record in records:
        record.started = time.time()
    if isinstance(learner, Mlp):
        return learner.train_many(
            configurations,
            task,
            [r.seed for r in records],
            fidelity=first.fidelity,
            reports=[r.report for r in records],
        )
    return [learner.train(configurations[0], task, fidelity=first.fidelity, seed=first.seed, report=first.report)]


def _score(task: Task, record: _Record, outcome: Outcome | TrainingError) -> Trial:
    if isinstance(outcome, TrainingError):
        return record.failed(outcome)
    try:
        record.facts["fit_seconds"] = outcome.fit_seconds
        record.facts["model_kb"] = model_kb(outcome.model)
        started = time.perf_counter()
        prediction, proba = _predict(task, outcome, task.validation)
        record.facts["predict_seconds"] = time.perf_counter() - started
        loss = task.metric.loss(task.metric.value(task.validation.y, prediction, proba))
        record.facts["metrics"] = {
            **_metrics(task, "train", task.train, *_predict(task, outcome, task.train)),
            **_metrics(task, "validation", task.validation, prediction, proba),
        }
        return record.finished(loss)
    except Exception as error:  # a model that cannot be scored is a failed trial too
        return record.failed(error)


def _predict(task: Task, outcome: Outcome, part: Part) -> tuple[np.ndarray, np.ndarray | None]:
    if task.kind == "regression":
        return outcome.model.predict(part.X), None
    # every model predicts the most probable class, so one pass does for both
    proba = outcome.model.predict_proba(part.X)
    return proba.argmax(axis=1), proba


def _metrics(task: Task, name: str, part: Part, prediction: np.ndarray, proba: np.ndarray | None) -> dict[str, float]:
    scale = float(np.std(task.train.y)) or 1.0 if task.kind == "regression" else 1.0
    values = evaluate_all(task.kind, part.y, prediction, proba, scale)
    return {f"{name}_{metric}": value for metric, value in values.items() if np.isfinite(value)}


# -- measuring --------------------------------------------------------------------------------------


@cache
def _threadpools() -> ThreadpoolController:
    # finding the loaded libraries takes milliseconds; by the first training all of them are loaded
    return ThreadpoolController()


@contextmanager
def _quiet_single_thread() -> Iterator[None]:
    """One thread (BLAS, OpenMP), and none of the warnings that a search through odd settings cannot avoid."""
    with warnings.catch_warnings(), _threadpools().limit(limits=1), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def _resident_mb(field_name: str) -> float:
    """VmRSS (now) or VmHWM (peak) of this process; NaN where the system does not tell."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(f"{field_name}:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return float("nan")


def _reset_peak_memory() -> float:
    """Let the peak start anew from what is resident now, and return that in MB; NaN where it cannot."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return float("nan")
    return _resident_mb("VmRSS")


def _peak_memory_mb(before: float) -> float:
    return max(0.0, _resident_mb("VmHWM") - before) if np.isfinite(before) else float("nan")
