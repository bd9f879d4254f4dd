"""Runs built by hand, one mapping a run."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from forerun.mining import DataSet, Runs


@dataclass
class Run:
    """One run as a person would tell of it."""

    params: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    experiment: str = "net"
    status: str = "FINISHED"
    id: str = ""
    curve: Mapping[str, list[tuple[int, float]]] = field(default_factory=dict)
    inputs: tuple[DataSet, ...] = ()
    seconds: float = 2.0


def runs_of(made: Iterable[Run]) -> Runs:
    """What a reader would make of runs that were logged one after the other."""
    made = list(made)
    n = len(made)

    def columns(kind: str) -> dict[str, Any]:
        names = sorted({name for run in made for name in getattr(run, kind)})
        return {name: np.array([getattr(run, kind).get(name) for run in made], dtype=object) for name in names}

    params = {
        k: np.array([None if v is None else str(v) for v in c], dtype=object) for k, c in columns("params").items()
    }
    logged = columns("metrics")
    nan = {k: np.array([i for i, v in enumerate(c) if v is not None and np.isnan(v)]) for k, c in logged.items()}
    start = np.array([1_790_000_000_000 + 10_000 * i for i in range(n)], dtype=np.int64)
    return Runs(
        ids=[run.id or f"run{i:04}" for i, run in enumerate(made)],
        experiment=[run.experiment for run in made],
        name=[f"name of {i}" for i in range(n)],
        status=[run.status for run in made],
        start=start,
        end=np.array([start[i] + int(1000 * run.seconds) for i, run in enumerate(made)], dtype=np.int64),
        user=["ada"] * n,
        params=params,
        tags=columns("tags"),
        metrics={k: np.array([np.nan if v is None else v for v in c], dtype=float) for k, c in logged.items()},
        logged_nan={k: rows.astype(np.int64) for k, rows in nan.items() if len(rows)},
        curves={
            k: {i: run.curve[k] for i, run in enumerate(made) if k in run.curve}
            for k in {name for run in made for name in run.curve}
        },
        inputs={i: list(run.inputs) for i, run in enumerate(made) if run.inputs},
    )


def sweep(
    experiment: str = "net",
    n: int = 12,
    seed: int = 0,
    more: Callable[[int], Mapping[str, Any]] | None = None,
) -> list[Run]:
    """Runs of one script: a learning rate, a depth, a word, and `more` parameters of run i; loss and accuracy."""
    rng = np.random.default_rng([seed, *map(ord, experiment)])
    made = []
    for i in range(n):
        lr, depth = float(10 ** rng.uniform(-4, -1)), int(rng.integers(1, 9))
        loss = (np.log10(lr) + 2.5) ** 2 / 4 + abs(depth - 5) / 10 + float(rng.normal(0, 0.05)) + 0.5
        params = {"lr": lr, "depth": depth, "act": str(rng.choice(["relu", "tanh"])), "epochs": 10}
        made.append(
            Run(
                {**params, **(more(i) if more else {})},
                {"val_loss": loss, "val_acc": 1 / (1 + loss)},
                experiment=experiment,
            )
        )
    return made


def data_set(digest: str, name: str = "dataset", rows: int = 100, columns: str = "ab") -> DataSet:
    """A pandas data set, as MLflow logs it."""
    listed = ", ".join(f'{{"type": "double", "name": "{c}", "required": true}}' for c in columns)
    profile = f'{{"num_rows": {rows}, "num_elements": {rows * len(columns)}}}'
    return DataSet(name, digest, "", f'{{"mlflow_colspec": [{listed}]}}', profile, "train")
