"""One point: a meta-learner fitted to a history of so many tasks and trials, then asked for suggestions.

The history is drawn from the toy world of `forerun.checks`: a mixed space of five domains, five task features, every
configuration different from all others, one trial in twenty failed. The process that measures has fitted a
tiny history before, so that what is loaded, compiled or allocated once counts for no point.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from forerun.checks import world
from forerun.metadata import MetaDataset
from forerun.metalearners import METALEARNERS, Context, MetaLearner
from forerun.tuning.acquisition import improvement_of

CANDIDATES = 2_000
SHOWN = (0, 10, 100)
"""Trials of the target."""
REPEATS = 5
"""Suggestions are quick: the median of so many."""
TINY = (4, 20)


def measure(family: str, tasks: int, per_task: int) -> dict[str, Any]:
    """Seconds and MiB of a fit, and seconds to adapt and to suggest."""
    asked = world.history(seed=1, tasks=1, trials=CANDIDATES)
    suggestions(METALEARNERS[family]().fit(world.history(0, *TINY)), asked)
    meta = world.history(0, tasks, per_task)
    forget_peak()
    held, clock, cpu = peak_mib(), time.perf_counter(), time.process_time()
    learner = METALEARNERS[family]().fit(meta)
    found = {
        "tasks": tasks,
        "rows": len(meta),
        "fit_seconds": time.perf_counter() - clock,
        "fit_cpu_seconds": time.process_time() - cpu,
        "fit_mib": peak_mib() - held,
        "before_mib": held,
    }
    return found | {"suggestions": suggestions(learner, asked)}


def suggestions(learner: MetaLearner, asked: MetaDataset) -> dict[str, dict[str, float]]:
    """Seconds to adapt to some trials of a task, and to have a suggestion: adapt, score candidates, take the best."""
    found = {}
    for k in SHOWN:
        context = Context(asked.features[0], asked.X[:k], asked.loss[:k])

        def suggest(context: Context = context, k: int = k) -> None:
            np.argmin(improvement_of(learner.adapt(context), asked.X, range(k)))

        adapting, suggesting = _median_seconds(lambda context=context: learner.adapt(context)), _median_seconds(suggest)
        found[str(k)] = {"adapt_seconds": adapting, "suggest_seconds": suggesting}
    return found


def _median_seconds(work: Callable[[], Any]) -> float:
    """By the clock."""
    taken = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return float(np.median(taken))


def forget_peak() -> None:
    """Let the most memory that was held be what is held now (proc(5), clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5")


def peak_mib() -> float:
    """Most memory that was held; `getrusage` cannot be set back, and counts what the parent process held, too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))
