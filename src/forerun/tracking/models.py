"""The winner of a task, and the meta-learner, as registered models."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema
from mlflow.types.schema import AnyType

from forerun.errors import DataError, FormatError
from forerun.learners.base import Model
from forerun.metalearners.forecaster import Forecaster
from forerun.space import Configuration
from forerun.tasks import Task
from forerun.tracking import metalearner, names
from forerun.tracking.champion import Champion
from forerun.tracking.log import as_text
from forerun.tracking.records import TaskRecord
from forerun.tracking.registry import CHALLENGER, CHAMPION, Package, Registered, fetch, holder, register
from forerun.tracking.store import Store

METALEARNER = "forerun-metalearner"
LOSS = "forerun.validation_loss"
VALIDATION = "forerun.validation_digest"
EXAMPLE_ROWS = 3


def champion_name(task: str) -> str:
    """Name of the registered model of a task."""
    return f"forerun-champion-{task}"


@dataclass(frozen=True)
class Scores:
    """What a winner was predicted to score, and what it scored; losses, lower is better."""

    validation: float
    test: float
    predicted: float = float("nan")
    """Before it was trained."""
    predicted_std: float = float("nan")


def register_champion(
    store: Store,
    task: Task,
    model: Model,
    configuration: Configuration,
    scores: Scores,
    *,
    metrics: Mapping[str, float] | None = None,
    lineage: Mapping[str, str] | None = None,
    experiment: str = names.TUNE,
) -> Registered:
    """Register the winner of a task; it becomes champion if it beats the present one, else challenger.

    Both are compared on the task's validation part: by the recorded loss where that was taken on the same
    rows with the same metric, else the present champion is scored anew. `metrics` are further numbers of
    the run, `lineage` further tags (ids of runs, DVC's hash of the meta-dataset, version of the meta-learner).
    """
    champion = Champion.of(task, configuration, model)
    digest = validation_digest(task)
    alias = CHAMPION if scores.validation < present_loss(store, task) else CHALLENGER
    record = TaskRecord.of(task)
    tags = {
        **record.tags,
        LOSS: repr(scores.validation),
        VALIDATION: digest,
        "forerun.test_loss": repr(scores.test),
        "forerun.predicted_loss": repr(scores.predicted),
        "forerun.predicted_loss_std": repr(scores.predicted_std),
        "forerun.configuration": json.dumps(dict(configuration)),
        **{key if key.startswith("forerun.") else f"forerun.{key}": text for key, text in (lineage or {}).items()},
    }
    package = Package(
        name=champion_name(task.name),
        loader="forerun.tracking.champion",
        save=champion.save,
        signature=champion_signature(champion),
        example=example(task),
        tags={key: text[: names.TAG_LIMIT] for key, text in tags.items()},
        params={key: as_text(value)[: names.PARAM_LIMIT] for key, value in configuration.items()},
        metrics={
            "validation_loss": scores.validation,
            "test_loss": scores.test,
            "predicted_loss": scores.predicted,
            "predicted_loss_std": scores.predicted_std,
            **(metrics or {}),
        },
        inputs=[record.dataset],
    )
    return register(store, experiment, package, alias)


def present_loss(store: Store, task: Task) -> float:
    """Validation loss of the present champion on this very task; infinity where there is none."""
    found = holder(store, champion_name(task.name), CHAMPION)
    if found is None:
        return float("inf")
    if found.tags.get(VALIDATION) == validation_digest(task):
        return float(found.tags[LOSS])
    try:
        return load_champion(store, task.name).loss(task.validation, task.metric, task.labels)
    except (DataError, FormatError):
        # other columns or classes, or files that no longer load: it cannot serve this task at all
        return float("inf")


def load_champion(store: Store, task: str, alias: str = CHAMPION) -> Champion:
    """Load the champion (or challenger) of a task. Raises StoreError, FormatError."""
    return Champion.load(fetch(store, champion_name(task), alias))


def validation_digest(task: Task) -> str:
    """Hash of what a validation loss depends on beside the model: the rows, their order and the metric."""
    hashed = hashlib.sha256(repr([task.metric.name, *task.columns, task.classes]).encode())
    hashed.update(pd.util.hash_pandas_object(task.validation.X, index=False).to_numpy().tobytes())
    hashed.update(np.ascontiguousarray(task.validation.y).tobytes())
    return hashed.hexdigest()[:32]


def champion_signature(champion: Champion) -> ModelSignature:
    """Columns in and out. Inputs are of any type: the champion reads what a CSV may hold, and MLflow would
    refuse whole numbers where it was told of floats, and truth values or codes where it was told of text."""
    inputs = [ColSpec(AnyType(), name, required=True) for name in champion.columns]
    sort = {bool: DataType.boolean, int: DataType.long, float: DataType.double, str: DataType.string}
    kinds = {type(label) for label in champion.labels}
    first = sort[kinds.pop()] if len(kinds) == 1 else DataType.string if kinds else DataType.double
    chances = [ColSpec(DataType.double, f"p({label})") for label in champion.labels]
    return ModelSignature(Schema(inputs), Schema([ColSpec(first, "prediction"), *chances]))


def example(task: Task) -> pd.DataFrame:
    """A few training rows, categories as text."""
    rows = task.train.X.head(EXAMPLE_ROWS).reset_index(drop=True)
    return rows.astype(dict.fromkeys(task.categorical, object))


def register_metalearner(
    store: Store,
    forecaster: Forecaster,
    *,
    scores: Mapping[str, float] | None = None,
    lineage: Mapping[str, str] | None = None,
    experiment: str = names.META,
) -> Registered:
    """Register a fitted forecaster; the newest one, which has seen the most, is the champion."""
    space = forecaster.space_
    inputs = [ColSpec(AnyType(), name, required=False) for name in (*space.domains, *forecaster.scaler_.names)]
    outputs = [ColSpec(DataType.double, name) for name in metalearner.OUTPUTS]
    sample = space.sample(np.random.default_rng(0), EXAMPLE_ROWS)
    package = Package(
        name=METALEARNER,
        loader="forerun.tracking.metalearner",
        save=forecaster.save,
        signature=ModelSignature(Schema(inputs), Schema(outputs)),
        example=metalearner.as_rows(sample, space),
        tags={key if key.startswith("forerun.") else f"forerun.{key}": text for key, text in (lineage or {}).items()},
        params={"loss": type(forecaster.loss).__name__, "seconds": type(forecaster.seconds).__name__},
        metrics=scores or {},
    )
    return register(store, experiment, package, CHAMPION)


def load_metalearner(store: Store, alias: str = CHAMPION) -> Forecaster:
    """Load the registered meta-learner. Raises StoreError, FormatError."""
    return Forecaster.load(fetch(store, METALEARNER, alias))
