"""What is learned of the processes of `process`: their variances, as logarithms, and how honest their doubt is.

Notation: M members, B tasks with b trials each.
"""

from collections.abc import Callable

import numpy as np
import torch

from forerun.metadata import LOSS, MetaDataset
from forerun.metalearners.base import Context, Surrogate
from forerun.metalearners.calibration import widening
from forerun.metalearners.hierarchy import LEAST_NOISE
from forerun.metalearners.likelihood import full_rank, noises
from forerun.metalearners.process import LATER, Points, Process
from forerun.metalearners.trunk import Batch, Trials, descend

STARTS = {
    "kernel": -1.0,
    "trust": -3.0,
    "level": -2.0,
    "length": 0.0,
    "noise": -1.5,
    "luck": -1.0,
    "scratch_kernel": -0.5,
    "scratch_trust": -1.0,
    "scratch_level": -1.0,
    "scratch_length": 1.0,
}
"""Where the logarithms start."""
STEPS = 30
"""That set variances anew."""


class Variances(torch.nn.Module):
    """Variances of processes: of one, with no members, or of each of M members."""

    def __init__(self, members: int | None = None) -> None:
        super().__init__()
        shape = () if members is None else (members, 1, 1, 1)
        start = {name: torch.full(shape, value, dtype=torch.float64) for name, value in STARTS.items()}
        self.logs = torch.nn.ParameterDict({name: torch.nn.Parameter(value) for name, value in start.items()})

    def __getitem__(self, name: str) -> torch.Tensor:
        return torch.exp(self.logs[name])

    def noises(self, failed: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """(M, B, b), or (B, b) of one."""
        noise, luck = self["noise"] + LEAST_NOISE, self["luck"].clamp(0.01, 1.0)
        if noise.ndim:
            noise, luck = noise[..., 0], luck[..., 0]
        return noises(noise, luck, failed, real)

    def processes(self) -> tuple[Process, Process]:
        """The hypotheses transfer and scratch."""
        return _processes({name: self[name] for name in STARTS})

    def values(self) -> dict[str, float]:
        """All, by name."""
        found = {name: float(self[name].detach()) for name in STARTS}
        return found | {"noise": found["noise"] + LEAST_NOISE, "luck": min(max(found["luck"], 0.01), 1.0)}


def processes(values: dict[str, float]) -> tuple[Process, Process]:
    """The hypotheses transfer and scratch, of variances by their names."""
    return _processes({name: torch.tensor(value, dtype=torch.float64) for name, value in values.items()})


def _processes(v: dict[str, torch.Tensor]) -> tuple[Process, Process]:
    def process(prefix: str) -> Process:
        names = ("kernel", "trust", "level", "length")
        kernel, trust, level, length = (v[prefix + name] for name in names)
        return Process(kernel, trust, level, length, believed=not prefix)

    return process(""), process("scratch_")


def set_anew(points: Points, trials: Trials, batch: Batch, share: torch.Tensor) -> dict[str, float]:
    """The variances that make one batch of tasks most likely, whose points (B, b) are told as of new tasks."""
    y, failed = trials.y[batch.rows], trials.failed[batch.rows]
    variances = Variances()

    def loss(_: Batch, __: int) -> torch.Tensor:
        noise = variances.noises(failed, batch.real)
        both = variances.processes()
        logs = [full_rank(p.covariance(points, points), y - p.mean(points), noise) for p in both]
        return -(share * (logs[0] + logs[1])).mean() / y.shape[1]

    descend(variances.parameters(), loss, [batch] * STEPS, 0.1, 0.0)
    return variances.values()


def temperatures(meta: MetaDataset, batch: Batch, adapt: Callable[[int, Context], Surrogate]) -> tuple[float, float]:
    """How much wider than claimed the errors are without trials and after LATER of a task's own, by a replay.

    adapt(b, context) adapts as to a new task; the configurations of its context, and those that it predicts, are told
    by their places in the batch, (n, 1).
    """
    if len(set(meta.families)) < 2:
        return 1.0, 1.0
    told = meta.loss if meta.target == LOSS else meta.y
    ratios: dict[int, list[np.ndarray]] = {0: [np.zeros(0)], LATER: [np.zeros(0)]}
    for b, (t, rows) in enumerate(zip(batch.tasks.tolist(), batch.rows.numpy(), strict=True)):
        places = b * len(rows) + np.flatnonzero(batch.real[b].numpy())[:, None].astype(float)
        own = rows[: len(places)]
        for k, found in ratios.items():
            prediction = adapt(b, Context(meta.features[t], places[:k], told[own[:k]])).predict(places[k:])
            known = np.isfinite(told[own[k:]])
            found.append((np.abs(meta.y[own[k:]] - prediction.mean) / prediction.std)[known])
    first, later = (np.concatenate(found) for found in ratios.values())
    return widening(first) if len(first) else 1.0, widening(later) if len(later) else 1.0
