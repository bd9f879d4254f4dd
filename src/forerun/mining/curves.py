"""The value that a run counts with, of all that it logged: the last one, the best, that at a step, a mean."""

from collections.abc import Sequence

import numpy as np

from forerun.mining.runs import Curve, Floats, Runs
from forerun.mining.targets import Target


def values(runs: Runs, target: Target, rule: str) -> Floats:
    """The value of the target (n,) that each run counts with; NaN where it has none."""
    last = runs.metric(target.metric)
    if rule == "last":
        return last
    curves = runs.curves.get(target.metric, {})
    found = last.copy()
    for row, curve in curves.items():
        found[row] = _of_curve(curve, rule, target.minimise, float(last[row]))
    return found


def _of_curve(curve: Sequence[tuple[int, float]], rule: str, minimise: bool, last: float) -> float:
    kind, _, number = rule.partition(":")
    points = np.array([value for _, value in curve], dtype=float)
    finite = points[np.isfinite(points)]
    if kind == "best":
        return float(finite.min() if minimise else finite.max()) if len(finite) else last
    if kind == "mean":
        return float(points[-int(number) :].mean()) if len(points) else last
    until = [value for step, value in curve if step <= int(number)]
    return until[-1] if until else float("nan")


def neat(curve: Curve) -> Curve:
    """A curve with one value a step; where all were logged at one step, by their order."""
    if len({step for step, _ in curve}) == 1 < len(curve):
        return [(i, value) for i, (_, value) in enumerate(curve)]
    return list(dict(curve).items())
