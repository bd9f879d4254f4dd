"""What the benchmark says: a line a data set."""

from collections.abc import Mapping
from typing import Any

import numpy as np

ARMS = ("random", "without", "with")


def rows(told: Mapping[str, Any]) -> list[str]:
    """How scores agree with trainings from scratch, a line a data set; at last how these agree with each other."""
    lines = [f"{'':20}{'inherited [95 %]':>22}{'training':>11}{'score':>11}{'trained twice':>24}{'test':>7}"]
    for name, found in told.items():
        own = found["agreement"]
        cells = ["{:.2f} [{:.2f}, {:.2f}]".format(*found[column]) for column in ("correlation", "ceiling")]
        lines.append(
            f"{name:20}{cells[0]:>22}{own['training_seconds']:9.2f} s{1e3 * own['score_seconds']:8.1f} ms"
            f"{cells[1]:>24}{found['reliability'][0]:7.2f}"
        )
    return lines


def foretellings(told: Mapping[str, Any]) -> list[str]:
    """Rank correlations of what ten trainings say of the rest: by the score, by sizes, and by both."""
    lines = [f"{'after ten trainings':20}{'score':>8}{'sizes':>8}{'both':>8}"]
    for name, found in told.items():
        lines.append(f"{name:20}" + "".join(f"{rho:8.2f}" for rho in found["foretold"].values()))
    overall = (np.mean([found["foretold"][what] for found in told.values()]) for what in ("score", "sizes", "both"))
    return [*lines, f"{'mean':20}" + "".join(f"{rho:8.2f}" for rho in overall)]


def lengths(told: Mapping[str, Any]) -> list[str]:
    """Rank correlation of scores among architectures of about one length."""
    return [
        f"{name:20}" + "".join(f"{f'{least}: {rho:.2f} ({n})':>18}" for least, (n, rho) in found["lengths"].items())
        for name, found in told.items()
    ]


def means(told: Mapping[str, Any]) -> str:
    """Mean rank correlation."""
    return f"mean correlation {np.mean([one['correlation'][0] for one in told.values()]):.2f}"


def comparison(told: Mapping[str, Any]) -> list[str]:
    """The three ways to spend the same time, a line a data set, and how often which is the better one."""
    lines: list[str] = []
    for i, first in enumerate(next(iter(told.values()))["arms"]):
        arms = {name: {arm: found["arms"][i][arm] for arm in ARMS} for name, found in told.items()}
        title = f"time of {first['budget']:g} trainings"
        lines += ["", f"{title:24}" + "".join(f"{arm:>26}" for arm in ARMS)]
        for name, of in arms.items():
            lines.append(
                f"{name:24}" + "".join(f"{'{mean:.4f} [{low:.4f}, {high:.4f}]'.format(**a):>26}" for a in of.values())
            )
        for arm in ("random", "without"):
            ratios = np.array([of["with"]["mean"] / of[arm]["mean"] for of in arms.values()])
            lines.append(
                f"with is better than {arm} on {(ratios < 1).sum()} of {len(told)}; mean ratio {ratios.mean():.3f}"
            )
    return lines
