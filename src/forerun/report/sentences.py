"""What the numbers of a story say, in sentences. Each is a pure function of the story's values."""

import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forerun.report.story import (
    Comparison,
    MethodScore,
    Recommendation,
    Story,
    TaskFacts,
    Training,
    Tuning,
)
from forerun.report.wording import clean, listing, loss, percent, seconds, shorten, value
from forerun.space import Value

MONOTONE = 0.9
"""Rank correlation beyond which an effect is told as 'higher is better'; a matter of taste."""


def unit(task: TaskFacts) -> str:
    """Name of the loss of a task: '1 − balanced accuracy', 'nrmse'."""
    metric = shorten(task.metric, 28).replace("_", " ")
    return f"1 − {metric}" if task.higher_is_better else metric


def learner(recommendation: Recommendation) -> str:
    """Name of what is to be trained, or an empty text."""
    named = recommendation.configuration.get("learner", "")
    return shorten(recommendation.learner or value(named), 60)


def verdict(comparison: Sequence[Comparison]) -> str:
    """Say which of the others our test loss beats and which it does not; empty where there is nothing to compare."""
    known = [(row, row.test.mean) for row in comparison if row.test is not None and math.isfinite(row.test.mean)]
    if len(known) < 2 or known[0][0] is not comparison[0]:
        return ""
    (_, ours), others = known[0], known[1:]
    told = []
    for relation, holds in (
        ("lower than", operator.lt),
        ("equal to", operator.eq),
        ("higher than", operator.gt),
    ):
        names = [f"{shorten(row.name, 60)} ({loss(theirs)})" for row, theirs in others if holds(ours, theirs)]
        if names:
            told.append(f"{relation} {listing(names)}")
    return f"That is {listing(told)}."


def trained(tuning: Tuning) -> str:
    """Say how many real trainings there were, how they ended, and why no more were done."""
    failed = sum(1 for t in tuning.trainings if t.reason)
    total = len(tuning.trainings)
    told = f"{total} real training{'s' if total != 1 else ''} followed"
    told += f" in {seconds(tuning.seconds)}" if math.isfinite(tuning.seconds) else ""
    told += f", of which {failed} failed" if failed else ""
    told += ", each batch chosen by the meta-learner after it had learned from those before."
    return f"{told} It stopped because {clean(tuning.stopped)}." if tuning.stopped else told


def counted(methods: Sequence[MethodScore]) -> list[int]:
    """Return the numbers of trials at which any method's regret is known, ascending."""
    return sorted({k for method in methods for k in method.regret})


def promised(methods: Sequence[MethodScore]) -> list[float]:
    """Return the nominal shares of which any method's coverage is known, ascending."""
    return sorted({share for method in methods for share in method.coverage})


def surprise(trainings: Sequence[Training]) -> str:
    """Say how many real losses fell where they were predicted to fall."""
    done = [t for t in trainings if math.isfinite(t.loss) and math.isfinite(t.predicted) and math.isfinite(t.std)]
    if not done:
        return "No training ended with a loss, so there is nothing to hold the predictions against."
    inside = sum(abs(t.loss - t.predicted) <= t.spread for t in done)
    off = float(np.mean([abs(t.loss - t.predicted) for t in done]))
    told = (
        f"{inside} of {len(done)} real losses fell inside the 80 % interval that was predicted before the training; "
        f"predictions were off by {loss(off, like=done[0].loss)} on average."
    )
    return told if len(done) >= 10 else f"{told} So few trainings say little about calibration."


@dataclass(frozen=True)
class Effect:
    """How one domain moves the predicted loss."""

    domain: str
    importance: float
    """Share of the predicted variance over the whole space that this domain explains, in [0, 1]."""
    chosen: str
    """Its value in the recommendation; empty where it is inactive."""
    direction: str
    """'higher is better', 'best near 0.1', 'best: relu'."""
    gain: float
    """Predicted loss at its worst level minus that at its best, all else as recommended."""
    rows: pd.DataFrame


def effects(explanation: pd.DataFrame, configuration: Mapping[str, Value]) -> list[Effect]:
    """Take the explanation apart by domain, the most important first."""
    found = []
    for name in dict.fromkeys(explanation["domain"]):  # groupby stumbles over text that is not UTF-8
        rows = explanation[[domain == name for domain in explanation["domain"]]]
        importance = float(rows["importance"].iloc[0])
        chosen = value(configuration[name]) if name in configuration else ""
        mean = rows["mean"].to_numpy(float)
        found.append(Effect(str(name), importance, chosen, direction(rows), float(np.ptp(mean)), rows))
    return sorted(found, key=lambda effect: (-effect.importance, -effect.gain, effect.domain))


def direction(rows: pd.DataFrame) -> str:
    """Say in which direction a domain's levels get better."""
    best = rows.iloc[int(np.argmin(rows["mean"].to_numpy(float)))]
    if len(rows) < 3 or bool(rows["position"].isna().any()):
        return f"best: {shorten(str(best['level']), 40)}"
    ranks = rows[["position", "mean"]].astype(float).rank()
    flat = np.ptp(rows["mean"].to_numpy(float)) == 0
    moves = 0.0 if flat else float(np.corrcoef(ranks["position"], ranks["mean"])[0, 1])
    if abs(moves) >= MONOTONE:
        return "lower is better" if moves > 0 else "higher is better"
    return f"best near {shorten(str(best['level']), 40)}"


def headline(story: Story) -> str:
    """Say the answer in one sentence."""
    found = story.recommendation
    expected = f"{loss(found.loss)} ± {loss(found.std, like=found.loss)}"
    if story.tuning is None or not math.isfinite(found.test_loss):
        return (
            f"forerun expects a validation loss of {expected} after {seconds(found.seconds.mean)} of training. "
            "Nothing has been trained on this data set yet."
            if story.tuning is None
            else f"forerun expected a validation loss of {expected}; it reached {loss(found.validation_loss)}. "
            "It has not been scored on test data."
        )
    return (
        f"Trained for real, it reached a loss of {loss(found.test_loss)} on test data that no choice ever saw. "
        f"{verdict(story.tuning.comparison)}"
    )


def importance_told(found: Sequence[Effect]) -> str:
    """Say what mattered most."""
    leading = [e for e in found if e.importance >= 0.05][:3]
    if not leading:
        return "No single hyperparameter explains more than 5 % of the variance of the predicted loss."
    named = [f"{shorten(e.domain, 40)} ({percent(e.importance)})" for e in leading]
    return f"Most of the predicted differences between configurations come from {listing(named)}."
