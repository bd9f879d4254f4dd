"""A store full of what is met in the wild, and runs told apart from their ids."""

import json
import math
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param

from forerun.mining.runs import Runs
from forerun.tracking.reading.base import number

BEGAN = 1_790_000_000_000
HOSTILE = {
    "sql": "'; DROP TABLE runs; --",
    "html": "<script>alert(1)</script>",
    "path": "../../etc/passwd",
    "control": "a\x1fb\x1e\x00c\td\r\ne\u2028f",
    "emoji": "🦊 ünïcödé \U0010ffff",
    "empty": "",
    "none": "None",
    "comma": 'a,"b",\n',
}


def data(name: str, context: str) -> DatasetInput:
    entity = Dataset(name, f"digest-{name}", "code", json.dumps({"of": name}), '{"columns": []}', '{"num_rows": 7}')
    return DatasetInput(entity, [InputTag("mlflow.data.context", context)] if context else [])


def add(client: MlflowClient, experiment: str, name: str, i: int, status: str = "FINISHED", **logged: Any) -> str:
    """Log run number i; what is logged are params, tags, metrics and inputs."""
    tags = {"mlflow.user": "ada", **logged.get("tags", {})}
    run = client.create_run(experiment, BEGAN + i * 1_000, tags, name).info.run_id
    points = [
        Metric(k, v, BEGAN + i, step)
        for k, values in logged.get("metrics", {}).items()
        for step, v in enumerate(values)
    ]
    params = [Param(k, v) for k, v in logged.get("params", {}).items()]
    for start in range(0, len(params), 100):
        client.log_batch(run, [], params[start : start + 100])
    client.log_batch(run, points)
    if logged.get("inputs"):
        client.log_inputs(run, logged["inputs"])
    if status != "RUNNING":
        client.set_terminated(run, status, BEGAN + i * 1_000 + 500)
    return run


def fill(client: MlflowClient, *, hostile: bool = True) -> None:
    """Runs of every kind in three experiments, one of them deleted. File stores hold no hostile names."""
    one, two, dead = (client.create_experiment(name) for name in ("vision", "b'; DROP <i>" if hostile else "b", "dead"))
    values = HOSTILE if hostile else {k: v for k, v in HOSTILE.items() if k not in ("control", "comma")}
    add(client, one, "plain", 0, params={"lr": "0.1", "depth": "3"}, metrics={"loss": [0.5, 0.25, 0.125]})
    add(client, one, "failed", 1, "FAILED", params={"lr": "0.1"}, metrics={"loss": [0.5, math.nan]})
    add(client, one, "killed", 2, "KILLED", params={"lr": "10"}, metrics={"loss": [math.inf], "gain": [-math.inf]})
    add(client, one, "running", 3, "RUNNING", params={"lr": "1e-3"}, metrics={"loss": [0.75]})
    add(client, two, "hostile", 4, params=values, tags=values, metrics={"a/b c.d-e_f:g": [1.0, 1 / 3]})
    add(client, two, "long", 5, params={"long": "x" * 6000}, tags={"long": "🦊" * 2000}, metrics={"loss": [5e-324]})
    parent = add(client, two, "parent", 6, inputs=[data("boxes", "training"), data("boxes-test", "")])
    add(client, two, "child", 7, tags={"mlflow.parentRunId": parent}, inputs=[data("boxes", "eval")])
    add(client, two, "gone", 8, params={"lr": "7", "only_deleted": "1"}, metrics={"only_deleted": [1.0]})
    add(client, dead, "buried", 9, params={"lr": "8"})
    # they end together: the id decides which is first
    for name in ("tied a", "tied b", "tied c"):
        add(client, one, name, 10, metrics={"loss": [1e300, 2.0, -1.5], "nan": [math.nan]})
    client.delete_run(client.search_runs([two], "attributes.run_name = 'gone'")[0].info.run_id)
    client.delete_experiment(dead)


def by_name(runs: Runs) -> dict[str, dict[str, Any]]:
    """Everything about runs but their ids and order."""
    name_of = dict(zip(runs.ids, runs.name, strict=True))
    found = {}
    for row, name in enumerate(runs.name):
        tags = {k: v[row] for k, v in runs.tags.items() if v[row] is not None}
        if "mlflow.parentRunId" in tags:
            tags["mlflow.parentRunId"] = name_of[tags["mlflow.parentRunId"]]
        found[name] = {
            "experiment": runs.experiment[row],
            "status": runs.status[row],
            "times": (runs.start[row], runs.end[row]),
            "user": runs.user[row],
            "params": {k: v[row] for k, v in runs.params.items() if v[row] is not None},
            "tags": tags,
            "metrics": {k: repr(float(v[row])) for k, v in runs.metrics.items() if has(runs, k, row)},
            "curves": {k: [(s, repr(v)) for s, v in c[row]] for k, c in runs.curves.items() if row in c},
            "inputs": runs.inputs.get(row, []),
        }
    return found


def has(runs: Runs, metric: str, row: int) -> bool:
    return not math.isnan(runs.metrics[metric][row]) or row in runs.logged_nan.get(metric, [])


def same(ours: Runs, theirs: Runs) -> None:
    """Assert that runs are equal in everything, order included."""
    for field in ("ids", "experiment", "name", "status", "user", "inputs"):
        assert getattr(ours, field) == getattr(theirs, field), field
    for field in ("start", "end"):
        assert getattr(ours, field).tolist() == getattr(theirs, field).tolist(), field
    for kind in ("params", "tags", "metrics", "logged_nan"):
        mine, other = getattr(ours, kind), getattr(theirs, kind)
        assert list(mine) == list(other), kind
        for name in mine:
            np.testing.assert_array_equal(mine[name], other[name], err_msg=f"{kind} {name}")
    assert by_name(ours) == by_name(theirs)  # curves, with NaN


def frame_of(uri: str, ids: list[str]) -> pd.DataFrame:
    """What `mlflow.search_runs` says of all runs, in the order of ids."""
    client = MlflowClient(uri)
    mlflow.set_tracking_uri(uri)
    try:
        frame = mlflow.search_runs([each.experiment_id for each in client.search_experiments()])
    finally:
        mlflow.set_tracking_uri(None)
    return frame.set_index("run_id").loc[ids]


def agree(runs: Runs, frame: pd.DataFrame) -> None:
    """Assert that runs say, cell by cell, what `mlflow.search_runs` says."""
    assert len(runs) == len(frame)
    for kind in ("params", "tags", "metrics"):
        columns = getattr(runs, kind)
        assert set(columns) == {c.split(".", 1)[1] for c in frame.columns if c.startswith(f"{kind}.")}
        for name, column in columns.items():
            for our, their in zip(column, frame[f"{kind}.{name}"], strict=True):
                if kind == "metrics":
                    their = number(their)  # noqa: PLW2901 - MLflow gives the largest double for infinity
                assert our == their or (pd.isna(our) and pd.isna(their)), (kind, name)
    assert list(frame["status"]) == runs.status
    assert [0 if pd.isna(t) else round(t.timestamp() * 1000) for t in frame["end_time"]] == runs.end.tolist()
    assert [round(t.timestamp() * 1000) for t in frame["start_time"]] == runs.start.tolist()
