"""From scores per method, task and seed to means with intervals, and to a choice."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from forerun.errors import HistoryError

RESAMPLES = 1000
LEVEL = 0.95
KEYS = ("method", "task", "family", "seed", "fold")

Summary = dict[str, dict[str, dict[str, float]]]
"""method -> score -> mean, low, high."""


def summarise(scores: pd.DataFrame, seed: int = 0) -> Summary:
    """Mean of every score with bootstrap intervals over families (and, within them, tasks and seeds)."""
    families = np.unique(scores["family"])
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(len(families), np.full(len(families), 1 / len(families)), size=RESAMPLES)
    found: Summary = {}
    for method, rows in scores.groupby("method", sort=False):
        place = np.searchsorted(families, rows["family"].to_numpy(dtype=str))
        names = [c for c in rows.columns if c not in KEYS]
        found[str(method)] = {
            name: interval(rows[name].to_numpy(dtype=float), place, draws) for name in names if rows[name].notna().any()
        }
    return found


def interval(
    values: np.ndarray[Any, np.dtype[np.float64]],
    family: np.ndarray[Any, np.dtype[np.int64]],
    draws: np.ndarray[Any, np.dtype[np.int64]],
) -> dict[str, float]:
    """Mean of the known values, and the interval of that mean when families are drawn anew."""
    known = np.isfinite(values)
    totals = np.bincount(family[known], values[known], minlength=draws.shape[1])
    counts = np.bincount(family[known], minlength=draws.shape[1])
    sizes = draws @ counts
    means = (draws @ totals)[sizes > 0] / sizes[sizes > 0]
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {"mean": float(values[known].mean()), "low": float(low), "high": float(high)}


def choose(summary: Mapping[str, Mapping[str, Mapping[str, float]]], among: Iterable[str]) -> str:
    """The method of `among` with the lowest mean regret over the first trials; the first of equals."""
    scored = [name for name in among if name in summary and "regret" in summary[name]]
    if not scored:
        raise HistoryError(f"the choice must be among methods that were evaluated ({', '.join(summary)}); got none")
    return min(scored, key=lambda name: summary[name]["regret"]["mean"])
