"""Replaying recorded tasks: a method chooses one trial after the other, among what was recorded.

Nothing of a held-out task is known but its features and its candidates; those are shuffled by the seed, the
same way for every method, so that where scores tie the order of recording does not decide.
"""

import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forerun.errors import ForerunError
from forerun.evaluation.replay import spearman
from forerun.metadata import MetaDataset
from forerun.metalearners import NORMAL
from forerun.space import Configuration, Floats
from judging.base import Bounding, Candidates, Method, Predicting, Seen
from judging.recordings import Benchmark
from judging.regret import Ends

LATER = 5
"""Predictions are judged before any trial and after so many."""


class JudgingError(ForerunError):
    """A method did something that a method must not do."""


@dataclass(frozen=True)
class Held:
    """A task held out: its candidates, and what they scored."""

    name: str
    family: str
    candidates: Candidates
    losses: Floats
    """(N,) raw, NaN where failed."""
    regret: Floats
    """(N,) in [0, 1]."""

    @classmethod
    def of(cls, benchmark: Benchmark, task: int, seed: int) -> "Held":
        """The recorded trials of one task, in the order of a seed."""
        meta: MetaDataset = benchmark.meta
        name = meta.tasks[task]
        rows = np.flatnonzero(meta.task == task)
        rows = np.random.default_rng([seed, zlib.crc32(name.encode())]).permutation(rows)
        configurations: Sequence[Configuration] = [benchmark.configurations[row] for row in rows]
        candidates = Candidates(meta.features[task], meta.X[rows], configurations)
        losses = meta.loss[rows]
        return cls(name, meta.families[task], candidates, losses, Ends.of(losses).regret(losses))


def replay(method: Method, name: str, task: Held, trials: int, seed: int) -> dict[str, Any]:
    """Let a fitted method choose so many trials; what became of it, as JSON holds it.

    Raises JudgingError, which names method and task, when the method raises or chooses what is not there.
    """
    rng = np.random.default_rng([seed, zlib.crc32(f"{name} {task.name}".encode())])
    rows: list[int] = []
    told: dict[str, dict[str, float]] = {}
    seconds = 0.0
    for step in range(min(trials, len(task.losses))):
        seen = Seen(tuple(rows), task.losses[rows])
        try:
            if step in (0, LATER) and isinstance(method, Predicting):
                told[str(step)] = _told(method, task, seen)
            began = time.perf_counter()
            row = int(method.choose(task.candidates, seen, rng))
            seconds += time.perf_counter() - began
        except Exception as error:
            raise JudgingError(f"{name} on {task.name}, trial {step + 1}, seed {seed}: {error!r}") from error
        if not 0 <= row < len(task.losses) or row in rows:
            raise JudgingError(
                f"{name} on {task.name} must choose an untried number below {len(task.losses)}; got {row} after {rows}"
            )
        rows.append(row)
    best = np.minimum.accumulate(task.regret[rows])
    # once all are tried, nothing more is found
    curve = np.concatenate([best, np.full(trials - len(best), best[-1])])
    return {
        "task": task.name,
        "family": task.family,
        "seed": seed,
        "regret": curve.tolist(),
        "seconds": seconds / len(rows),
        "told": told,
    }


def _told(method: Predicting, task: Held, seen: Seen) -> dict[str, float]:
    """How good predictions of the untried are: rank correlation, and the shares in central intervals (raw units)."""
    prediction = method.predict(task.candidates, seen)
    left = np.setdiff1d(np.flatnonzero(np.isfinite(task.losses)), seen.rows)
    mean, std, truth = prediction.mean[left], prediction.std[left], task.losses[left]
    half = method.widths(task.candidates, seen) if isinstance(method, Bounding) else NORMAL
    found = {"spearman": spearman(mean, truth)}
    if len(left):
        found |= {str(p): float((np.abs(truth - mean) <= z * std).mean()) for p, z in half.items()}
    return {key: value for key, value in found.items() if np.isfinite(value)}
