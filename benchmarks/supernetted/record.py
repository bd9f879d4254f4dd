"""Stand-alone trainings and what else costs time, kept in the result's file: a benchmark that was ended goes on."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata

from forerun.learners import Model
from forerun.metadata.metafeatures import metafeatures
from forerun.space import Configuration
from forerun.supernets.teaching import stand_alone
from forerun.tasks import Task
from forerun.trials import Status, Trial
from supernetted.data import EVERY

MOST = 200
"""Architectures that may be drawn."""
AGAIN = 1
"""Seed of the second training of an architecture."""


@dataclass
class Record:
    """A JSON file of finished pieces of work by key; written after every piece."""

    path: Path | None
    done: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path | None) -> "Record":
        """Go on with what is there."""
        return cls(path, json.loads(path.read_text()) if path is not None and path.is_file() else {})

    def once(self, key: str, work: Callable[[], Any]) -> Any:
        """The result of a piece of work, done now or found in the file."""
        if key not in self.done:
            self.done[key] = work()
            self.write()
        return self.done[key]

    def write(self) -> None:
        """Complete before it takes its name."""
        if self.path is not None:
            partial = self.path.with_suffix(".partial")
            partial.write_text(json.dumps(self.done, indent=0) + "\n")
            partial.replace(self.path)


@cache
def task_of(name: str) -> Task:
    """A data set's task, made once."""
    return EVERY[name].load()


@cache
def features_of(name: str) -> Mapping[str, float]:
    """Its meta-features."""
    return metafeatures(task_of(name))


def drawn(name: str, n: int) -> list[Configuration]:
    """The first n of distinct architectures drawn at random, the same ones for all data sets of a family."""
    several = EVERY[name].architectures.space(task_of(name).kind).sample(np.random.default_rng(60), MOST)
    return list({tuple(configuration.items()): configuration for configuration in several}.values())[:n]


def trained(record: Record, name: str, configurations: Sequence[Configuration], seed: int = 0) -> list[dict[str, Any]]:
    """Stand-alone trainings from scratch: configuration, loss, test loss and seconds of processor time."""
    one = EVERY[name]

    def work(configuration: Configuration) -> dict[str, Any]:
        trial, model = stand_alone(one.architectures, task_of(name), configuration, seed=seed)
        test = test_loss(task_of(name), model) if model is not None else None
        return {"configuration": dict(configuration), "loss": trial.loss, "test": test, "seconds": trial.fit_seconds}

    return [record.once(_key(name, c, seed), lambda c=c: work(c)) for c in configurations]


def test_loss(task: Task, model: Model) -> float:
    """Loss of the task's metric on the test part, which no choice has seen."""
    proba = model.predict_proba(task.test.X) if task.metric.needs_proba else None
    return task.metric.loss(task.metric.value(task.test.y, model.predict(task.test.X), proba))


def _key(name: str, configuration: Configuration, seed: int) -> str:
    text = json.dumps(dict(configuration), sort_keys=True)
    return f"alone {name} {seed} {hashlib.sha256(text.encode()).hexdigest()[:16]}"


def trial_of(name: str, row: Mapping[str, Any]) -> Trial:
    """A recorded training as a trial."""
    space = EVERY[name].architectures.space(task_of(name).kind)
    finished = np.isfinite(row["loss"])
    status = Status.FINISHED if finished else Status.FAILED
    configuration = space.restore(row["configuration"])
    return Trial(name, configuration, space.name, 0, status, row["loss"], fit_seconds=row["seconds"])


def spearman(pairs: np.ndarray) -> float:
    """Rank correlation of (2, n); NaN where all of one are equal, as in a draw of few, and of one pair."""
    if pairs.shape[1] < 2:
        return float("nan")
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(np.corrcoef(rankdata(pairs, axis=1))[0, 1])
