"""What the step `train` remembers: all of the history, or what is left of it where it has drifted."""

import json
import math
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from forerun.errors import FormatError
from forerun.evaluation.drift import measure_drift
from forerun.metadata import MetaDataset
from forerun.metadata.recency import DAY, recent
from forerun.report import Drift, Estimate

NAN = float("nan")


def remembered(meta: MetaDataset, threshold: float | None) -> tuple[MetaDataset, Drift]:
    """What is to be learned from, and why: all, or trials thinned by age where drift passes the threshold."""
    found = measure_drift(meta)
    passes = threshold is not None and found.passes(threshold)
    kept = recent(meta, found.half_life_s) if passes else meta
    return kept, Drift(
        cost=Estimate(found.drift, found.low, found.high),
        usual=found.usual,
        now=found.now,
        since=f"{datetime.fromtimestamp(found.since, UTC):%Y-%m-%d %H:%M} UTC" if not found.untold else "",
        families=found.families,
        threshold=NAN if threshold is None else threshold,
        half_life_days=found.half_life_s / DAY if passes else NAN,
        trials=len(meta),
        kept=len(kept),
        untold=found.untold,
    )


def numbers(drift: Drift) -> dict[str, float]:
    """What is logged of it, night by night; NaN where it cannot be told, or nothing was forgotten."""
    return {
        "drift": drift.cost.mean,
        "drift_low": drift.cost.low,
        "drift_high": drift.cost.high,
        "drift_error_usual": drift.usual,
        "drift_error_now": drift.now,
        "drift_half_life_days": drift.half_life_days,
        "drift_kept": drift.kept / drift.trials,
    }


def save_drift(drift: Drift, path: Path) -> None:
    """Write it as JSON; what is NaN becomes null."""
    plain = asdict(drift) | asdict(drift.cost)
    plain.pop("cost")
    finite = {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in plain.items()}
    path.write_text(json.dumps(finite, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def load_drift(path: Path) -> Drift | None:
    """Read what `save_drift` wrote; None where it was not measured. Raises FormatError."""
    if not path.is_file():
        return None
    try:
        plain: dict[str, Any] = {
            k: NAN if v is None else v for k, v in json.loads(path.read_text(encoding="utf-8")).items()
        }
        return Drift(Estimate(*(float(plain.pop(name)) for name in ("mean", "low", "high"))), **plain)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FormatError(f"{path} must hold the drift of a history: {error!r}. Run: forerun run") from error
