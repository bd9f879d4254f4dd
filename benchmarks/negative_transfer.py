"""Negative transfer: what a history that misleads costs, against the same method without history.

    python benchmarks/negative_transfer.py hylap_svm --data DIR --json OUT
    python benchmarks/negative_transfer.py                            the project's own recordings

Histories are those of `judging/sources.py`: `shuffled` (every source task's losses change places at random) and
`reversed` (they change their sign, so that all tasks agree on what is best, and are wrong). Told is the area under the
curve of mean normalised regret over the first trials, and its ratio to the area without history.

What is the same method without history? Three answers, all told:

    alone    the default's own model of a task that is like no other, after as many random trials as it has for an
             opening (`transferring/alone.py`). No history enters, and nothing is broken for it: this is
             the method without history.
    none     the default fitted to one task on which everything scored the same. That is the same code, but a poor
             measure: among equals its opening is arbitrary (where candidates tie, the first), every hypothesis but
             `scratch` holds that all configurations are alike, and with one family there is nothing to rehearse.
    gp       BoTorch's Gaussian process, a method without history that others would take (random search beside it).

`misled once` is the first trial of the reversed history followed by `alone`. A reversed history is as consistent as
the true one, so the first trial, chosen before any result, must be bad if that of the true history is to be good.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from forerun.errors import ForerunError, SettingsError
from judging.peers import available
from judging.recordings import Benchmark, read, shipped
from judging.registry import OURS
from judging.replay import Held, replay
from judging.run import Plan, pieces, run
from transferring.alone import Alone
from transferring.ratios import Curves, Rows, misled_once

SHIPPED = Path(__file__).parents[1] / "data" / "history"
AGAINST = ("alone", "none", "gp", "random")
MISLED = ("shuffled", "reversed")


def without_history(benchmark: Benchmark, plan: Plan) -> Rows:
    """`alone` on every task that is held out."""
    rows = []
    for piece in tqdm(pieces(benchmark, ["alone"], plan), desc="alone", unit="fold"):
        method = Alone().fit(benchmark.meta.of_tasks(piece.rest), np.random.default_rng([1, piece.fold]))
        for task in piece.held:
            rows += [
                replay(method, "alone", Held.of(benchmark, task, seed), plan.trials, seed) for seed in range(plan.seeds)
            ]
    return sorted(rows, key=lambda row: (row["task"], row["seed"]))


def judged(benchmark: Benchmark, given: argparse.Namespace) -> dict[str, Rows]:
    """What each method found, by the name under which it is told."""
    # neither of them reads a history, so that once is enough
    plain = [name for name in ("gp", "random") if name == "random" or available(name)]
    found: dict[str, Rows] = {}
    for sources in (*MISLED, "none", *(["real"] if given.real else [])):
        plan = Plan(given.trials, given.seeds, given.folds, given.tasks, sources)
        names = [OURS, *(plain if sources == "none" else [])]
        parts = given.json.with_suffix(".parts") if given.json else None
        rows = run(benchmark, names, plan, jobs=given.jobs, parts=parts, resume=given.resume)
        found |= {sources if name == OURS else name: rows[name] for name in names}
    found["alone"] = without_history(benchmark, plan)
    found["misled once"] = misled_once(found["reversed"], found["alone"])
    return found


def told(found: dict[str, Rows]) -> dict[str, Any]:
    """Areas, curves, and ratios to what has no history."""
    curves = {name: Curves.of(rows) for name, rows in found.items()}
    against = [name for name in AGAINST if name in curves]
    return {
        name: {
            "auc": float(own.R.mean()),
            "curve": own.R.mean(axis=0).tolist(),
            "over": {other: own.over(curves[other]) for other in against},
            "tasks": len(own.R),
        }
        for name, own in curves.items()
    }


def table(name: str, scores: dict[str, Any]) -> str:
    """Areas and ratios as text, the history or method without one first."""
    first = next(iter(scores.values()))
    trials, against = len(first["curve"]), list(first["over"])
    lines = [
        f"{name}: {first['tasks']} tasks, area under the curve of {trials} trials; ratio [95 % interval] to that of",
        f"{'':<14}{'area':>8}" + "".join(f"{other:>22}" for other in against),
    ]
    for row, found in scores.items():
        cells = ["{:.2f} [{:.2f}, {:.2f}]".format(*found["over"][other]) for other in against]
        lines.append(f"{row:<14}{found['auc']:8.4f}" + "".join(f"{cell:>22}" for cell in cells))
    return "\n".join(lines)


def main() -> None:
    """Judge, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="?", metavar="NAME", help="a benchmark of --data")
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of recordings in the tidy form")
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--folds", type=int, default=10, help="parts of the groups; 0: one a group")
    parser.add_argument("--tasks", type=int, metavar="N", help="hold out N random tasks; the others still teach")
    parser.add_argument("--real", action="store_true", help="the true history too")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--json", type=Path, metavar="OUT", help="where to write the result")
    parser.add_argument("--resume", action="store_true", help="go on with what a killed run left next to OUT")
    given = parser.parse_args()
    try:
        if bool(given.name) != bool(given.data):
            raise SettingsError("NAME and --data belong together; give both, or neither for the project's own")
        benchmark = read(given.name, given.data) if given.name else shipped(SHIPPED)
        scores = told(judged(benchmark, given))
    except ForerunError as error:
        sys.exit(f"error: {error}")
    print(table(benchmark.name, scores))
    if given.json:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps({benchmark.name: scores}, indent=1) + "\n")


if __name__ == "__main__":
    main()
