"""A grid as PyTorch sees it: choices of levels, hard ahead and soft behind, that respect conditions.

Every axis is padded to W levels, so that all axes are drawn at once. A choice (n, A, W) holds a one for the level of
every active axis and zeros for inactive ones. It is drawn with Gumbel noise and straight-through gradients: ahead it is
a configuration, behind it is the softmax (Jang, Gu and Poole, ICLR 2017; Bengio et al., 2013). Whether an axis is
active is a product of its parents' choices, so that gradients know what a choice switches on.
"""

import numpy as np
import torch

from forerun.search.base import Floats
from forerun.search.policy.layout import Layout
from forerun.search.tables.products import Tables
from forerun.space import Grid


class Choices:
    """What may be chosen on a grid, and how choices are encoded."""

    def __init__(self, grid: Grid) -> None:
        self.grid, self.layout = grid, Layout(grid)
        self.axes, self.widest = len(grid.axes), max(grid.shape)
        columns = len(grid.encoder.columns)
        rows, base = self.layout.stacked(Tables.of_affine(grid, np.eye(columns), np.zeros(columns)))
        padded = np.zeros((self.axes, self.widest, columns))
        missing = np.full((self.axes, self.widest), -np.inf)
        for axis, (start, size) in enumerate(zip(self.layout.starts, grid.shape, strict=False)):
            padded[axis, :size], missing[axis, :size] = rows[start : start + size], 0.0
        self.rows, self.base = (torch.from_numpy(a.astype(np.float32)) for a in (padded.reshape(-1, columns), base))
        self.missing_logits = torch.from_numpy(missing.astype(np.float32))
        _, _, parents, holds = self.layout.clauses
        clauses = np.zeros((len(parents), self.axes, self.widest), dtype=np.float32)
        clauses[np.arange(len(parents)), parents] = holds
        # (A W, C): in which clauses a level makes what hangs on it active
        self.holds = torch.from_numpy(clauses.reshape(len(parents), self.axes * self.widest).T.copy())

    def draw(self, logits: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Choices (n, A, W), one from each row of logits (n, A, W)."""
        uniform = torch.rand(logits.shape, generator=generator).clamp(1e-6, 1 - 1e-6)
        soft = (logits - torch.log(-torch.log(uniform))).softmax(2)
        return self._active(one_hot(soft) + soft - soft.detach())

    def likeliest(self, logits: torch.Tensor) -> torch.Tensor:
        """Choices (n, A, W): of every axis the likeliest level."""
        return self._active(one_hot(logits))

    def _active(self, choice: torch.Tensor) -> torch.Tensor:
        """The choice without those of inactive axes."""
        met, clause = (choice.flatten(1) @ self.holds).unbind(1), 0
        active: dict[int, torch.Tensor] = {}
        for group in self.layout.groups:
            on = torch.ones(len(choice))
            for parent, _ in self.layout.tests[group[0]]:
                on, clause = on * active[parent] * met[clause], clause + 1
            active |= dict.fromkeys(group, on)
        return choice * torch.stack([active[axis] for axis in range(self.axes)], dim=1)[..., None]

    def encode(self, choice: torch.Tensor) -> torch.Tensor:
        """Encoded configurations (n, d) of choices (n, A, W)."""
        return choice.flatten(1) @ self.rows + self.base

    def nearest(self, X: Floats) -> torch.Tensor:
        """Choices (n, A, W) nearest to encoded configurations (n, d), with nothing for what is inactive or absent."""
        found = np.zeros((len(X), self.axes, self.widest), dtype=np.float32)
        encoder = self.grid.encoder
        for axis, (columns, table) in enumerate(self.grid.tables):
            group = encoder.groups.get(self.grid.axes[axis].domain)
            if group is None:  # the encoder has no such domain
                continue
            # the last two of a domain's columns say that it is inactive, or absent
            own = columns < group.stop - 2
            apart = ((X[:, None, columns[own]] - table[:-1, own]) ** 2).sum(axis=2)
            there = X[:, group.stop - 2 : group.stop].max(axis=1) < 0.5
            found[np.flatnonzero(there), axis, apart.argmin(axis=1)[there]] = 1
        return torch.from_numpy(found)

    def levels(self, choice: torch.Tensor) -> np.ndarray:
        """The rows (n, A) of choices, level 0 for inactive axes."""
        return choice.argmax(2).numpy().astype(np.int64)


def one_hot(scores: torch.Tensor) -> torch.Tensor:
    """A one where the last dimension is greatest."""
    return torch.zeros_like(scores).scatter_(-1, scores.argmax(-1, keepdim=True), 1.0)
