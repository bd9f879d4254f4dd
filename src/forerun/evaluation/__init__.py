"""How good each way to recommend is: leave-one-task-out over whole families, by replaying recorded trials.

For every fold of families the meta-learners are fitted on the rest; on each task held out they predict all
of its recorded trials, then choose ten of them one by one, adapting after each. Random order, the best on
average and the nearest data set are judged alike. Nothing of a held-out family is ever seen.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from forerun.errors import HistoryError
from forerun.evaluation.baselines import BASELINES, RANDOM, Baseline
from forerun.evaluation.replay import Recorded, forecast_seconds, ordered_regret, random_regret, regrets, replay
from forerun.evaluation.replay import spearman as rank_correlation
from forerun.evaluation.summary import Summary, choose, summarise
from forerun.metadata import MetaDataset
from forerun.metalearners import METALEARNERS, MetaLearner
from forerun.metalearners.threads import one_thread

TRIALS = 10
LEAST = 20
"""Tasks with fewer recorded trials teach, but are not held out: there is too little to choose from."""
FEW = 5
"""The same, in a history that has no two families of tasks with more."""
MOST = 150
"""Recorded trials of a task that are drawn, to learn from and to choose among; bounds the time."""

Progress = Callable[[int, int], None]
"""`progress(done, of)`, after every fold."""
Maker = Callable[[], MetaLearner]
Scores = dict[str, float]
Judge = Callable[[Recorded], Scores]


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` found."""

    scores: pd.DataFrame
    """One row for each method, task and seed; a column for each score."""
    summary: Summary
    """method -> score -> mean, low, high."""
    best: str
    """The meta-learner with the lowest mean regret over the first trials."""


def evaluate(
    meta: MetaDataset,
    candidates: Sequence[str] = tuple(METALEARNERS),
    *,
    folds: int | None = None,
    seeds: int = 1,
    most: int = MOST,
    progress: Progress | None = None,
) -> Evaluation:
    """Judge meta-learners by name, and the baselines, on tasks of families that they have not seen.

    folds is the number of parts that the families are split into, None for one a family. A seed draws the
    trials of every task, the folds and the order among ties. Raises HistoryError for unknown names and when
    there are fewer than two families, or no task with enough trials.
    """
    unknown = [name for name in candidates if name not in METALEARNERS]
    if unknown or not candidates:
        raise HistoryError(f"meta-learners must be among {', '.join(METALEARNERS)}; got {unknown}")
    makers: dict[str, Maker] = {name: METALEARNERS[name] for name in candidates}
    return evaluate_makers(meta, makers, folds=folds, seeds=seeds, most=most, progress=progress)


@one_thread()
def evaluate_makers(
    meta: MetaDataset,
    makers: dict[str, Maker],
    *,
    folds: int | None = None,
    seeds: int = 1,
    most: int = MOST,
    progress: Progress | None = None,
) -> Evaluation:
    """Judge meta-learners that need not be registered; otherwise as `evaluate`."""
    if seeds < 1:
        raise HistoryError(f"seeds must be at least 1, to judge meta-learners; got {seeds}")
    rows: list[dict[str, object]] = []
    count = min(folds or len(set(meta.families)), len(set(meta.families)))
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        drawn = draw(meta, most, rng)
        fold = split(drawn.families, folds, rng)
        for held in range(count):
            # times vary little between draws: those of the first are enough
            prepare = partial(judges, makers=makers, rng=rng, clocks=seed == 0)
            rows += [{**row, "seed": seed, "fold": held} for row in _fold(drawn, fold == held, prepare)]
            if progress:
                progress(seed * count + held + 1, seeds * count)
    if not rows:
        raise HistoryError(
            f"to judge meta-learners, a task must have at least {FEW} trials of different losses; none has. "
            "Collect more trials"
        )
    scores = pd.DataFrame(rows)
    summary = summarise(scores)
    return Evaluation(scores, summary, choose(summary, makers))


def draw(meta: MetaDataset, most: int, rng: np.random.Generator) -> MetaDataset:
    """At most so many trials of every task."""
    key = rng.random(len(meta))
    order = np.lexsort((key, meta.task))
    place = np.arange(len(meta)) - np.searchsorted(meta.task[order], meta.task[order])
    return meta.of_rows(np.sort(order[place < most]))


def split(families: Sequence[str], folds: int | None, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """(T,) the fold of each task; no family is parted."""
    names, place = np.unique(np.array(families), return_inverse=True)
    if len(names) < 2:
        raise HistoryError(
            f"to judge meta-learners, a history must have at least 2 families of tasks; got {len(names)}"
        )
    if folds is not None and folds < 2:
        raise HistoryError(f"folds must be at least 2; got {folds}")
    turn = rng.permutation(len(names)) % (folds or len(names))
    return np.asarray(turn[place], dtype=np.int64)


def _fold(
    meta: MetaDataset, held: npt.NDArray[np.bool_], prepare: Callable[[MetaDataset], dict[str, Judge]]
) -> list[dict[str, object]]:
    """Scores of the tasks held out (T,), of methods prepared on the others."""
    tasks = {int(t): Recorded.of(meta, int(t)) for t in np.flatnonzero(held & _replayable(meta))}
    tasks = {t: task for t, task in tasks.items() if task.decides}
    if not tasks:
        return []
    rows = []
    for name, judge in prepare(meta.of_tasks(np.flatnonzero(~held))).items():
        for t, task in tasks.items():
            rows.append({"method": name, "task": meta.tasks[t], "family": meta.families[t], **judge(task)})
    return rows


def _replayable(meta: MetaDataset) -> npt.NDArray[np.bool_]:
    """(T,) which tasks have enough trials to choose among."""
    counts = np.bincount(meta.task, minlength=len(meta.tasks))
    many = counts >= LEAST
    return many if len(set(np.array(meta.families)[many])) >= 2 else counts >= FEW


def judges(known: MetaDataset, makers: dict[str, Maker], rng: np.random.Generator, clocks: bool) -> dict[str, Judge]:
    """For each method a function that scores it on a held-out task; with its clock, if those are judged."""
    found: dict[str, Judge] = {RANDOM: _judge_random}
    for name, sort in BASELINES.items():
        found[name] = partial(_judge_order, sort().fit(known), rng)
    timed = known.for_seconds()
    for name, make in makers.items():
        clock = make().fit(timed) if clocks and len(timed) >= FEW else None
        found[name] = partial(_judge_learner, make().fit(known), clock, rng)
    return found


def _judge_random(task: Recorded) -> Scores:
    return {"spearman": 0.0, **regrets(random_regret(task.regret, TRIALS))}


def _judge_order(baseline: Baseline, rng: np.random.Generator, task: Recorded) -> Scores:
    score = baseline.score(task.features, task.X)
    return {"spearman": rank_correlation(score, task.y), **regrets(ordered_regret(task.regret, score, TRIALS, rng))}


def _judge_learner(learner: MetaLearner, clock: MetaLearner | None, rng: np.random.Generator, task: Recorded) -> Scores:
    return replay(learner, task, TRIALS, rng) | (forecast_seconds(clock, task) if clock else {})


__all__ = [
    "BASELINES",
    "RANDOM",
    "TRIALS",
    "Evaluation",
    "Summary",
    "choose",
    "evaluate",
    "evaluate_makers",
    "judges",
    "summarise",
]
