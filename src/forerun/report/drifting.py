"""Whether the history has drifted, in a sentence."""

import math

from forerun.report import wording
from forerun.report.story import Drift


def told(drift: Drift) -> str:
    """Say what remembering the past costs on the latest trials, and what was forgotten."""
    if drift.untold:
        return f"Whether the history has drifted cannot be told: {wording.shorten(drift.untold, 300)}."
    measured = (
        f"On the latest trials, of {drift.families} families since {wording.shorten(drift.since, 40)}, "
        f"remembering everything {_worth(drift)}{_errors(drift)}."
    )
    return f"{_verdict(drift)} {measured}"


def _worth(drift: Drift) -> str:
    """What remembering costs, or what it gains where that is below zero."""
    cost, low, high = drift.cost.mean, drift.cost.low, drift.cost.high
    verb = "costs" if cost >= 0 else "gains"
    low, high = (low, high) if cost >= 0 else (-high, -low)
    interval = f"95 % interval {_signed(low)} to {_signed(high)}"
    return f"{verb} {_signed(abs(cost))} in rank correlation ({interval})"


def _verdict(drift: Drift) -> str:
    if math.isfinite(drift.half_life_days):
        share = f"{wording.count(drift.kept)} of {wording.count(drift.trials)} trials are left"
        return (
            "The history has drifted, so old trials were forgotten, "
            f"half of them every {_days(drift.half_life_days)}: {share}."
        )
    if drift.cost.low > 0 and drift.cost.mean > 0 and math.isnan(drift.threshold):
        return "The history may have drifted; nothing was forgotten, as the settings say."
    return "The history has not drifted by more than the settings allow; nothing was forgotten."


def _errors(drift: Drift) -> str:
    """What the past alone is worth, on itself and on the latest trials."""
    if not (math.isfinite(drift.usual) and math.isfinite(drift.now)):
        return ""
    return f"; the past alone ranks itself at {_signed(1 - drift.usual)} and them at {_signed(1 - drift.now)}"


def _signed(number: float) -> str:
    return f"{number:z.2f}".replace("-", "−")


def _days(days: float) -> str:
    return f"{days:.2g} days" if days >= 1 else wording.seconds(86_400 * days)
