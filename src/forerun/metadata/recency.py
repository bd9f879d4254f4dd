"""Forgetting: trials of a history that drifts fall out as they age.

Notation: a age of a trial, h half-life, w = 2^(-a / h) its weight.

No family of meta-learners knows weights, and a Gaussian process, a network and a portfolio would each need their
own. So a weight is a sampling rate: a trial is kept with probability w, and whatever is fitted to what is left
is fitted to the weighted history, in expectation.

What decides is no random number but a hash of the trial itself. So the same trial falls out at the same age in
every run, whatever else is in the history and in whichever order, and as time passes trials only leave.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from forerun.errors import HistoryError
from forerun.metadata.dataset import MetaDataset
from forerun.metadata.featurize import durations, losses, numbers
from forerun.space import Floats
from forerun.trials import History

DAY = 86_400.0
"""Seconds."""


def recent(meta: MetaDataset, half_life_s: float, now: float | None = None) -> MetaDataset:
    """Keep trials with a probability that halves with every half-life (seconds) of age; those of unknown time stay.

    Age is counted up to `now` (seconds since 1970), by default the start of the latest trial. Tasks of which nothing
    is left are dropped; targets, standards and features of the others stay as they were. Raises HistoryError when
    the half-life is not above 0.
    """
    names = np.array(meta.data_sets, dtype=object)[meta.task]
    stays = _chance(names, meta.started, meta.loss, meta.seconds) < weights(meta.started, half_life_s, now)
    kept = meta.of_rows(np.flatnonzero(stays))
    return kept.of_tasks(np.unique(kept.task))


def remembered(history: History, half_life_s: float, now: float) -> npt.NDArray[np.bool_]:
    """Which trials (n,) of a history stay: of those a meta-dataset was made of, those that `recent` keeps there."""
    trials = history.trials
    started = numbers(trials, "started")
    chance = _chance(trials["task"], started, losses(trials), durations(trials)[0])
    return chance < weights(started, half_life_s, now)


def weights(started: Floats, half_life_s: float, now: float | None = None) -> Floats:
    """Weights (n,) in [0, 1] of trials that began at these times; 1 where the time is unknown, or after `now`.

    Raises HistoryError when the half-life is not above 0.
    """
    if not half_life_s > 0:
        raise HistoryError(f"the half-life of a history must be above 0 seconds; got {half_life_s}")
    known = started[np.isfinite(started)]
    latest = now if now is not None else float(known.max()) if len(known) else 0.0
    age = np.nan_to_num(np.maximum(latest - started, 0.0), nan=0.0)
    return np.asarray(np.exp2(-age / half_life_s))


def _chance(data_set: npt.ArrayLike, started: Floats, loss: npt.ArrayLike, seconds: Floats) -> Floats:
    """(n,) a number in [0, 1) for each trial that depends on nothing but the trial.

    Of its encoding nothing enters: that changes whenever another program's space joins the union.
    """
    trial = pd.DataFrame({"task": data_set, "started": started, "loss": loss, "seconds": seconds})
    trial = trial.astype({"task": object})
    hashed = pd.util.hash_pandas_object(trial, index=False).to_numpy(dtype=np.uint64)
    return np.asarray((hashed >> np.uint64(11)) * 2.0**-53)
