"""How often and how fast each strategy finds the optimum that branch and bound certifies.

Networks are those of `searching.networks`: each is adapted to a task that it never saw, and searched in a space of
10^12. A strategy that did not find the optimum in its time counts as not found, with all its time.
"""

from statistics import median
from typing import Any

import numpy as np

from competing.running import STRATEGIES, compete
from forerun.metadata import MetaDataset
from forerun.metalearners.shallow import Settings
from forerun.search import Certified, Problem, search
from forerun.tuning.acquisition import mean_score
from searching import networks
from searching.spaces import SPACES, described
from searching.tell import tell
from searching.threads import one_thread_each

SPACE = "1e12"


def certified(meta: MetaDataset, *, count: int, seeds: int, seconds: float, limit: float) -> dict[str, Any]:
    """Every strategy on every network, for so many seconds each; a network without a certificate is left out."""
    grid = SPACES[SPACE].grid(meta.space)
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in STRATEGIES}
    proofs = []
    with one_thread_each():
        for case, surrogate in networks.surrogates(meta, Settings(members=1), count):
            score = mean_score(surrogate)
            best = search(score, grid, 1, np.random.default_rng(0), strategy=Certified(limit))
            if not best.proven:
                tell(f"  {case.task}: no certificate")
                continue
            proofs.append(best.seconds)
            target = best.candidates[0].score
            for name, strategy in STRATEGIES.items():
                for seed in range(seeds):
                    run = compete(strategy, Problem(score, grid), seconds, seed, target)
                    runs[name].append({**run, "task": case.task, "seed": seed, "above": run["best"] - target})
                tell(f"  {case.task}, {name}: {[run['reached'] for run in runs[name][-seeds:]]}")
    summary = {name: summarised(rows) for name, rows in runs.items()}
    return {"space": described(grid), "networks": len(proofs), "seconds": seconds, "found": summary, "runs": runs}


def summarised(runs: list[dict[str, Any]]) -> dict[str, float | None]:
    """Share that found the optimum; medians of what that took, of those that did; by how much the others missed it."""
    reached = [run for run in runs if run["reached"]]
    missed = [run["above"] for run in runs if not run["reached"]]
    return {
        "share": len(reached) / len(runs),
        "runs": len(runs),
        "median_s": median([run["seconds"] for run in reached]) if reached else None,
        "median_scored": median([run["scored"] for run in reached]) if reached else None,
        "missed_by": float(np.mean(missed)) if missed else 0.0,
        "rate": sum(run["scored"] for run in runs) / sum(run["seconds"] for run in runs),
    }
