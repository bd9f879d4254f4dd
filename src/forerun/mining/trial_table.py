"""Runs that count become the rows of a history: the columns of `trials.py`, and what else is known of each run.

Beyond those columns there are `run`, `experiment`, `user`, `program` and `commit`: where a trial comes from.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from forerun.mining.curves import neat
from forerun.mining.domains import is_number
from forerun.mining.hardware import hardware
from forerun.mining.parameters import Parameter
from forerun.mining.runs import Floats, Runs, Texts
from forerun.mining.sample import Rows, Sample
from forerun.mining.sorting import Found
from forerun.mining.values import Settings
from forerun.mining.words import listed, utf8, words
from forerun.space import Categorical, Subset
from forerun.trials import Status

FIT_SECONDS = listed(
    "fit_seconds train_seconds training_seconds fit_time train_time training_time mean_fit_time train_runtime "
    "training_duration fit_duration elapsed_seconds elapsed_time duration"
)
"""Metrics that say how long a training took, best first."""
MOST_METRICS = 50
FACTS = {"program": "mlflow.source.name", "commit": "mlflow.source.git.commit"}


def seeds(found: Found, settings: Settings, n: int) -> npt.NDArray[np.int64]:
    """The seed of each run (n,): the first of its parameters that is one; 0 where it has none."""
    result = np.zeros(n, dtype=np.int64)
    # a plain `seed` speaks for the whole run, bagging_seed for a part of it
    for name in sorted(found.seeds, key=lambda name: (len(words(name)), name), reverse=True):
        for row, value in enumerate(settings.columns[name]):
            if is_number(value):
                result[row] = int(value) % 2**31
    return result


def trial_table(
    sample: Sample, parameters: Sequence[Parameter], *, space: Texts, seed: npt.NDArray[np.int64]
) -> pd.DataFrame:
    """One row a run that counts, of which space and seed are given (n,)."""
    runs, rows = sample.runs, sample.rows
    failed = sample.failure[rows] != ""
    table: dict[str, Any] = {
        "task": sample.task[rows],
        "space": space[rows],
        "seed": seed[rows],
        "fidelity": np.ones(len(rows)),
        "status": np.where(failed, str(Status.FAILED), str(Status.FINISHED)),
        "loss": sample.loss[rows],
        "reason": [utf8(text) for text in sample.failure[rows]],
        "fit_seconds": _seconds(runs)[rows],
        **dict.fromkeys(("predict_seconds", "peak_memory_mb", "model_kb"), np.full(len(rows), np.nan)),
        "started": np.where(runs.start > 0, runs.start / 1000, np.nan)[rows],
        **_curves(sample),
        "run": [runs.ids[row] for row in rows],
        "experiment": [utf8(runs.experiment[row]) for row in rows],
        "user": [utf8(runs.user[row]) for row in rows],
        **{name: [utf8(text) for text in runs.tag(tag)[rows]] for name, tag in FACTS.items()},
    }
    table |= {f"hp_{p.name}": _stored(p, rows) for p in parameters}
    table |= {f"metric_{utf8(name)}": runs.metrics[name][rows] for name in _metrics(sample)}
    table |= {f"hw_{name}": column[rows] for name, column in hardware(runs).items()}
    frame = pd.DataFrame(table)
    frame.insert(0, "trial", _keys(frame))
    return frame


def _stored(parameter: Parameter, rows: Rows) -> Any:
    """A parameter's column, in one type, as a Parquet file has it; the domain gives the values theirs again."""
    values = parameter.column[rows]
    if isinstance(parameter.domain, Categorical):
        kinds = {"number" if is_number(v) else type(v).__name__ for v in parameter.domain.levels(2)}
        if kinds != {"number"}:
            return [None if v is None else str(v) if len(kinds) > 1 else v for v in values]
    elif isinstance(parameter.domain, Subset):
        return [None if v is None else list(v) for v in values]
    return np.array([np.nan if v is None else v for v in values], dtype=float)


def _keys(frame: pd.DataFrame) -> list[str]:
    """The same run has the same key wherever it was mined; a copy of it, which tells nothing new, has it too."""
    settings = [name for name in frame.columns if name.startswith("hp_")]
    told = frame[["task", "seed", "status", "loss", *settings]].astype(object)
    filled = told.where(told.notna(), None)
    texts = (
        json.dumps([*row[:4], {n: v for n, v in zip(settings, row[4:], strict=True) if v is not None}], default=str)
        for row in filled.itertuples(index=False, name=None)
    )
    return [hashlib.sha256(text.encode()).hexdigest()[:16] for text in texts]


def _metrics(sample: Sample) -> list[str]:
    """The targets, and of the other metrics those that the most runs have; no system metrics."""
    first = {target.metric for target in sample.targets}
    counts = {name: int((~np.isnan(values[sample.rows])).sum()) for name, values in sample.runs.metrics.items()}
    known = [name for name, n in counts.items() if n and not name.startswith("system/")]
    return sorted(known, key=lambda name: (name not in first, -counts[name], name))[:MOST_METRICS]


def _curves(sample: Sample) -> dict[str, list[list[Any]]]:
    """Curves of losses, as far as the runs' curves were read."""
    curve_of: dict[int, list[tuple[int, float]]] = {}
    for target in sample.targets:
        mine = set(target.rows.tolist())
        for row, curve in sample.runs.curves.get(target.metric, {}).items():
            if row in mine:
                points = neat(curve)
                losses = target.loss(np.array([value for _, value in points], dtype=float))
                curve_of[row] = list(zip((step for step, _ in points), losses.tolist(), strict=True))
    curves = [curve_of.get(int(row), []) for row in sample.rows]
    return {
        "curve_epoch": [[int(step) for step, _ in curve] for curve in curves],
        "curve_loss": [[float(loss) for _, loss in curve] for curve in curves],
    }


def _seconds(runs: Runs) -> Floats:
    """Seconds of training (n,): as a metric says, else as Optuna's tags say, else from the run's begin to its end."""
    known = (runs.start > 0) & (runs.end > runs.start)
    found = np.where(known, (runs.end - runs.start) / 1000, np.nan)
    begun, ended = runs.tag("datetime_start"), runs.tag("datetime_complete")
    for row in np.flatnonzero((begun != None) & (ended != None)):  # noqa: E711 - by element
        # the callback's run begins when the training has ended
        found[row] = _between(str(begun[row]), str(ended[row]))
    plain = {"_".join(words(name)): values for name, values in runs.metrics.items()}
    for name in reversed(FIT_SECONDS):
        for spelled in (f"{name}_s", f"{name}_sec", name):
            if spelled in plain:
                values = plain[spelled]
                found = np.where(np.isfinite(values) & (values >= 0), values, found)
    return found


def _between(begun: str, ended: str) -> float:
    try:
        return max((datetime.fromisoformat(ended) - datetime.fromisoformat(begun)).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return float("nan")
