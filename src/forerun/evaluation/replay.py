"""Replaying recorded trials: what a method would have found on a task, had it chosen among them.

Regret after t trials, in [0, 1]: (best so far - best recorded) / (90 % quantile - best recorded), cut at 1;
the quantile and not the worst, as one exploded loss would make everything else look perfect.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from forerun.metadata import MetaDataset
from forerun.metalearners import NORMAL, Context, MetaLearner, Prediction, widths
from forerun.space import Floats
from forerun.tuning.acquisition import improvement_of

SHUFFLES = 16
"""Orders of equally scored configurations that are averaged over."""
LATER = 5
"""Predictions are judged before any trial and after so many."""


@dataclass(frozen=True)
class Recorded:
    """The recorded trials of one held-out task, to choose among; N of them."""

    features: Floats
    X: Floats
    loss: Floats
    """(N,) raw, NaN where failed."""
    y: Floats
    """(N,) in target units."""
    seconds: Floats
    """(N,) NaN where unknown or cut short."""

    @classmethod
    def of(cls, meta: MetaDataset, task: int) -> "Recorded":
        """The trials of one task."""
        rows = np.flatnonzero(meta.task == task)
        seconds = np.where(meta.censored[rows], np.nan, meta.seconds[rows])
        return cls(meta.features[task], meta.X[rows], meta.loss[rows], meta.y[rows], seconds)

    @property
    def regret(self) -> Floats:
        """(N,) regret of each trial; 1 where failed."""
        best, high = np.nanmin(self.loss), np.nanquantile(self.loss, 0.9)
        if high <= best:
            high = np.nanmax(self.loss)
        return np.nan_to_num(np.clip((self.loss - best) / (high - best), 0, 1), nan=1.0)

    @property
    def decides(self) -> bool:
        """Whether there is anything to choose between."""
        return bool(np.isfinite(self.loss).any() and np.nanmax(self.loss) > np.nanmin(self.loss))


def random_regret(regret: Floats, trials: int) -> Floats:
    """Expected regret (trials,) after 1, 2, ... of N trials in random order, exactly.

    The best of t drawn without replacement has a rank above i with probability C(N - i, t) / C(N, t).
    """
    N = len(regret)
    steps = np.diff(np.sort(regret), prepend=0.0)
    above, found = np.ones(N), np.zeros(trials)
    for t in range(trials):
        if t < N:
            above *= np.clip(N - np.arange(N) - t, 0, None) / (N - t)
        found[t] = above @ steps
    return found


def ordered_regret(regret: Floats, score: Floats, trials: int, rng: np.random.Generator) -> Floats:
    """Regret (trials,) of trying configurations by their scores; ties and unknown ones in random order."""
    known = np.where(np.isnan(score), np.inf, score)
    found = []
    for _ in range(SHUFFLES):
        order = np.lexsort((rng.random(len(score)), known))
        found.append(_pad(np.minimum.accumulate(regret[order[:trials]]), trials))
    return np.asarray(np.mean(found, axis=0))


def replay(learner: MetaLearner, task: Recorded, trials: int, rng: np.random.Generator) -> dict[str, float]:
    """Let an adapting meta-learner choose one trial after the other, the first by mean, then by improvement."""
    order = rng.permutation(len(task.y))  # where scores tie, the order of recording must not decide
    X, loss, y, regret = task.X[order], task.loss[order], task.y[order], task.regret[order]
    seen: list[int] = []
    found: dict[str, float] = {}
    for step in range(min(trials, len(y))):
        surrogate = learner.adapt(Context(task.features, X[seen], loss[seen]))
        if step in (0, LATER):
            prediction = surrogate.predict(X)
            new = np.setdiff1d(np.arange(len(y)), seen)
            suffix = "" if step == 0 else f"_after_{step}"
            part = Prediction(prediction.mean[new], prediction.std[new])
            found |= quality(part, y[new], suffix)
            found |= coverage(surrogate.to_units(part), loss[new], f"raw_coverage{suffix}", widths(surrogate))
        score = np.array(improvement_of(surrogate, X, seen))
        score[seen] = np.inf
        seen.append(int(np.argmin(score)))
    best = _pad(np.minimum.accumulate(regret[seen]), trials)
    return found | regrets(best)


def regrets(best: Floats) -> dict[str, float]:
    """Regret after each number of trials as columns, and their mean."""
    return {f"regret_{t}": float(v) for t, v in enumerate(best, start=1)} | {"regret": float(best.mean())}


def quality(prediction: Prediction, y: Floats, suffix: str = "") -> dict[str, float]:
    """Rank correlation and coverage in target units."""
    return {f"spearman{suffix}": spearman(prediction.mean, y)} | coverage(prediction, y, f"coverage{suffix}")


def coverage(prediction: Prediction, truth: Floats, name: str, half: Mapping[int, float] = NORMAL) -> dict[str, float]:
    """Share of truths (n,), NaN left out, that lie in the central intervals of these half widths, in stds."""
    known = np.isfinite(truth)
    ratio = np.abs(truth - prediction.mean)[known] / prediction.std[known]
    return {f"{name}_{p}": float((ratio <= z).mean()) if len(ratio) else np.nan for p, z in half.items()}


def spearman(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    """Rank correlation where both are known; NaN with fewer than three, 0 where one says nothing."""
    known = np.isfinite(a) & np.isfinite(b)
    if known.sum() < 3:
        return float("nan")
    # rounded: what a constant score differs by is noise
    ranks = [rankdata(np.round(v[known], 12)) for v in (a, b)]
    if min(np.ptp(r) for r in ranks) == 0:
        return 0.0
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def forecast_seconds(learner: MetaLearner, task: Recorded) -> dict[str, float]:
    """How well times are told before any trial: rank correlation, coverage, median error as a factor."""
    known = np.isfinite(task.seconds) & (task.seconds > 0)
    if known.sum() < 3:
        return {}
    truth = np.log10(np.maximum(task.seconds[known], 1e-4))
    X = task.X[known]
    prediction = learner.adapt(Context.empty(task.features, X.shape[1])).predict(X)
    factor = float(10 ** np.median(np.abs(prediction.mean - truth)))
    return {
        "seconds_spearman": spearman(prediction.mean, truth),
        "seconds_factor": factor,
        **coverage(prediction, truth, "seconds_coverage"),
    }


def _pad(best: Floats, trials: int) -> Floats:
    """Once all are tried, nothing more is found."""
    return np.concatenate([best, np.full(trials - len(best), best[-1])])
