"""How good each way to recommend is forward in time: taught by the past, judged on what came later."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from forerun.errors import HistoryError
from forerun.evaluation import FEW, MOST, Evaluation, choose, draw, judges, split, summarise
from forerun.evaluation.replay import Recorded
from forerun.metadata import MetaDataset
from forerun.metalearners import METALEARNERS
from forerun.metalearners.threads import one_thread


@one_thread()
def evaluate_forward(
    meta: MetaDataset,
    candidates: Sequence[str] = ("linear",),
    *,
    parts: int = 4,
    folds: int = 4,
    most: int = MOST,
    seed: int = 0,
) -> Evaluation:
    """Judge meta-learners by name, and the baselines, forward in time: as `evaluate`, but fitted to earlier trials.

    The history is cut into parts of equally many trials. On each part but the first every method is judged that was
    fitted to the trials before it, of other families. A fold of the scores is a part and a fold of families. Raises
    HistoryError for unknown names, and where times are not known or nothing comes after anything.
    """
    unknown = [name for name in candidates if name not in METALEARNERS]
    if unknown or not candidates:
        raise HistoryError(f"meta-learners must be among {', '.join(METALEARNERS)}; got {unknown}")
    known = meta.started[np.isfinite(meta.started)]
    cuts = np.append(np.quantile(known, np.arange(1, parts) / parts), np.inf) if len(known) else np.array([])
    rng = np.random.default_rng(seed)
    meta = draw(meta, most, rng)
    fold = split(meta.families, folds, rng)
    rows: list[dict[str, object]] = []
    for part, (since, until) in enumerate(pairwise(cuts), start=1):
        before = meta.of_rows(np.flatnonzero(meta.started < since))
        after = meta.of_rows(np.flatnonzero((meta.started >= since) & (meta.started < until)))
        for held in range(folds):
            rows += [
                {**row, "seed": seed, "fold": part * folds + held}
                for row in _forward(before, after, fold == held, candidates, rng)
            ]
    if not rows:
        raise HistoryError(
            f"to judge forward in time, data sets must have {FEW} trials of known time after those of others; "
            "none has. Judge regardless of time instead: evaluate"
        )
    scores = pd.DataFrame(rows)
    summary = summarise(scores)
    return Evaluation(scores, summary, choose(summary, candidates))


def _forward(
    before: MetaDataset,
    after: MetaDataset,
    held: npt.NDArray[np.bool_],
    candidates: Iterable[str],
    rng: np.random.Generator,
) -> list[dict[str, object]]:
    """Scores of the later trials of the tasks held out, by methods that know the earlier ones of all others."""
    taught = np.intersect1d(np.flatnonzero(~held), before.task)
    tasks = {int(t): Recorded.of(after, int(t)) for t in np.intersect1d(np.flatnonzero(held), after.task)}
    tasks = {t: task for t, task in tasks.items() if len(task.y) >= FEW and task.decides}
    if not tasks or len({before.families[t] for t in taught}) < 2:
        return []
    methods = judges(before.of_tasks(taught), {name: METALEARNERS[name] for name in candidates}, rng, clocks=False)
    return [
        {"method": name, "task": after.tasks[t], "family": after.families[t], **judge(task)}
        for name, judge in methods.items()
        for t, task in tasks.items()
    ]
