"""What came out: the learned optimizers against the best of all that were tuned, case by case and on the whole.

Losses are told as shares of the blind loss, that of who does not look at the inputs. As good as the best tuned is a
mean loss over seeds that is at most a hundredth of the blind loss above the lowest that any optimizer reached at any
learning rate; `lower` counts without that allowance. The best is chosen on the seeds that are told, in its favour.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

ALLOWANCE = 0.01
PRACTISED = 200
"""Steps of the longest trainings that rules practise on."""
RESAMPLED = 10_000
DIVERGED = 2.0
"""Times the blind loss, or the loss at the start where that is larger."""


def best_tuned(case: Mapping[str, Any], at: int = -1) -> dict[str, tuple[float, float]]:
    """Optimizer -> the learning rate with the lowest mean loss (over seeds, after the last step), and that loss."""
    found: dict[str, tuple[float, float]] = {}
    for name, rate, losses in case["tuned"]:
        loss = float(np.mean(np.array(losses)[:, at]))
        if name not in found or loss < found[name][1]:
            found[name] = (rate, loss)
    return found


def compared(cases: Mapping[str, Mapping[str, Any]], rule: str) -> dict[str, Any]:
    """How a rule did against the best tuned, over all cases; intervals are 95 % of a bootstrap over families."""
    above, families, good, lower, worst = [], [], [], [], 0.0
    by_optimizer: dict[str, list[bool]] = {}
    for case in cases.values():
        reached = np.array(case["learned"][rule]) / case["blind"]
        ours = float(reached[:, -1].mean())
        best = {name: loss / case["blind"] for name, (_, loss) in best_tuned(case).items()}
        for name, loss in best.items():
            by_optimizer.setdefault(name, []).append(ours <= loss + ALLOWANCE)
        above.append(ours - min(best.values()))
        good.append(above[-1] <= ALLOWANCE)
        lower.append(above[-1] <= 0)
        families.append(case["family"])
        worst = max(worst, highest(reached))
    return {
        "cases": len(good),
        "as_good": sum(good),
        "as_good_share": interval(np.array(good, dtype=float), families),
        "lower": sum(lower),
        "above_best": interval(np.array(above), families),
        "as_good_as": {name: sum(marks) for name, marks in by_optimizer.items()},
        "worst": worst,
        "diverged": not worst <= DIVERGED,
    }


def highest(reached: np.ndarray) -> float:
    """The highest of losses (seeds, steps), in blind losses, over that at the start or the blind one."""
    return float((reached / np.maximum(reached[:, :1], 1.0)).max())


def interval(values: np.ndarray, families: Sequence[str]) -> dict[str, float]:
    """Mean of values over cases, and a bootstrap interval over whole families."""
    rng, names = np.random.default_rng(0), sorted(set(families))
    sums = np.array([values[[f == name for f in families]].sum() for name in names])
    counts = np.array([sum(f == name for f in families) for name in names])
    drawn = rng.integers(0, len(names), (RESAMPLED, len(names)))
    low, high = np.quantile(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1), [0.025, 0.975])
    return {"mean": float(values.mean()), "low": float(low), "high": float(high)}


def stability(cases: Mapping[str, Mapping[str, Any]], rule: str) -> dict[str, Any]:
    """How a rule did far beyond the steps it practised: the highest loss, and whether it went on falling."""
    worst, kept = 0.0, []
    for case in cases.values():
        reached = np.array(case["relative"][rule])
        known = [i for i, step in enumerate(case["shown"]) if step <= PRACTISED]
        worst = max(worst, highest(reached))
        kept.append(float(reached[:, -1].mean() - reached[:, known[-1]].mean()))
    return {
        "cases": len(kept),
        "worst": worst,
        "diverged": not worst <= DIVERGED,
        "ended_lower_than_at_practised": sum(change <= 0 for change in kept),
        "largest_rise": max(kept),
        "mean_change": float(np.mean(kept)),
    }
