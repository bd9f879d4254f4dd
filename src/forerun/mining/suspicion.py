"""What looks like a setting and is none: identifiers, paths, times, seeds, and what gives the metric away.

A name alone seldom convicts: a path with three values may well be a choice. A parameter that ranks the runs of
each task as the metric does may be a setting that happens to matter, where the runs are few; it is left out only
where that is past belief, or where it is called like a metric, and pointed out otherwise.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from forerun.mining.domains import MANY_WORDS, is_number
from forerun.mining.grouping import by_name
from forerun.mining.runs import Floats, Texts
from forerun.mining.targets import BETTER_HIGH, BETTER_LOW, HELD_OUT
from forerun.mining.words import listed, words

SEED = "it is a seed"
SEEDS = ("seed", "random_state", "randomstate", "rng")
IDENTIFIER = frozenset(listed("id uuid guid hash digest sha commit version tag key token uid ids"))
PATH = frozenset(listed("path dir directory folder file filename filepath url uri root output checkpoint ckpt"))
TIME = frozenset(listed("time timestamp date datetime day started created now"))
NAMING = frozenset(listed("name run title description note notes comment author user host hostname port pid trial"))
HINTS = ((IDENTIFIER, "an identifier"), (PATH, "a path"), (TIME, "a time"), (NAMING, "a name"))

UNIQUE = 0.9
"""Share of different words among all, from which on they tell runs apart and nothing else."""
MANY = 10
SURE, DOUBT = 20, 8
"""Runs in the same order as the metric: left out from SURE on, pointed out from DOUBT on."""
AGREE = 0.999


def looks_like_no_setting(name: str, values: Sequence[Any]) -> tuple[str, str]:
    """Why a parameter with these values (of n runs) is no setting, and why it is suspicious; empty where it is not."""
    said = words(name)
    if "_".join(said).endswith(SEEDS):
        return SEED, ""
    hint = next((what for hints, what in HINTS if hints & set(said)), "")
    distinct = len(Counter((isinstance(v, bool), v) for v in values))
    if all(map(is_number, values)):
        reason = _no_number(said, hint, values, distinct)
        doubtful = hint in ("an identifier", "a time")
    else:
        reason = _no_word(hint, values, distinct)
        doubtful = hint not in ("", "a name")
    return (reason, "") if reason else ("", f"it is called like {hint}" if doubtful else "")


def _no_number(said: list[str], hint: str, values: Sequence[Any], distinct: int) -> str:
    if hint and hint != "a path" and distinct > MANY and all(float(v).is_integer() for v in values):
        return f"it is called like {hint}, and has {distinct:,} different whole numbers"
    if distinct > 2 and _called_like_a_metric(said):
        return "it is called like a result: a number of that name is measured, not set"
    return ""


def _no_word(hint: str, values: Sequence[Any], distinct: int) -> str:
    spelled = {v for v in values if isinstance(v, str)}
    if distinct > MANY and len(spelled) >= UNIQUE * len(values):
        return f"it is different in almost every run ({distinct:,} values), as {hint or 'an identifier'} is"
    return (
        f"it has {len(spelled):,} different words; more than {MANY_WORDS} are no choice"
        if len(spelled) > MANY_WORDS
        else ""
    )


RESULTS = HELD_OUT | frozenset(["test", "best", "final", "result", "mean"])


def _called_like_a_metric(said: list[str]) -> bool:
    """Whether a name says both a metric and where it was measured: val_loss, best_score, test_auc."""
    metrics = {*BETTER_HIGH, *BETTER_LOW}
    return bool(RESULTS & set(said)) and bool(metrics & set(said)) and not {"weight", "lambda", "coef"} & set(said)


def leak(values: Texts, rows: npt.NDArray[np.int64], task: Texts, losses: Floats) -> tuple[str, bool]:
    """Say that a numeric parameter gives the metric away, and whether that is sure.

    It does where it orders the runs of every task exactly as their losses are ordered, or exactly the other way.
    """
    usable = np.array([is_number(values[row]) and np.isfinite(losses[row]) for row in rows], dtype=bool)
    rows = rows[usable]
    agreeing = 0
    for mine in by_name(task, rows).values():
        x, y = np.array([float(values[row]) for row in mine]), losses[mine]
        if len(set(x)) < 4 or len(set(x)) < 0.8 * len(x) or len(set(y)) < 4:
            if len(set(x)) > 1 and len(set(y)) > 1:
                return "", False  # runs with one value and different losses: no function of the loss
            continue
        # Spearman's correlation; SciPy has it too, and takes a second to import
        if abs(float(np.corrcoef(pd.Series(x).rank(), pd.Series(y).rank())[0, 1])) < AGREE:
            return "", False
        agreeing += len(mine)
    if agreeing < DOUBT:
        return "", False
    text = f"it orders {agreeing:,} runs exactly as the metric does"
    return (f"{text}: it gives the metric away", True) if agreeing >= SURE else (f"{text}, within their tasks", False)
