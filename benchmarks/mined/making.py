"""A store as a team would have it after years: runs of ten parameters, five metrics and five tags.

MLflow makes the schema; the rows go in by `executemany`, for MLflow itself writes 60 runs a second. They lie
in the tables as MLflow would have written them: run after run, with a row of history for every metric.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import numpy as np
from sqlalchemy import Engine

EXPERIMENTS = 20
BATCH = 5_000
"""Runs written at a time."""
BEGAN = 1_700_000_000_000
MINUTE = 60_000

Rows = dict[str, list[dict[str, Any]]]
"""Table to rows."""


def fill(engine: Engine, n: int, seed: int = 0, *, began: int = BEGAN) -> None:
    """Write n runs into the store behind `engine`; the same seed, the same runs."""
    places = experiments(engine)
    with closing(engine.raw_connection()) as connection:
        if engine.dialect.name == "sqlite":
            # the keys are random: with a small cache and a sync for each batch this takes half an hour
            for pragma in ("synchronous = OFF", "journal_mode = MEMORY", "cache_size = -1000000"):
                connection.execute(f"PRAGMA {pragma}")
        for rows in batches(n, seed, places, began):
            for table, content in rows.items():
                insert(connection.driver_connection, table, content)
            connection.commit()
        if engine.dialect.name == "sqlite":
            connection.execute("PRAGMA journal_mode = DELETE")


def insert(connection: Any, table: str, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows of one form by the quickest way there is."""
    columns = ", ".join(rows[0])
    if isinstance(connection, sqlite3.Connection):
        marks = ", ".join("?" * len(rows[0]))
        statement = f"INSERT INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608 - our own names
        connection.executemany(statement, [tuple(row.values()) for row in rows])
        return
    with connection.cursor().copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(tuple(row.values()))


def experiments(engine: Engine) -> list[int]:
    """Ids of the experiments, made where they are missing."""
    from mlflow.store.tracking.dbmodels.models import SqlExperiment

    table = SqlExperiment.__table__
    names = [f"team/model-{i:02d}" for i in range(EXPERIMENTS)]
    with engine.begin() as connection:
        known = {name for (name,) in connection.execute(table.select().with_only_columns(table.c.name))}
        missing = [
            {"name": name, "artifact_location": f"/nowhere/{name}", "lifecycle_stage": "active"}
            for name in names
            if name not in known
        ]
        if missing:
            connection.execute(table.insert(), missing)
        found = connection.execute(
            table.select().with_only_columns(table.c.experiment_id).where(table.c.name.in_(names))
        )
        return sorted(identity for (identity,) in found)


def batches(n: int, seed: int, places: Sequence[int], began: int) -> Iterator[Rows]:
    """Rows of n runs, some thousand runs at a time."""
    rng = np.random.default_rng(seed)
    for first in range(0, n, BATCH):
        rows: Rows = {name: [] for name in ("runs", "params", "tags", "latest_metrics", "metrics")}
        for i in range(first, min(first + BATCH, n)):
            add(rows, rng, places[int(rng.integers(len(places)))], began + i * MINUTE)
        yield rows


def add(rows: Rows, rng: np.random.Generator, place: int, start: int) -> None:
    """Add one run of an experiment (its id), beginning at `start` (ms)."""
    run = rng.bytes(16).hex()
    end = start + int(rng.integers(1_000, 3_600_000))
    status = ("FINISHED", "FINISHED", "FINISHED", "FAILED", "KILLED")[int(rng.choice(5, p=[0.5, 0.3, 0.1, 0.07, 0.03]))]
    rows["runs"].append(
        {
            "run_uuid": run,
            "name": f"run-{run[:6]}",
            "user_id": "team",
            "status": status,
            "start_time": start,
            "end_time": end,
            "lifecycle_stage": "active",
            "artifact_uri": f"/nowhere/{run}",
            "experiment_id": place,
            "source_type": "LOCAL",
        }
    )
    rows["params"] += [{"run_uuid": run, "key": key, "value": value} for key, value in params(rng).items()]
    rows["tags"] += [{"run_uuid": run, "key": key, "value": value} for key, value in tags(rng, run).items()]
    for key, value in metrics(rng).items():
        row = {"run_uuid": run, "key": key, "value": 0.0 if value != value else value, "is_nan": value != value}  # noqa: PLR0124 - NaN
        rows["latest_metrics"].append(row | {"timestamp": end, "step": 0})
        rows["metrics"].append(row | {"timestamp": end, "step": 0})


def params(rng: np.random.Generator) -> dict[str, str]:
    """Ten parameters: numbers on a log scale, choices, sizes, a list."""
    return {
        "lr": repr(float(10 ** rng.uniform(-5, 0))),
        "weight_decay": repr(float(10 ** rng.uniform(-6, -1))),
        "dropout": f"{rng.uniform(0, 0.6):.2f}",
        "batch_size": str(2 ** int(rng.integers(4, 10))),
        "depth": str(int(rng.integers(1, 13))),
        "layers": str([int(2 ** rng.integers(4, 9)) for _ in range(2)]),
        "optimizer": ("adam", "sgd", "adamw", "None")[int(rng.integers(4))],
        "augment": ("True", "False")[int(rng.integers(2))],
        "seed": str(int(rng.integers(1_000_000))),
        "data": f"s3://bucket/data-{int(rng.integers(30))}.parquet",
    }


def tags(rng: np.random.Generator, run: str) -> dict[str, str]:
    """Five tags, as MLflow and a team set them."""
    return {
        "mlflow.runName": f"run-{run[:6]}",
        "mlflow.user": ("ada", "grace", "emmy")[int(rng.integers(3))],
        "mlflow.source.name": "train.py",
        "mlflow.source.git.commit": f"{int(rng.integers(400)):040x}",
        "gpu": ("NVIDIA H200", "NVIDIA A100-SXM4-80GB", "cpu")[int(rng.integers(3))],
    }


def metrics(rng: np.random.Generator) -> dict[str, float]:
    """Five metrics; a loss in a hundred is NaN."""
    return {
        "val_loss": float(rng.exponential()) if rng.random() > 0.01 else float("nan"),
        "val_accuracy": float(rng.random()),
        "train_loss": float(rng.exponential()),
        "epoch": float(rng.integers(1, 100)),
        "seconds": float(rng.exponential(1000.0)),
    }
