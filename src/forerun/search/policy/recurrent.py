"""The auto-regressive controller: a recurrent network chooses axis by axis, each knowing the choices before it.

Zoph and Le, "Neural architecture search with reinforcement learning", ICLR 2017. A GRU walks over the axes with a
choice, parents first. At each of them it sees the level chosen last and gives the logits of the next; an inactive axis
is passed on as such, and counts neither in the log-probability nor in the entropy. Rows are drawn step by step without
gradients; then their log-probabilities are taken anew, all steps at once, for that is several times as fast.

Notation: V axes with a choice, the widest with W levels, H hidden numbers, n rows.
"""

import numpy as np
import torch
from torch import nn

from forerun.search.base import Floats
from forerun.search.policy.controllers import Controller
from forerun.search.policy.layout import Layout, Marked

HIDDEN = 48


class Walk(nn.Module):
    """The network: from the choices so far to the logits of the next axis."""

    def __init__(self, sizes: list[int]) -> None:
        super().__init__()
        axes, widest = len(sizes), max(sizes)
        # row 0 is for inactive; every axis has rows of its own
        self.seen = nn.Parameter(0.1 * torch.randn(axes, widest + 1, HIDDEN))
        self.place = nn.Parameter(0.1 * torch.randn(axes, HIDDEN))
        self.cell = nn.GRU(HIDDEN, HIDDEN, batch_first=True)
        self.weights = nn.Parameter(torch.zeros(axes, HIDDEN, widest))
        self.missing = torch.zeros(axes, widest)
        for axis, size in enumerate(sizes):
            self.missing[axis, size:] = -torch.inf
        self.offset = nn.Parameter(torch.zeros(axes, widest))

    def step(self, axis: int, before: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (n, W) of one axis, given the level before (n,), -1 for inactive, and the state (1, n, H)."""
        inputs = self.place[axis].expand(len(before), -1)
        if axis:
            inputs = inputs + self.seen[axis - 1, before + 1]
        hidden, state = self.cell(inputs[:, None], state)
        return hidden[:, 0] @ self.weights[axis] + self.offset[axis] + self.missing[axis], state

    def forward(self, chosen: torch.Tensor) -> torch.Tensor:
        """Logits (n, V, W) of all axes of rows (n, V)."""
        axes = torch.arange(len(self.place))
        seen = self.seen[axes[:-1], chosen[:, :-1] + 1]
        inputs = self.place + nn.functional.pad(seen, (0, 0, 1, 0))
        hidden, _ = self.cell(inputs)
        return torch.einsum("nvh,vhw->nvw", hidden, self.weights) + self.offset + self.missing


class Recurrent(Controller):
    """Each axis given the choices before it."""

    def __init__(self, layout: Layout, rng: np.random.Generator, *, rate: float, entropy: float) -> None:
        self.layout, self.entropy = layout, entropy
        shape = layout.grid.shape
        self.axes = [int(axis) for axis in layout.order if shape[axis] > 1] or [0]
        self.tests = [
            (int(axis), [(parent, torch.from_numpy(holds)) for parent, holds in layout.tests[axis]])
            for axis in layout.order
        ]
        self.generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(rng.integers(2**62)))
            self.walk = Walk([shape[axis] for axis in self.axes])
        self.ascent = torch.optim.Adam(self.walk.parameters(), rate)

    @torch.no_grad()
    def draw(self, n: int) -> Marked:
        """As `Controller.draw`."""
        rows = torch.full((n, len(self.layout.grid.axes)), -1, dtype=torch.int64)
        before, state, step = torch.zeros(n, dtype=torch.int64), torch.zeros(1, n, HIDDEN), 0
        for axis, tests in self.tests:
            active, level = torch.ones(n, dtype=torch.bool), torch.zeros(n, dtype=torch.int64)
            for parent, holds in tests:
                active &= (rows[:, parent] >= 0) & holds[rows[:, parent]]
            if axis == self.axes[step % len(self.axes)]:
                logits, state = self.walk.step(step, before, state)
                # the greatest of exponential variables with these rates' logarithms: as good a draw, and a faster one
                chance = torch.empty_like(logits).exponential_(generator=self.generator)
                level = (logits - chance.log()).argmax(1)
                before, step = torch.where(active, level, -1), step + 1
            rows[:, axis] = torch.where(active, level, -1)
        return rows.numpy().astype(np.int32)

    def learn(self, rows: Marked, advantage: Floats) -> float:
        """As `Controller.learn`."""
        chosen = torch.from_numpy(rows[:, self.axes].astype(np.int64))
        logs = self.walk(chosen).log_softmax(2)
        active = chosen >= 0
        taken = logs.gather(2, chosen.clamp_min(0)[..., None])[..., 0]
        surprise = -(logs.exp() * logs.clamp_min(-1e4)).sum(2)
        bits = torch.where(active, surprise, 0.0).sum(1).mean()
        worth = torch.from_numpy(advantage.astype(np.float32)) * torch.where(active, taken, 0.0).sum(1)
        self.ascent.zero_grad()
        (-worth.mean() - self.entropy * bits).backward()  # type: ignore[no-untyped-call]
        self.ascent.step()
        return float(bits.detach()) / float(np.log(2))
