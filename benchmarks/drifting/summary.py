"""From rows to means with intervals, shares of nights, and a table."""

from collections import defaultdict
from operator import itemgetter
from typing import Any

import numpy as np

from drifting.measure import ALL, RECENT, SHOWN, THRESHOLD, Rows
from forerun.evaluation.summary import RESAMPLES, interval

SAVED = "saved"


def curves(rows: Rows) -> dict[str, Any]:
    """learner -> way -> data sets since the change -> trials -> mean, low, high; SAVED is what forgetting takes off.

    Intervals are 95 % of a bootstrap over families of data sets, of which one may stand in several orders.
    """
    groups: dict[tuple[str, str, int], Rows] = defaultdict(list)
    for row in (*rows, *_saved(rows)):
        groups[row["learner"], row["arm"], row["since"]].append(row)
    families = np.unique([row["family"] for row in rows])
    draws = np.random.default_rng(0).multinomial(
        len(families), np.full(len(families), 1 / len(families)), size=RESAMPLES
    )
    found: dict[str, Any] = defaultdict(lambda: defaultdict(dict))
    for (learner, arm, since), own in groups.items():
        place = np.searchsorted(families, [row["family"] for row in own])
        found[learner][arm][str(since)] = {
            str(k): interval(np.array([row["regret"][str(k)] for row in own]), place, draws) for k in SHOWN
        }
    return {name: dict(arms) for name, arms in found.items()}


def _saved(rows: Rows) -> Rows:
    """Regret of who remembers everything, less that of who forgets, data set by data set and order by order."""
    key = itemgetter("learner", "since", "seed", "task")
    recent = {key(row): row["regret"] for row in rows if row["arm"] == RECENT}
    return [
        {**row, "arm": SAVED, "regret": {k: v - recent[key(row)][k] for k, v in row["regret"].items()}}
        for row in rows
        if row["arm"] == ALL
    ]


def nights(rows: Rows) -> dict[str, Any]:
    """How often drift was said, by data sets since the change; and how often the plain measure alone would have."""
    found: dict[str, Any] = {}
    for since in sorted({row["since"] for row in rows}):
        own = [row for row in rows if row["since"] == since]
        found[str(since)] = {
            "of": len(own),
            "said": sum(row["said"] for row in own),
            "plain": sum(row["now"] - row["usual"] > THRESHOLD for row in own),
            "drift": float(np.nanmean([row["drift"] for row in own])),
        }
    return found


def noticed(rows: Rows) -> list[int | None]:
    """In each order, after how many data sets since the change drift was first said; None for never."""
    seeds = sorted({row["seed"] for row in rows})
    return [
        min((r["since"] for r in rows if r["seed"] == seed and r["said"] and r["since"] > 0), default=None)
        for seed in seeds
    ]


def table(found: dict[str, Any]) -> str:
    """What was found, as text."""
    lines = []
    for kind, told in found["kinds"].items():
        shares = ", ".join(f"{n['said']}/{n['of']} at {since}" for since, n in told["nights"].items())
        lines += [f"{kind}: drift said in {shares}; first after {told['noticed']}"]
        for learner, ways in told["curves"].items():
            for way, points in ways.items():
                cells = (f"{since}: {point['3']['mean']:.3f}" for since, point in points.items())
                lines.append(f"  {learner:<9}{way:<12}regret after 3 trials  " + "  ".join(cells))
    return "\n".join(lines)
