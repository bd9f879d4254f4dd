"""Tasks and search spaces in the store, so that mining runs needs nothing but MLflow."""

import hashlib
import json
import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import pandas as pd
from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Run, ViewType
from mlflow.exceptions import MlflowException
from mlflow.store.entities.paged_list import PagedList

from forerun.errors import StoreError
from forerun.space import SearchSpace
from forerun.tasks import Task
from forerun.tracking import names
from forerun.tracking.store import Store

ATTEMPTS = 3
DIGEST_LIMIT = 36
"""Characters that MLflow keeps of a data set's digest."""


@dataclass(frozen=True)
class TaskRecord:
    """What the store keeps of a task beside its trials. Made once per task; small, and picklable."""

    name: str
    family: str
    kind: str
    target: str
    metric: str
    source: str
    digest: str
    schema: str
    """Columns and types, as MLflow's JSON."""
    profile: str
    """Sizes, as JSON."""

    @classmethod
    def of(cls, task: Task) -> Self:
        """Describe a task; the test part is not looked at."""
        target = "number" if task.kind == "regression" else "class"
        columns = [{"name": c, "type": _type(task.train.X[c]), "required": False} for c in task.columns]
        columns.append({"name": task.target, "type": _TARGET[target], "required": True})
        profile = {
            "num_rows": len(task.train) + len(task.validation),
            "num_features": len(task.columns),
            "train_rows": len(task.train),
            "validation_rows": len(task.validation),
            "target": task.target,
            "kind": task.kind,
            "classes": len(task.classes),
            "missing": int(task.train.X.isna().to_numpy().sum()),
        }
        return cls(
            name=task.name,
            family=task.family,
            kind=task.kind,
            target=task.target,
            metric=task.metric.name,
            source=task.source,
            digest=task.digest,
            schema=json.dumps({"mlflow_colspec": columns}),
            profile=json.dumps(profile),
        )

    @property
    def dataset(self) -> DatasetInput:
        """The data set as an MLflow input of a run."""
        source = CodeDatasetSource({names.SOURCE: self.source, names.FAMILY: self.family})
        entity = Dataset(
            name=self.name,
            digest=self.digest[:DIGEST_LIMIT] or "unknown",
            source_type=source._get_source_type(),
            source=source.to_json(),
            schema=self.schema,
            profile=self.profile,
        )
        return DatasetInput(entity, [InputTag("mlflow.data.context", "training")])

    @property
    def tags(self) -> dict[str, str]:
        """The task's facts as run tags."""
        return {
            names.TASK: self.name,
            names.FAMILY: self.family,
            names.KIND: self.kind,
            names.METRIC: self.metric,
            names.SOURCE: self.source[: names.TAG_LIMIT],
            names.DIGEST: self.digest,
        }


_TARGET = {"number": "double", "class": "string"}


def _type(column: "pd.Series[float]") -> str:
    return "string" if isinstance(column.dtype, pd.CategoricalDtype) else "double"


def log_task(store: Store, record: TaskRecord, metafeatures: Mapping[str, float]) -> None:
    """Write a task's facts and meta-features once; new meta-features of the same data replace the old.

    Raises StoreError when the store knows other data under the same name.
    """
    experiment = store.experiment(names.TASKS)
    wanted = {f"{names.METAFEATURE}{name}": float(value) for name, value in metafeatures.items()}
    with store.guard(f"log task {record.name!r}"):
        known = _tagged(store, experiment, names.TASK, record.name)
        for run in known:
            digest = run.data.tags.get(names.DIGEST, "")
            if digest != record.digest:
                raise StoreError(
                    f"task {record.name!r} of {store.label} must stay the same data (digest {digest[:12]}); "
                    f"got other data (digest {record.digest[:12]}). Give the new data another name"
                )
        if any(_same(run.data.metrics, wanted) and _holds(run, record) for run in known):
            return
        now = int(time.time() * 1000)
        run = store.client.create_run(experiment, start_time=now, tags=record.tags, run_name=record.name)
        store.client.log_batch(run.info.run_id, [Metric(k, v, now, 0) for k, v in wanted.items()])
        log_dataset(store, run.info.run_id, record.dataset)
        store.client.set_terminated(run.info.run_id, "FINISHED")
        for old in known:
            store.client.delete_run(old.info.run_id)


def log_dataset(store: Store, run: str, dataset: DatasetInput) -> None:
    """Name a data set as the input of a run; may be called from many threads and processes at once."""
    for attempt in range(ATTEMPTS):
        try:
            store.client.log_inputs(run, [dataset])
        except MlflowException as error:
            # MLflow looks whether the data set is known, then inserts it: of two that do so at once the
            # second one fails, and finds it when asked again
            if attempt == ATTEMPTS - 1 or not re.search("IntegrityError|UniqueViolation", str(error)):
                raise
        else:
            return


def named_apart(store: Store, task: Task) -> Task:
    """The task, renamed after its digest where the store knows other data under its name (a file that changed)."""
    place = store.find(names.TASKS)
    if place is None:
        return task
    with store.guard(f"look up task {task.name!r}"):
        known = {run.data.tags.get(names.DIGEST, "") for run in _tagged(store, place, names.TASK, task.name)}
    return task if known <= {task.digest} else replace(task, name=f"{task.name}-{task.digest[:6]}")


def log_space(store: Store, space: SearchSpace) -> None:
    """Write a search space once. Raises StoreError when the store knows another one of the same name."""
    text = json.dumps(space.to_dict())
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    experiment = store.experiment(names.SPACES)
    with store.guard(f"log search space {space.name!r}"):
        for run in _tagged(store, experiment, names.SPACE, space.name):
            if run.data.tags[names.DIGEST] == digest:
                return
            raise StoreError(
                f"search space {space.name!r} of {store.label} must stay the same; got one that differs. "
                "Give the new space another name"
            )
        size = names.TAG_LIMIT
        pieces = [text[i : i + size] for i in range(0, len(text), size)]
        tags = {names.SPACE: space.name, names.DIGEST: digest}
        tags |= {f"{names.SPACE_JSON}{i:03d}": piece for i, piece in enumerate(pieces)}
        run = store.client.create_run(experiment, tags=tags, run_name=space.name)
        store.client.set_terminated(run.info.run_id, "FINISHED")


def read_space(tags: Mapping[str, str]) -> SearchSpace:
    """Put a search space together from the tags of its run."""
    pieces = sorted((k, v) for k, v in tags.items() if k.startswith(names.SPACE_JSON))
    return SearchSpace.from_dict(json.loads("".join(v for _, v in pieces)), f"space {tags.get(names.SPACE)!r}")


def all_runs(store: Store, experiment: str, condition: str = "", *, deleted: bool = False) -> list[Run]:
    """Every run of an experiment (an id), paged to the end: MLflow returns the first 1,000 without a word."""
    view = ViewType.DELETED_ONLY if deleted else ViewType.ACTIVE_ONLY
    found: list[Run] = []
    token = None
    while True:
        page: PagedList[Run] = store.client.search_runs(
            [experiment], condition, view, 1000, ["attributes.start_time ASC"], token
        )
        found += page
        token = page.token
        if not token:
            return found


def _tagged(store: Store, experiment: str, tag: str, value: str) -> list[Run]:
    """Finished runs whose tag is `value`; half-written ones of a killed process do not count."""
    condition = "attributes.status = 'FINISHED'"
    # MLflow knows no escapes: a value with both kinds of quotes can only be looked for here
    quote = next((q for q in "'\"" if q not in value), None)
    if quote:
        condition += f" and tags.`{tag}` = {quote}{value}{quote}"
    return [run for run in all_runs(store, experiment, condition) if run.data.tags.get(tag) == value]


def _holds(run: Run, record: TaskRecord) -> bool:
    return all(run.data.tags.get(name, "") == value for name, value in record.tags.items())


def _same(known: Mapping[str, float], wanted: Mapping[str, float]) -> bool:
    return known.keys() == wanted.keys() and all(
        known[k] == v or (math.isnan(known[k]) and math.isnan(v)) for k, v in wanted.items()
    )
