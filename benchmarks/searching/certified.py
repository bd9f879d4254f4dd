"""How soon the best is certified: spaces of 10^9 to 10^20, trained networks, each on a task it never saw.

Seconds are processor seconds on one thread, which are seconds of the clock on an idle machine; a network that was not
certified counts with the limit. `gap` is by how much an unseen configuration could be better,
at most, among those that were not certified (median, in standard deviations of a task's losses).
"""

import itertools
import time
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from forerun.checks.search import Layered
from forerun.metadata import MetaDataset
from forerun.metalearners.shallow import Settings
from forerun.search import Certified, Score, search
from forerun.space import Grid
from forerun.tuning.acquisition import mean_score
from searching import networks
from searching.deep import two_layers
from searching.spaces import SPACES, as_categories, described
from searching.tell import tell
from searching.threads import one_thread_each


@dataclass(frozen=True)
class Entry:
    """What is searched, how often, and for how many of the best."""

    space: str
    units: int
    members: int = 1
    k: int = 1


ENTRIES = {
    "1e9_h32": Entry("1e9", 32),
    "1e12_h32": Entry("1e12", 32),
    "1e12_h64": Entry("1e12", 64),
    "1e15_h32": Entry("1e15", 32),
    "1e20_h32": Entry("1e20", 32),
    "top100": Entry("1e12", 32, k=100),
    "ensemble5": Entry("1e12", 32, members=5),
}
HARDER = {
    "1e12_h128": Entry("1e12", 128),
    "1e20_h64": Entry("1e20", 64),
    "1e20_ensemble5": Entry("1e20", 32, members=5),
    "top10000": Entry("1e12", 32, k=10_000),
}
PENALTY = Settings().gap
DEEP = {
    "1e9_h32x32": ("1e9", (32, 32), PENALTY),
    "1e12_h32x32": ("1e12", (32, 32), PENALTY),
    "strong_1e12_h32x32": ("1e12", (32, 32), 4 * PENALTY),
    "plain_1e9_h16x16": ("1e9", (16, 16), 0.0),
    "plain_1e9_h32x32": ("1e9", (32, 32), 0.0),
}
"""Space, widths and the weight of the penalty in training."""
LEVELS = 8
"""Values of a domain that is numeric, where all are one-hot."""


def certified(
    meta: MetaDataset, entries: dict[str, Entry], *, count: int, limit: float, gap: float | None = None
) -> dict[str, Any]:
    """Every entry; `gap` is the weight of the penalty in training, None: the product's."""
    found: dict[str, Any] = {}
    penalty = {} if gap is None else {"gap": gap}
    fitted: dict[tuple[int, int], list[Score]] = {}
    for name, entry in entries.items():
        settings = Settings(members=entry.members, units=entry.units, **penalty)
        key = (entry.members, entry.units)
        if key not in fitted:
            fitted[key] = [mean_score(s) for _, s in networks.surrogates(meta, settings, count)]
        grid = SPACES[entry.space].grid(meta.space)
        found[name] = described(grid) | summary([timed(score, grid, entry.k, limit) for score in fitted[key]], limit)
        _show(name, found[name])
    return found


def limits(meta: MetaDataset, *, count: int, limit: float) -> dict[str, Any]:
    """Where it gets hard: more units, finer grids, more of the best; then two hidden layers, one-hot inputs, doubt."""
    found = certified(meta, HARDER, count=count, limit=limit)
    for name, (space, widths, gap) in DEEP.items():
        grid = SPACES[space].grid(meta.space)
        made = list(two_layers(meta, widths, count, gap))
        found[name] = described(grid) | summary([timed(score, grid, 1, limit) for score in made], limit)
        found[name]["spearman"] = _ranks(meta, made)
        _show(name, found[name])
    coded = networks.one_hot(meta, LEVELS)
    for name, gap in (("one_hot", PENALTY), ("plain_one_hot", 0.0)):
        grid = as_categories(coded.space, LEVELS)
        scores = (mean_score(s) for _, s in networks.surrogates(coded, Settings(members=1, gap=gap), count))
        found[name] = described(grid) | summary([timed(score, grid, 1, limit) for score in scores], limit)
        _show(name, found[name])
    return found


def _ranks(meta: MetaDataset, made: list[Layered]) -> float:
    """Mean rank correlation of networks with the losses of their tasks, which they never saw."""
    found = []
    for case, network in zip(itertools.chain(*networks.cases(len(made))), made, strict=True):
        rows = meta.task == list(meta.tasks).index(case.task)
        found.append(spearmanr(network(meta.X[rows]), meta.y[rows]).statistic)
    return float(np.mean(found))


@dataclass(frozen=True)
class Run:
    """One search."""

    seconds: float
    proven: bool
    gap: float


def timed(score: Score, grid: Grid, k: int, limit: float) -> Run:
    """Search with proof on one thread; the limit is of the clock."""
    with one_thread_each():
        began = time.process_time()
        found = search(score, grid, k, np.random.default_rng(0), strategy=Certified(limit))
        return Run(time.process_time() - began, found.proven, found.gap)


def summary(runs: Iterable[Run], limit: float) -> dict[str, Any]:
    """Seconds and shares."""
    runs = list(runs)
    seconds = [run.seconds if run.proven else limit for run in runs]
    open_ = [run.gap for run in runs if not run.proven]
    return {
        "median_s": median(seconds),
        "worst_s": max(seconds),
        "share": sum(run.proven for run in runs) / len(runs),
        "networks": len(runs),
        "gap": median(open_) if open_ else 0.0,
    }


def _show(name: str, found: dict[str, Any]) -> None:
    tell(
        f"  {name:16} {found['configurations']:.3g} configurations: median {found['median_s']:.2f} s, worst "
        f"{found['worst_s']:.1f} s, certified {found['share']:.0%} of {found['networks']}, gap {found['gap']:.2g}"
    )
