"""What the step `train` remembers, and all that follow it: the whole history, or what is left where it has drifted."""

import json
import math
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from forerun.errors import FormatError
from forerun.evaluation.drift import measure_drift
from forerun.metadata import MetaDataset
from forerun.metadata.recency import DAY, recent, remembered
from forerun.report import Drift, Estimate
from forerun.trials import History

NAN = float("nan")


def to_learn_from(meta: MetaDataset, threshold: float | None) -> tuple[MetaDataset, Drift]:
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


def recalled(meta: MetaDataset, history: History, drift: Drift | None) -> tuple[MetaDataset, npt.NDArray[np.bool_]]:
    """What `train` learned from, by what it told: of the meta-dataset, and which trials (n,) of its history."""
    if drift is None or math.isnan(drift.half_life_days):
        return meta, np.ones(len(history), dtype=np.bool_)
    half_life_s, now = drift.half_life_days * DAY, float(np.nanmax(meta.started))
    return recent(meta, half_life_s, now), remembered(history, half_life_s, now)


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
        cost = Estimate(*(float(plain.pop(name)) for name in ("mean", "low", "high")))
        return Drift(cost, half_life_days=float(plain.pop("half_life_days")), **plain)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FormatError(f"{path} must hold the drift of a history: {error!r}. Run: forerun run") from error
