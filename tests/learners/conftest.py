"""Small tasks with every difficulty of real columns, made by hand so that what can be learned is known."""

import numpy as np
import pandas as pd
import pytest
import torch

from forerun.tasks import Task, make_task

N = 300


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)


def frame(kind: str, n: int = N, seed: int = 0) -> pd.DataFrame:
    """Two informative numbers (one with gaps), one informative category (with gaps), two of noise."""
    rng = np.random.default_rng(seed)
    a, b, noise = rng.normal(size=(3, n))
    colour = rng.choice(["red", "green", "blue"], n)
    signal = 2 * a + b + 2.0 * (colour == "red")
    if kind == "regression":
        target: object = 100 * signal + 5000
    else:
        cuts = [0.7] if kind == "binary" else [-0.7, 1.8]
        target = np.array(["low", "middle", "high"])[np.digitize(signal, cuts)]
    table = pd.DataFrame({"a": a, "b": b, "noise": noise, "colour": colour.astype(object), "y": target})
    table.loc[rng.random(n) < 0.1, "b"] = np.nan
    table.loc[rng.random(n) < 0.1, "colour"] = None
    table["shade"] = rng.choice(list("pqrs"), n)
    return table


def easy_task(kind: str) -> Task:
    """A task that every learner's defaults solve well."""
    return make_task(frame(kind), "y", name=f"easy-{kind}", kind=kind)


@pytest.fixture(scope="session")
def tasks() -> dict[str, Task]:
    """One easy task of each kind."""
    return {kind: easy_task(kind) for kind in ("binary", "multiclass", "regression")}
