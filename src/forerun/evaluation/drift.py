"""Drift: whether what the past taught still holds for the latest trials, and how fast to forget it.

Notation: e(A) error of a meta-learner fitted to the trials A: the mean of 1 - Spearman's rank correlation on the
window's trials of data sets held out, before any trial. Families are never parted, as in `evaluate`.

The window is the latest part of the history: the shortest that has LEAST trials of a task in SHARE of the families;
all before it is the past. (A share of the trials would not do: a night adds few to what a history holds.) Then

    drift = e(everything) - e(everything, thinned by `metadata.recency` with half-life h)

for the h, of a few, with the lowest error: what it costs to remember everything. The same trials are ranked twice, so
it matters little how hard they are to rank. The plainer measure, the error on the window by that on the past, is
told too, but decides nothing: it rises when data sets are harder or when only good configurations are tried by now,
and falls while old and new trials are still mixed up, because then both are ranked badly.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from forerun.evaluation import split, summarise
from forerun.evaluation.replay import Recorded, spearman
from forerun.metadata import MetaDataset
from forerun.metadata.recency import recent
from forerun.metalearners import Context, Linear, MetaLearner
from forerun.metalearners.threads import one_thread

SHARE = 0.2
FEWEST = 5
"""Families in the window, and in the past; of fewer, chance decides."""
LEAST = 5
"""Trials of a task that are ranked."""
MOST = 120
"""Trials of a task that are drawn, from either part; bounds the time."""
FOLDS = 4
HALF_LIVES = (1 / 2, 1 / 4, 1 / 8, 1 / 16)
"""Candidates, in parts of the time that the history spans."""
COLUMNS = 32
"""Components of the encoding that `quick` looks at: half of the usual, for a third of the time."""
NAN = float("nan")


def quick() -> MetaLearner:
    """Make the meta-learner that drift is measured with every night."""
    return Linear(columns=COLUMNS)


@dataclass(frozen=True)
class Drift:
    """What `measure_drift` found; NaN where nothing can be told."""

    drift: float = NAN
    """By how much the error on the latest trials is lower with the best half-life; in [-2, 2]."""
    low: float = NAN
    high: float = NAN
    """Ends of its 95 % bootstrap interval over families."""
    half_life_s: float = NAN
    """The half-life with the lowest error."""
    usual: float = NAN
    """Error on the past of a meta-learner fitted to the past of other families; in [0, 2], 1 is chance."""
    now: float = NAN
    """The same meta-learner's error on the window."""
    since: float = NAN
    """When the window begins, in seconds since 1970."""
    families: int = 0
    """In the window."""
    untold: str = ""
    """Why nothing can be told; empty where something is."""

    def passes(self, threshold: float) -> bool:
        """Whether the history has drifted: by more than a threshold, and by more than chance explains."""
        return not self.untold and self.low > 0 and self.drift > threshold


@one_thread()
def measure_drift(meta: MetaDataset, make: Callable[[], MetaLearner] = quick, *, seed: int = 0) -> Drift:
    """Measure drift with a meta-learner that is cheap to fit: it is fitted FOLDS x (2 + half-lives) times.

    Where times are missing or there are too few families, that is said in the result, and is no error.
    """
    since, untold = _window(meta)
    if untold:
        return Drift(untold=untold)
    rng = np.random.default_rng(seed)
    meta = _drawn(meta, meta.started >= since, rng)
    latest, span = float(np.nanmax(meta.started)), float(np.ptp(meta.started[np.isfinite(meta.started)]))
    fold = split(meta.families, min(FOLDS, len(set(meta.families))), rng)
    rows = [row for held in range(FOLDS) for row in _errors(meta, fold == held, since, (span, latest), make)]
    scores = pd.DataFrame(rows)
    known = scores.dropna(subset="everything")
    # a half-life that leaves too little to learn from, or to judge by, is none
    lives = [h for h in HALF_LIVES if known[_gain(h)].notna().all() and _lasts(recent(meta, h * span, latest))]
    if known["family"].nunique() < FEWEST or not lives:
        return Drift(untold="too little is left to learn from once a part of the history is held out")
    found = summarise(scores.assign(method="it"))["it"]
    best = max(lives, key=lambda h: found[_gain(h)]["mean"])
    gain = found[_gain(best)]
    return Drift(
        gain["mean"],
        gain["low"],
        gain["high"],
        best * span,
        found["usual"]["mean"] if "usual" in found else NAN,
        found["now"]["mean"] if "now" in found else NAN,
        since,
        known["family"].nunique(),
    )


def _window(meta: MetaDataset) -> tuple[float, str]:
    """When the window begins; NaN, and why, where there is none."""
    if not np.isfinite(meta.started).any():
        return NAN, "the times of trials are not known"
    reached: dict[str, float] = {}
    for task, family in enumerate(meta.families):
        times = meta.started[(meta.task == task) & np.isfinite(meta.started)]
        if len(times) >= LEAST:
            reached[family] = max(reached.get(family, -np.inf), float(np.sort(times)[-LEAST]))
    families = max(FEWEST, int(np.ceil(SHARE * len(set(meta.families)))))
    since = sorted(reached.values(), reverse=True)[families - 1] if len(reached) >= families else NAN
    before = len({meta.families[task] for task in meta.task[meta.started < since]})
    if before < FEWEST:
        return NAN, (
            f"at least {FEWEST} families of data sets must have {LEAST} late trials of known time each, "
            f"and as many must have earlier ones; got {len(reached)} and {before}"
        )
    return since, ""


def _drawn(meta: MetaDataset, late: npt.NDArray[np.bool_], rng: np.random.Generator) -> MetaDataset:
    """At most MOST trials of every task from the past, and as many from the window."""
    part = 2 * meta.task + late
    order = np.lexsort((rng.random(len(meta)), part))
    place = np.arange(len(meta)) - np.searchsorted(part[order], part[order])
    return meta.of_rows(np.sort(order[place < MOST]))


def _errors(
    meta: MetaDataset,
    held: npt.NDArray[np.bool_],
    since: float,
    ages: tuple[float, float],
    make: Callable[[], MetaLearner],
) -> list[dict[str, object]]:
    """Errors on the tasks held out (T,), a row each: before the window and in it, with all and with half-lives."""
    span, latest = ages
    rest, late = meta.of_tasks(np.flatnonzero(~held)), meta.started >= since
    past, window = (meta.of_rows(np.flatnonzero(part)) for part in (~late, late))
    then = _fitted(rest.of_rows(np.flatnonzero(~(rest.started >= since))), make)
    whole = _fitted(rest, make)
    thinned = {h: _fitted(recent(rest, h * span, latest), make) for h in HALF_LIVES}
    rows: list[dict[str, object]] = []
    for task in map(int, np.flatnonzero(held)):
        error = _error(whole, window, task)
        row = {"usual": _error(then, past, task), "now": _error(then, window, task), "everything": error}
        row |= {_gain(h): error - _error(learner, window, task) for h, learner in thinned.items()}
        rows.append({"task": meta.tasks[task], "family": meta.families[task], **row})
    return rows


def _lasts(meta: MetaDataset) -> bool:
    """Whether enough families still have a task that can be ranked."""
    many = np.bincount(meta.task, minlength=len(meta.tasks)) >= LEAST
    return len(set(np.array(meta.families)[many])) >= FEWEST


def _gain(half_life: float) -> str:
    return f"gain {half_life}"


def _fitted(meta: MetaDataset, make: Callable[[], MetaLearner]) -> MetaLearner | None:
    """Fitted to the tasks that have trials; None where two families of them are not left."""
    meta = meta.of_tasks(np.unique(meta.task))
    enough = len(set(meta.families)) >= 2 and np.isfinite(meta.loss).sum() >= 2 * LEAST
    return make().fit(meta) if enough else None


def _error(learner: MetaLearner | None, meta: MetaDataset, task: int) -> float:
    """1 - rank correlation on the trials of a task; NaN where there is too little to rank, or to rank by."""
    rows = Recorded.of(meta, task)
    if learner is None or len(rows.y) < LEAST or not rows.decides:
        return NAN
    empty = Context.empty(rows.features, rows.X.shape[1])
    return 1 - spearman(learner.adapt(empty).predict(rows.X).mean, rows.y)
