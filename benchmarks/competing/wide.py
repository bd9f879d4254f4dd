"""Spaces too large to certify: the best score against candidates and seconds.

10^20 is the network of the first case in the finest grid; 10^40 the network with made-up features, as in
`searching.wide`. Nobody knows the optimum, so strategies are held against the best that any of them found.
"""

from typing import Any

import numpy as np

from competing.running import STRATEGIES, compete
from forerun.metadata import MetaDataset
from forerun.metalearners import Network
from forerun.metalearners.shallow import Settings
from forerun.search import Problem, Score
from forerun.space import Grid
from forerun.tuning.acquisition import mean_score
from searching import networks
from searching.spaces import SPACES, described, widest
from searching.tell import tell
from searching.threads import one_thread_each
from searching.wide import COMPONENTS


def problems(meta: MetaDataset) -> dict[str, tuple[Score, Grid]]:
    """Scores and spaces by name."""
    known, case = networks.with_features(meta), networks.cases(1)[0][0]
    settings = Settings(members=1, columns=COMPONENTS)
    featured = Network(settings).fit(networks.unseen(known, [case])).adapt(case.context(known))
    return {
        "1e20": (networks.one(meta, 32), SPACES["1e20"].grid(meta.space)),
        "1e40": (mean_score(featured), widest(known.space)),
    }


def wide(meta: MetaDataset, *, seeds: int, seconds: float) -> dict[str, Any]:
    """Every strategy on every space, for so many seconds of the processor."""
    found: dict[str, Any] = {}
    with one_thread_each():
        for space, (score, grid) in problems(meta).items():
            runs = {
                name: [compete(strategy, Problem(score, grid), seconds, seed) for seed in range(seeds)]
                for name, strategy in STRATEGIES.items()
            }
            best = min(run["best"] for rows in runs.values() for run in rows)
            found[space] = {"space": described(grid), "best": best, "runs": runs}
            found[space]["found"] = {name: summarised(rows, best) for name, rows in runs.items()}
            tell(f"  {space}: {found[space]['found']}")
    return found


def summarised(runs: list[dict[str, Any]], best: float) -> dict[str, float]:
    """By how much the best of each run is above the best of all, and candidates a second."""
    above = [run["best"] - best for run in runs]
    rate = sum(run["scored"] for run in runs) / sum(run["seconds"] for run in runs)
    return {"above": float(np.mean(above)), "worst_above": max(above), "rate": rate}
