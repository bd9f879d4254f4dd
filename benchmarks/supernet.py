"""Architectures without training each: what a super-network's scores are worth, and what they save.

    python benchmarks/supernet.py --json OUT                    five data sets, in an hour of one core
    python benchmarks/supernet.py --json OUT --quick            a few small trainings, in seconds; numbers mean nothing
    python benchmarks/supernet.py --json OUT --figures DIR      and the figures
    python benchmarks/supernet.py --json OUT --only digits      some data sets

For each data set: 60 random architectures trained from scratch for the same number of epochs, half of them twice, and
how well the losses with inherited weights rank them (`supernetted/agreement.py`); what scores add to ten trainings
(`supernetted/trust.py`); then three ways to spend the same processor time (`supernetted/compare.py`). Settings were
chosen on other data sets, whose trainings are the history (`supernetted/data.py`). What takes time is kept in
OUT when it is done: run again, it goes on.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

# threads on small matrices only wait for each other, and processor time is what is compared
os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import torch

from forerun.errors import ForerunError, SettingsError
from forerun.search import Evolution
from forerun.supernets import SANDWICHES
from supernetted import words
from supernetted.agreement import agreement, correlation, padded_seconds
from supernetted.compare import Plan, at_random, tuned
from supernetted.data import BESIDE, EVERY, TOLD
from supernetted.record import Record, task_of
from supernetted.trust import foretold, within_lengths

EVERYTHING = ",".join(one.name for one in TOLD)
QUICK = Plan(8, past=6, pool=10, seeds=1, budgets=(24.0,), short=5, search=Evolution(16, 4, 2, 4))


def measure(record: Record, names: Sequence[str], beside: Sequence[str], plan: Plan, *, quick: bool) -> None:
    """Everything that takes time; what tells most comes first, so that a run that is ended has all of it for some."""
    sandwiches = {name: SANDWICHES[EVERY[name].family] for name in (*names, *beside)}
    if quick:
        sandwiches = {name: replace(sandwich, epochs=1) for name, sandwich in sandwiches.items()}
    for name in (*names, *beside):
        record.once(f"agreement {name}", lambda n=name: agreement(record, n, plan, sandwiches[n], seed=0))
        found = record.done[f"agreement {name}"]
        print(f"  {name}: rank correlation {correlation(found)[0]:.2f}", flush=True)
    for seed, name, arm in product(range(plan.seeds), names, ("with", "without")):
        sandwich = sandwiches[name] if arm == "with" else None
        found = record.once(
            f"{arm} {name} {seed}", lambda n=name, s=seed, w=sandwich: tuned(record, n, plan, s, sandwich=w)
        )
        print(f"  {name}, {arm}, seed {seed}: {found['tests']} ({found['trainings']} trainings)", flush=True)


def agreement_of(record: Record, name: str) -> dict[str, Any]:
    """How well scores rank the architectures of a data set, and what one costs."""
    found = record.done[f"agreement {name}"]
    return {
        "agreement": found,
        "correlation": correlation(found),
        "correlation_test": correlation(found, "tests"),
        "reliability": correlation(found, "tests", scores="losses"),
        "foretold": foretold(found, name),
        "lengths": within_lengths(found, name),
        "ceiling": correlation(found, "again", scores="losses"),
        "ratio": found["training_seconds"] / found["score_seconds"],
    }


def arms_of(record: Record, name: str, plan: Plan) -> dict[str, Any]:
    """What the three ways to spend the same time came to."""
    arms = {arm: [record.done[f"{arm} {name} {seed}"] for seed in range(plan.seeds)] for arm in ("without", "with")}
    tests = [
        {"random": at_random(record, name, plan, budget)}
        | {arm: [row["tests"][i] for row in rows] for arm, rows in arms.items()}
        for i, budget in enumerate(plan.budgets)
    ]
    return {
        "padded_seconds": padded_seconds(len(task_of(name).validation)),
        "arms": [
            {"budget": budget} | {arm: interval(values) for arm, values in of_arms.items()}
            for budget, of_arms in zip(plan.budgets, tests, strict=True)
        ],
        "trainings": {arm: [row["trainings"] for row in rows] for arm, rows in arms.items()},
    }


def interval(tests: list[float]) -> dict[str, Any]:
    """Mean over seeds, and its 95 % bootstrap interval; of the orders of random search, where 95 % of them lie."""
    values, rng = np.array(tests), np.random.default_rng(0)
    many = len(values) > 50
    drawn = values if many else values[rng.integers(len(values), size=(2_000, len(values)))].mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return {"mean": float(values.mean()), "low": float(low), "high": float(high), "tests": values.tolist()[:50]}


def main() -> None:
    """Measure, print, write, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="OUT", help="where to keep the result; an ended run goes on")
    parser.add_argument("--quick", action="store_true", help="a setting that runs in seconds")
    parser.add_argument("--only", help="data sets, by comma", default=EVERYTHING)
    parser.add_argument("--figures", type=Path, metavar="DIR", help="draw the figures")
    parser.add_argument("--seeds", type=int, default=Plan.seeds, help="of the comparison; 0 for none")
    parser.add_argument("--architectures", type=int, default=Plan.architectures, help="trained from scratch")
    parser.add_argument("--twice", type=int, default=Plan.twice, help="of these, trained with a second seed")
    given = parser.parse_args()
    torch.set_num_threads(1)
    names = given.only.split(",")
    try:
        unknown = [name for name in names if name not in EVERY]
        if unknown:
            raise SettingsError(f"data sets must be among {', '.join(EVERY)}; got {unknown[0]!r}")
        record = Record.open(given.json)
        wanted = replace(Plan(), seeds=given.seeds, architectures=given.architectures, twice=given.twice)
        plan = QUICK if given.quick else wanted
        beside = [one.name for one in BESIDE] if given.only == EVERYTHING else []
        measure(record, names, beside, plan, quick=given.quick)
        told = {name: agreement_of(record, name) for name in names}
        if plan.seeds:
            told = {name: found | arms_of(record, name, plan) for name, found in told.items()}
        apart = {name: agreement_of(record, name) for name in beside}
    except ForerunError as error:
        sys.exit(f"error: {error}")
    lines = [
        *words.rows(told),
        *words.rows(apart),
        words.means(told),
        "",
        *words.lengths(told),
        "",
        *words.foretellings(told),
    ]
    print("\n".join([*lines, "", *words.comparison(told)] if plan.seeds else lines))
    record.done |= {"told": told, "beside": apart}
    record.write()
    if given.figures:
        from supernetted import figures

        figures.draw(told, given.figures, times=plan.seeds > 0)


if __name__ == "__main__":
    main()
