"""What worked before: configurations that many tasks of a history trained, and which of them are good together."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from forerun.errors import HistoryError, SpaceError
from forerun.metadata import WORST, standardise
from forerun.space import Condition, Configuration, SearchSpace, Subset, Value
from forerun.trials import History, Status

LEAST = 2
"""Families, at least, that must have trained a configuration."""
RECURRING = 0.5
"""Share of the families that must have trained a configuration."""

Fit = Callable[[Configuration], dict[str, Value] | None]
"""A configuration of the history as one that may be used, None where it may not."""


def portfolio(
    history: History,
    space: SearchSpace,
    k: int,
    *,
    kind: str,
    without: Sequence[str] = (),
    fixed: Configuration | None = None,
    forbidden: Sequence[Condition] = (),
    remembered: npt.NDArray[np.bool_] | None = None,
) -> list[dict[str, Value]]:
    """Return k recurring configurations of a space that are best together; the first is best on average.

    Losses are standardised per task (`metadata.targets`), a failed training counts as an infinitely bad one,
    and every family counts once. Each further configuration is the one that most lowers the mean, over
    families, of the best loss of those chosen (greedily; Feurer et al., JMLR 2022). Tasks of the families
    in `without`, and those that are regression where `kind` is not (and the other way round), are left out;
    so is every configuration with other values than the `fixed` ones, and what is `forbidden`.
    What was good is told by the trials that are `remembered` (n,), all of them by default. What recurs, and
    how losses are standardised, is told by all: that says nothing of what is good now, and a few trials could not.
    Raises HistoryError when nothing recurs in what is left of the space, or is remembered of it.
    """
    trials = _comparable(history, kind, set(without), remembered)
    configurations, table = _losses(history, trials, lambda c: _fit(c, space, fixed or {}, forbidden), space.name)
    chosen: list[int] = []
    reached = np.full(table.shape[1], WORST)
    while len(chosen) < min(k, len(table)):
        together = np.minimum(table, reached).mean(axis=1)
        together[chosen] = np.inf
        # where nothing is gained any more, the next best on average
        best = int(np.lexsort((table.mean(axis=1), together.round(12)))[0])
        chosen.append(best)
        reached = np.minimum(reached, table[best])
    return [configurations[i] for i in chosen]


def best_on_average(
    history: History,
    space: SearchSpace,
    *,
    kind: str,
    without: Sequence[str] = (),
    fixed: Configuration | None = None,
    forbidden: Sequence[Condition] = (),
) -> dict[str, Value]:
    """Return the recurring configuration with the lowest mean standardised loss over families."""
    return portfolio(history, space, 1, kind=kind, without=without, fixed=fixed, forbidden=forbidden)[0]


def _comparable(
    history: History, kind: str, without: set[str], remembered: npt.NDArray[np.bool_] | None
) -> pd.DataFrame:
    """The trials at full fidelity of tasks of a like kind, of families that are not left out; which are remembered."""
    tasks = history.tasks[~history.tasks["family"].isin(without)]
    tasks = tasks[(tasks["kind"] == "regression") == (kind == "regression")]
    trials = history.trials.assign(remembered=True if remembered is None else remembered)
    return trials[(trials["fidelity"] == 1.0) & trials["task"].isin(tasks.index)]


def _losses(history: History, trials: pd.DataFrame, fit: Fit, space: str) -> tuple[list[dict[str, Value]], np.ndarray]:
    """Recurring configurations that belong to the space, and their mean standardised loss by family."""
    family = history.tasks["family"].reindex(trials["task"]).to_numpy()
    found, code = _distinct(history, trials, fit)
    used = code >= 0
    frame = pd.DataFrame({"code": code[used], "task": trials["task"].to_numpy()[used], "family": family[used]})
    frame["y"] = _targets(trials)[used]
    tried = frame.groupby("code")["family"].nunique()
    often = tried[tried >= max(LEAST, RECURRING * frame["family"].nunique())].index
    by_family = frame[trials["remembered"].to_numpy()[used]].pivot_table(
        index="code", columns="family", values="y", aggfunc="mean"
    )
    recurring = by_family[by_family.index.isin(often)]
    if recurring.empty:
        raise HistoryError(
            f"a history must hold configurations of space {space!r} that at least half of its tasks trained; "
            f"got none among {trials['remembered'].sum()} trials. Record a history with shared configurations"
        )
    # what a family has not tried, or forgot, counts as that family's average
    filled = recurring.fillna(by_family.mean())
    return [found[i] for i in filled.index], filled.to_numpy(dtype=np.float64)


def _targets(trials: pd.DataFrame) -> np.ndarray:
    loss = trials["loss"].where(trials["status"] == Status.FINISHED).to_numpy(dtype=np.float64)
    y = np.full(len(trials), WORST)
    for task in trials["task"].unique():
        mine = (trials["task"] == task).to_numpy()
        y[mine] = standardise(loss[mine])[0]
    return y


def _distinct(history: History, trials: pd.DataFrame, fit: Fit) -> tuple[list[dict[str, Value]], np.ndarray]:
    """The distinct configurations that belong to the space, and for each trial which one it is (-1: none)."""
    given = [tuple(sorted(c.items())) for c in history.configurations(trials)]
    count = Counter(given)
    position: dict[Any, int] = {}
    found: list[dict[str, Value]] = []
    code = np.full(len(trials), -1)
    for i, entries in enumerate(given):
        # most are drawn for one task alone: what was trained once does not recur, and checking costs time
        if count[entries] < LEAST:
            continue
        if entries not in position:
            fitted = fit(dict(entries))
            position[entries] = -1 if fitted is None else len(found)
            found += [] if fitted is None else [fitted]
        code[i] = position[entries]
    return found, code


def whole_sets(space: SearchSpace) -> dict[str, Value]:
    """Return every set-valued domain with all of its elements."""
    return {name: tuple(domain.values) for name, domain in space.domains.items() if isinstance(domain, Subset)}


def _fit(
    configuration: Configuration, space: SearchSpace, fixed: Configuration, forbidden: Sequence[Condition]
) -> dict[str, Value] | None:
    """The configuration in this space, all of a set where it names none; None when it may not be used there."""
    whole = whole_sets(space)
    fitted = space.prune({**whole, **configuration, **fixed})
    if set(configuration) - set(fitted):
        return None
    try:
        space.check(fitted)
    except SpaceError:
        return None
    changed = any(n in fixed and configuration[n] != fixed[n] for n in configuration)
    return None if changed or any(condition.holds(fitted) for condition in forbidden) else fitted
