"""What is reported of a run: regrets, ranks, predictions, seconds, and how sure one can be of them.

Every mean is over tasks, each with the mean of its seeds. Intervals are 95 % of a cluster bootstrap: groups of data
sets are drawn with replacement, as near-duplicates say the same twice.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from forerun.space import Floats
from judging.registry import OURS

AT = (1, 2, 3, 5, 10, 25)
"""Trials at which regrets and ranks are told."""
DRAWS = 2_000
LEVELS = ("50", "80", "95")
Rows = Sequence[Mapping[str, Any]]


def score(found: Mapping[str, Rows]) -> dict[str, dict[str, Any]]:
    """Method -> what is told of it, as JSON holds it. Every method has rows of the same tasks and seeds."""
    curves = {name: np.array([row["regret"] for row in rows]) for name, rows in found.items()}
    first = next(iter(found.values()))
    tasks, task = np.unique([row["task"] for row in first], return_inverse=True)
    groups = _groups(first, tasks)
    # rounded: what regrets differ by after twelve digits is no difference
    order = rankdata(np.round(np.stack(list(curves.values())), 12), axis=0)
    by_task = {name: _per_task(curve, task) for name, curve in curves.items()}
    ranks = {name: _per_task(order[i], task) for i, name in enumerate(curves)}
    weights = _draws(groups)
    scores = {}
    for name, rows in found.items():
        scores[name] = _curves(by_task[name], ranks[name], weights) | _speed(rows) | _predictions(rows)
        scores[name] |= {"tasks": len(tasks), "groups": len(set(groups)), "seeds": len(first) // len(tasks)}
        if OURS in found and name != OURS:
            scores[name][f"above_{OURS}"] = _difference(by_task[name] - by_task[OURS], weights)
    return scores


def _groups(rows: Rows, tasks: npt.NDArray[Any]) -> list[str]:
    family = {row["task"]: row["family"] for row in rows}
    return [family[task] for task in tasks.tolist()]


def _per_task(curves: Floats, task: npt.NDArray[np.int64]) -> Floats:
    """Means over the seeds, (tasks, trials)."""
    sums = np.zeros((task.max() + 1, curves.shape[1]))
    np.add.at(sums, task, curves)
    return np.asarray(sums / np.bincount(task)[:, None])


def _draws(groups: Sequence[str]) -> Floats:
    """(DRAWS, tasks) weights of the tasks, which add up to 1: each group as often as it was drawn."""
    names, group = np.unique(groups, return_inverse=True)
    rng = np.random.default_rng(0)
    counts = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), DRAWS)[:, group].astype(float)
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))


def _interval(per_task: Floats, weights: Floats) -> list[float]:
    return [float(v) for v in np.quantile(weights @ per_task, [0.025, 0.975])]


def _curves(regret: Floats, rank: Floats, weights: Floats) -> dict[str, Any]:
    at = [t for t in AT if t <= regret.shape[1]]
    area = regret.mean(axis=1)
    return {
        "regret": {str(t): float(regret[:, t - 1].mean()) for t in at},
        "interval": {str(t): _interval(regret[:, t - 1], weights) for t in at},
        "rank": {str(t): float(rank[:, t - 1].mean()) for t in at},
        "rank_interval": {str(t): _interval(rank[:, t - 1], weights) for t in at},
        "auc": float(area.mean()),
        "auc_interval": _interval(area, weights),
        "curve": regret.mean(axis=0).tolist(),
        "curve_interval": np.quantile(weights @ regret, [0.025, 0.975], axis=0).tolist(),
    }


def _difference(above: Floats, weights: Floats) -> dict[str, list[float]]:
    """By how much a method's regret lies above ours, task by task: mean, low, high."""
    columns = {str(t): above[:, t - 1] for t in AT if t <= above.shape[1]} | {"auc": above.mean(axis=1)}
    return {key: [float(column.mean()), *_interval(column, weights)] for key, column in columns.items()}


def _speed(rows: Rows) -> dict[str, float]:
    return {
        "seconds": float(np.mean([row["seconds"] for row in rows])),
        "fit_seconds": float(np.mean(list({row["fold"]: row["fit_seconds"] for row in rows}.values()))),
    }


def _predictions(rows: Rows) -> dict[str, Any]:
    """Rank correlation and coverage before any trial and after some, of a method that predicts."""
    moments = sorted({moment for row in rows for moment in row["told"]}, key=int)
    if not moments:
        return {}
    told = {moment: [row["told"][moment] for row in rows if moment in row["told"]] for moment in moments}
    mean = {m: {k: _mean(entries, k) for k in ("spearman", *LEVELS)} for m, entries in told.items()}
    return {
        "spearman": {m: entry["spearman"] for m, entry in mean.items()},
        "coverage": {m: {p: entry[p] for p in LEVELS} for m, entry in mean.items()},
    }


def _mean(entries: Sequence[Mapping[str, float]], key: str) -> float | None:
    known = [entry[key] for entry in entries if key in entry]
    return float(np.mean(known)) if known else None
