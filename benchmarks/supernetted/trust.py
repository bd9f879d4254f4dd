"""What scores are worth to who has trained a few architectures already: a line through score and size.

The least that a meta-learner can make of a score. On the architectures that were trained, log losses are regressed on

    log score, log layers (or cells), log parameters

and the others are ranked by what that says of them; with sizes alone it tells what is known without a super-network.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from forerun.space import Configuration
from supernetted.data import EVERY
from supernetted.record import drawn, spearman, task_of

TRAININGS = 10
DRAWS = 500
"""Of the architectures that are trained."""
RIDGE = 1.0
"""Penalty on the slopes of standardised columns: with few trainings a slope is little known."""
LEAST = 1e-3
"""Losses below it are no better than it: of a classification without an error there is no logarithm."""


def foretold(found: Mapping[str, Any], name: str) -> dict[str, float]:
    """Mean rank correlation of what is said of the rest with their losses, by what it is said from."""
    losses, scores = (np.array([np.nan if v is None else v for v in found[c]], float) for c in ("losses", "scores"))
    there = np.isfinite(losses)
    sizes = np.log(sizes_of(name, drawn(name, len(losses))))[there]
    y, score = np.log(np.maximum(losses[there], LEAST)), np.log(np.maximum(scores[there], LEAST))[:, None]
    columns = {"score": score, "sizes": sizes, "both": np.hstack([score, sizes])}
    return {what: _ranked(X, y) for what, X in columns.items()}


def within_lengths(found: Mapping[str, Any], name: str) -> dict[str, tuple[int, float]]:
    """How many architectures have 1, 2 to 3, 4 to 7, or more layers (or cells), and how scores rank these."""
    lengths = sizes_of(name, drawn(name, len(found["losses"])))[:, 0].astype(int)
    pairs = np.array([[np.inf if v is None or np.isnan(v) else v for v in found[c]] for c in ("scores", "losses")])
    octaves = np.array([min(int(length).bit_length(), 4) for length in lengths])
    return {
        f"{2 ** (octave - 1)}+": (int((octaves == octave).sum()), spearman(pairs[:, octaves == octave]))
        for octave in sorted(set(octaves.tolist()))
    }


def sizes_of(name: str, configurations: Sequence[Configuration]) -> np.ndarray:
    """Length, and number of parameters, of each architecture (n, 2)."""
    family = EVERY[name].architectures
    prepared = family.prepare(task_of(name))
    built = [family.architecture(c, prepared.inputs, prepared.outputs) for c in configurations]
    parameters = [sum(int(np.prod(shape)) for shape in one.shapes.values()) for one in built]
    return np.column_stack([[float(c[family.length]) for c in configurations], parameters])  # type: ignore[arg-type]


def _ranked(X: np.ndarray, y: np.ndarray) -> float:
    if len(y) <= TRAININGS + 1:
        return float("nan")
    X, rng, rhos = (X - X.mean(axis=0)) / (X.std(axis=0) + 1e-9), np.random.default_rng(0), []
    for _ in range(DRAWS):
        order = rng.permutation(len(y))
        known, rest = order[:TRAININGS], order[TRAININGS:]
        A, b = X[known] - X[known].mean(axis=0), y[known] - y[known].mean()
        slopes = np.linalg.solve(A.T @ A + RIDGE * np.eye(A.shape[1]), A.T @ b / (b.std() + 1e-9))
        rhos.append(spearman(np.stack([X[rest] @ slopes, y[rest]])))
    return float(np.nanmean(rhos))
