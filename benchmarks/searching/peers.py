"""The same network over the same grid, as people score candidates otherwise. Every peer gets its best case.

numpy, torch    rows drawn and encoded beforehand, without the columns that never vary, in float32; batches of
                100,000, each core with batches of its own. Only the network is timed, nothing is kept
pandas          a frame of configurations drawn beforehand, as one-hot and standardised columns, through a
                scikit-learn pipeline with the same hidden layers; on one core, counted once for each core
optuna          a random sampler asks, the network scores, the study is told; on one core, counted once for
                each core
"""

import os
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import torch

from forerun.checks.search import Layered
from forerun.space import Floats, Grid
from searching.spaces import varying_axes
from searching.threads import one_thread_each

CORES = os.cpu_count() or 1
BATCH = 100_000
BATCHES = 2
"""Batches that are drawn; they are scored again and again."""
FRAME = 200_000
ASKED = 500
Way = Callable[[], int]
"""Does some work; returns how many candidates it scored."""


def rate(way: Way, seconds: float) -> float:
    """Candidates a second, over about so many seconds."""
    began, count = time.perf_counter(), 0
    while (spent := time.perf_counter() - began) < seconds:
        count += way()
    return count / spent


def ways(grid: Grid, network: Layered, rng: np.random.Generator) -> dict[str, Way]:
    """The peers by name, everything prepared that is not timed."""
    batches = [grid.encode(grid.sample(rng, BATCH)) for _ in range(BATCHES)]
    varying, maps = _reduced(batches, network)
    rows = [np.ascontiguousarray(X[:, varying], dtype=np.float32) for X in batches]
    return {
        "numpy": _on_all_cores(_numpy(maps), rows),
        "torch": _on_all_cores(_torch(maps), [torch.from_numpy(X) for X in rows]),
        "pandas": _pandas(grid, network, rng),
        "optuna": _optuna(grid, network),
    }


def _reduced(batches: list[Floats], network: Layered) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
    """The columns that vary and the maps on them; what the others add is in the offset."""
    first = batches[0][0]
    varying = np.logical_or.reduce([(first != X).any(axis=0) for X in batches])
    (weights, offset), *later = network.maps
    offset = offset + np.where(varying, 0, first) @ weights
    maps = [(weights[varying], offset), *later]
    return varying, [(w.astype(np.float32), b.astype(np.float32)) for w, b in maps]


def _numpy(maps: Any) -> Callable[[Any], float]:
    def best(X: Any) -> float:
        for weights, offset in maps[:-1]:
            X = X @ weights
            X += offset
            np.maximum(X, 0, out=X)
        weights, offset = maps[-1]
        return float((X @ weights + offset).min())

    return best


def _torch(maps: Any) -> Callable[[Any], float]:
    tensors = [(torch.from_numpy(w), torch.from_numpy(b)) for w, b in maps]

    @torch.inference_mode()
    def best(X: Any) -> float:
        for weights, offset in tensors[:-1]:
            X = torch.addmm(offset, X, weights).relu_()
        weights, offset = tensors[-1]
        return float(torch.addmm(offset, X, weights).min())

    return best


def _on_all_cores(best: Callable[[Any], float], rows: list[Any]) -> Way:
    """Every core scores all batches; numpy and torch let go of the interpreter meanwhile."""

    def way() -> int:
        with one_thread_each(), ThreadPoolExecutor(CORES) as pool:
            list(pool.map(lambda _: [best(X) for X in rows], range(CORES)))
        return CORES * sum(len(X) for X in rows)

    return way


def _pandas(grid: Grid, network: Layered, rng: np.random.Generator) -> Way:
    """Columns of the frame are the domains that vary; numbers are standardised, everything else is one-hot."""
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LinearRegression
    from sklearn.neural_network import MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    axes = varying_axes(grid)
    L = grid.sample(rng, FRAME)
    on = grid.active(L)
    columns: dict[str, Any] = {}
    numeric = []
    for i in axes:
        axis = grid.axes[i]
        values = np.array(axis.levels, dtype=object)[L[:, i]]
        if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in axis.levels):
            numeric.append(name := f"{axis.domain} {axis.element or ''}")
            columns[name] = np.where(on[:, i], values, -1).astype(float)
        else:
            columns[f"{axis.domain} {axis.element or ''}"] = pd.Categorical(np.where(on[:, i], values, "-").astype(str))
    frame = pd.DataFrame(columns)
    others = [name for name in frame if name not in numeric]
    encoded = make_column_transformer((StandardScaler(), numeric), (OneHotEncoder(sparse_output=False), others))
    hidden = tuple(len(offset) for _, offset in network.maps[:-1])
    model = MLPRegressor(hidden_layer_sizes=hidden, max_iter=1) if hidden else LinearRegression()
    with warnings.catch_warnings():
        # what it says does not matter here: only how long it takes
        warnings.simplefilter("ignore")
        pipeline = make_pipeline(encoded, model).fit(frame[:2_000], rng.normal(size=2_000))

    def way() -> int:
        with one_thread_each():
            pipeline.predict(frame)
        return CORES * len(frame)

    return way


def _optuna(grid: Grid, network: Layered) -> Way:
    """Ask a random sampler for the values of all active domains, score them, tell the study."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    axes = varying_axes(grid)
    fixed = np.where([i in axes for i in range(len(grid.axes))], -1, 0)
    conditions = {i: grid.tests(grid.space.condition(grid.axes[i].domain)) for i in axes}
    names = {i: f"{grid.axes[i].domain} {grid.axes[i].element or ''}" for i in axes}

    def way() -> int:
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        with one_thread_each():
            for _ in range(ASKED):
                trial, row = study.ask(), fixed.copy()
                for i in axes:
                    if all(row[parent] >= 0 and holds[row[parent]] for parent, holds in conditions[i]):
                        row[i] = trial.suggest_int(names[i], 0, len(grid.axes[i].levels) - 1)
                study.tell(trial, float(network(grid.encode(np.maximum(row, 0)[None]))[0]))
        return CORES * ASKED

    return way
