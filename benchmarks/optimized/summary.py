"""What came out: the learned optimizers against the best of all that were tuned, case by case and on the whole.

Losses are told as shares of the blind loss, that of who does not look at the inputs. As good as the best tuned is a
mean loss over seeds that is at most a hundredth of the blind loss above the lowest that any optimizer reached at any
learning rate; `lower` counts without that allowance. The best is chosen on the seeds that are told, in its favour.
A training has diverged when its last loss, or one that is no number, is above the start and the blind loss; one that
rose on the way to more than twice those has overshot.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

ALLOWANCE = 0.01
PRACTISED = 200
"""Steps of the longest trainings that rules practise on."""
RESAMPLED = 10_000
OVERSHOT = 2.0


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
    above, families, trainings = [], [], []
    by_optimizer: dict[str, list[bool]] = {}
    for case in cases.values():
        reached = np.array(case["learned"][rule]) / case["blind"]
        ours = float(reached[:, -1].mean())
        best = {name: loss / case["blind"] for name, (_, loss) in best_tuned(case).items()}
        for name, loss in best.items():
            by_optimizer.setdefault(name, []).append(ours <= loss + ALLOWANCE)
        above.append(ours - min(best.values()))
        families.append(case["family"])
        trainings.append(reached)
    good = np.array(above) <= ALLOWANCE
    return {
        "cases": len(above),
        "as_good": int(good.sum()),
        "as_good_share": interval(good.astype(float), families),
        "lower": sum(gap <= 0 for gap in above),
        "above_best": interval(np.array(above), families),
        "as_good_as": {name: sum(marks) for name, marks in by_optimizer.items()},
        **steadiness(trainings),
    }


def steadiness(trainings: Sequence[np.ndarray]) -> dict[str, Any]:
    """How many trainings diverged or overshot, of losses (seeds, steps) in blind losses, and the highest of all."""
    risen = [reached / np.maximum(reached[:, :1], 1.0) for reached in trainings]
    return {
        "trainings": sum(len(r) for r in risen),
        "diverged": int(sum((~(r[:, -1] <= 1)).sum() for r in risen)),
        "overshot": int(sum((r.max(axis=1) > OVERSHOT).sum() for r in risen)),
        "highest": float(max(r.max() for r in risen)),
    }


def fixed(cases: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """Every other optimizer at one learning rate for all cases: on how many it is as good as the best tuned."""
    found: dict[str, int] = {}
    for case in cases.values():
        bound = min(loss for _, loss in best_tuned(case).values()) + ALLOWANCE * case["blind"]
        for name, rate, losses in case["tuned"]:
            good = float(np.mean(np.array(losses)[:, -1])) <= bound
            found[f"{name} {rate:g}"] = found.get(f"{name} {rate:g}", 0) + good
    return found


def interval(values: np.ndarray, families: Sequence[str]) -> dict[str, float]:
    """Mean of values over cases, and a bootstrap interval over whole families."""
    rng, names = np.random.default_rng(0), sorted(set(families))
    sums = np.array([values[[f == name for f in families]].sum() for name in names])
    counts = np.array([sum(f == name for f in families) for name in names])
    drawn = rng.integers(0, len(names), (RESAMPLED, len(names)))
    low, high = np.quantile(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1), [0.025, 0.975])
    return {"mean": float(values.mean()), "low": float(low), "high": float(high)}


def stability(cases: Mapping[str, Mapping[str, Any]], rule: str) -> dict[str, Any]:
    """How a rule did far beyond the steps it practised, and whether losses went on falling."""
    trainings = [np.array(case["relative"][rule]) for case in cases.values()]
    change = []
    for case, reached in zip(cases.values(), trainings, strict=True):
        practised = max(i for i, step in enumerate(case["shown"]) if step <= PRACTISED)
        change.append(float(reached[:, -1].mean() - reached[:, practised].mean()))
    return {
        "cases": len(change),
        "fell_further": sum(difference <= 0 for difference in change),
        "largest_rise": max(change),
        "mean_change": float(np.mean(change)),
        **steadiness(trainings),
    }
