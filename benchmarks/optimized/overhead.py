"""What a step costs: processor seconds of a learned optimizer against torch's Adam, both on one thread.

The models are multilayer perceptrons of four layers. A step is the optimizer's alone, or that of a training on
mini-batches of 128 rows. Optimizers take turns, and the median of their ratios counts.
"""

import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn

from forerun.optimizers import RULES, Learned

WIDTHS = (16, 64, 256, 512)
"""Of the hidden layers; 60 inputs and 10 outputs."""
BATCH = 128
TURNS = 15
SECONDS = 0.02
"""A turn repeats its steps for about so long."""


def overhead(widths: Sequence[int] = WIDTHS, turns: int = TURNS) -> dict[str, dict[str, Any]]:
    """Width -> parameters, microseconds of Adam's step, and ratios to it."""
    return {str(width): _measured(width, turns) for width in widths}


def _measured(width: int, turns: int) -> dict[str, Any]:
    trainings = {name: _Training(width, name) for name in ("adam", *RULES)}
    alone: dict[str, list[float]] = {name: [] for name in trainings}
    whole: dict[str, list[float]] = {name: [] for name in trainings}
    for _ in range(turns):
        for name, training in trainings.items():
            alone[name].append(_seconds(training.optimizer.step))
            whole[name].append(_seconds(training.step))
    parameters = sum(p.numel() for p in trainings["adam"].model.parameters())
    found: dict[str, Any] = {"parameters": parameters, "adam_microseconds": 1e6 * float(np.median(alone["adam"]))}
    for name in RULES:
        found[name] = _ratio(alone[name], alone["adam"])
        found[f"{name}_training"] = _ratio(whole[name], whole["adam"])
    return found


class _Training:
    def __init__(self, width: int, name: str) -> None:
        sizes = (60, width, width, width)
        layers = [part for a, b in pairwise(sizes) for part in (nn.Linear(a, b), nn.ReLU())]
        self.model = nn.Sequential(*layers, nn.Linear(width, 10))
        parameters = self.model.parameters()
        self.optimizer = torch.optim.Adam(parameters, foreach=True) if name == "adam" else Learned(parameters, name)
        self.X, self.y = torch.randn(BATCH, 60), torch.randint(0, 10, (BATCH,))
        self.step()

    def step(self) -> None:
        self.optimizer.zero_grad()
        nn.functional.cross_entropy(self.model(self.X), self.y).backward()
        self.optimizer.step()


def _seconds(work: Any) -> float:
    """Processor seconds of a call."""
    calls, began = 0, time.process_time()
    while calls < 2 or time.process_time() - began < SECONDS:
        work()
        calls += 1
    return (time.process_time() - began) / calls


def _ratio(ours: list[float], theirs: list[float]) -> dict[str, float]:
    """Median of the ratios turn by turn, and the middle half of them."""
    low, median, high = np.quantile(np.array(ours) / np.array(theirs), [0.25, 0.5, 0.75])
    return {"median": float(median), "low": float(low), "high": float(high)}
