"""How well inherited weights rank architectures, and what that costs."""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from forerun.learners.architectures.dense import DEEPEST
from forerun.supernets import Sandwich, SuperNet
from forerun.supernets.teaching import RESOLUTION
from supernetted.compare import Plan
from supernetted.data import EVERY
from supernetted.record import AGAIN, Record, drawn, spearman, task_of, trained

DRAWS = 2_000
FEWEST = 4
"""Architectures that have a rank correlation worth its name."""


def agreement(record: Record, name: str, plan: Plan, sandwich: Sandwich, seed: int) -> dict[str, Any]:
    """Scores of one super-network for the architectures that were trained from scratch, and what they took."""
    configurations = drawn(name, plan.architectures)
    rows = trained(record, name, configurations)
    again = trained(record, name, configurations[: plan.twice], seed=AGAIN)
    supernet = SuperNet.fit(EVERY[name].architectures, task_of(name), sandwich=sandwich, seed=seed)
    began = time.process_time()
    scores = supernet.score(configurations)
    ended = time.process_time()
    return {
        "scores": scores.tolist(),
        "losses": [row["loss"] for row in rows],
        "tests": [row["test"] for row in rows],
        "again": [row["loss"] for row in again],
        "training_seconds": float(np.mean([row["seconds"] for row in rows])),
        "score_seconds": (ended - began) / len(configurations),
        "shared_seconds": supernet.fit_seconds,
        "space": str(supernet.space.grid(RESOLUTION).size),
    }


def correlation(
    found: Mapping[str, Any], against: str = "losses", scores: str = "scores"
) -> tuple[float, float, float]:
    """Spearman's correlation of two columns, and its 95 % interval over the architectures drawn; of few it is nan."""
    # a training that diverged is worse than all others; those that were trained twice are the first ones
    n = min(len(found[scores]), len(found[against]))
    pairs = np.array([[np.inf if v is None or np.isnan(v) else v for v in found[c][:n]] for c in (scores, against)])
    if pairs.shape[1] < FEWEST:
        return float("nan"), float("nan"), float("nan")
    rng = np.random.default_rng(0)
    drawn = [spearman(pairs[:, rng.integers(pairs.shape[1], size=pairs.shape[1])]) for _ in range(DRAWS)]
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return spearman(pairs), float(low), float(high)


def padded_seconds(rows: int, width: int = 64, depth: int = 2 * DEEPEST, networks: int = 16) -> float:
    """Seconds for each network if dense ones were evaluated as one batch, all filled up to the largest width and depth.

    A lower bound: the products alone, with one set of weights for all.
    """
    h, weights = torch.randn(networks * rows, width), torch.randn(depth, width, width) / width**0.5
    began = time.process_time()
    for layer in weights:
        h = h @ layer
    return (time.process_time() - began) / networks
