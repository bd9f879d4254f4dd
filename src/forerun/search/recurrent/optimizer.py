"""A recurrent network that optimizes black boxes, learned from functions of the same family.

Chen, Hoffman, Colmenarejo, Denil, Lillicrap, Botvinick and de Freitas, "Learning to learn without gradient descent by
gradient descent", ICML 2017. A network (`proposer`) sees the configurations it tried with their results, and proposes
the next by logits for every axis. While it learns, the function is known and has gradients; when it is used, it is
asked for values alone, and nothing is fitted. The meta-loss is the best so far, summed over the trajectory.

Notation: A axes of at most W levels, d encoded columns, T trials of a trajectory, B trajectories of a batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import torch
from torch import nn

from forerun.search.base import Floats, Levels, Score
from forerun.search.recurrent.choices import Choices
from forerun.search.recurrent.family import Family
from forerun.search.recurrent.proposer import Proposer, State
from forerun.space import Grid, SearchSpace

DRAWS = 64
COOLER = 0.9
"""What logits are multiplied by from draw to draw, while what is drawn was tried before."""


@dataclass
class RecurrentOptimizer:
    """Learns once from functions on a grid; then proposes trials on any other of their family."""

    resolution: int = 12
    """Levels of a numeric domain on the grid of what it proposes."""
    hidden: int = 96
    trials: int = 12
    """T"""
    batch: int = 32
    updates: int = 200
    rate: float = 3e-3
    """Of Adam, falling to zero by a cosine."""
    noise: float = 0.1
    """Standard deviation of what is added to results while it learns, in those of a function."""
    grid_: Grid = field(init=False, repr=False)
    choices_: Choices = field(init=False, repr=False)
    proposer_: Proposer = field(init=False, repr=False)
    curve_: list[float] = field(init=False, repr=False)
    """The meta-loss of every update."""

    def fit(self, functions: Sequence[Score], space: SearchSpace, rng: np.random.Generator) -> Self:
        """Learn from functions of encoded configurations of a space. Forgets the past, returns self.

        They must say what they are made of (`space.Additive`), so that they have gradients. Raises ValueError for
        one that does not.
        """
        self.prepare(space, int(rng.integers(2**62)))
        family, generator = Family(functions, self.grid_, rng), torch.Generator().manual_seed(int(rng.integers(2**62)))
        descent = torch.optim.Adam(self.proposer_.parameters(), self.rate)
        fall = torch.optim.lr_scheduler.CosineAnnealingLR(descent, self.updates)
        self.curve_ = []
        for _ in range(self.updates):
            loss = self._meta_loss(family, torch.randint(len(family), (self.batch,), generator=generator), generator)
            descent.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self.proposer_.parameters(), 1.0)
            descent.step()
            fall.step()
            self.curve_.append(float(loss.detach()))
        return self

    def prepare(self, space: SearchSpace, seed: int) -> None:
        """Be an optimizer for a space that has learned nothing yet."""
        self.grid_ = space.grid(self.resolution)
        self.choices_ = Choices(self.grid_)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.proposer_ = Proposer(self.choices_, self.hidden)

    def _meta_loss(self, family: Family, which: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Of a trajectory on each of B functions."""
        function, state = family.batch(which), self.proposer_.begin(len(which))
        values = []
        for _ in range(self.trials):
            X = self.choices_.encode(self.choices_.draw(self._logits(state), generator))
            values.append(function(X))
            noise = self.noise * torch.randn(len(which), generator=generator)
            state = self.proposer_.read(X, values[-1] + noise, state)
        return torch.stack(values, dim=1).cummin(dim=1).values.mean()

    def _logits(self, state: State) -> torch.Tensor:
        return self.proposer_.logits(state) + self.choices_.missing_logits

    @torch.no_grad()
    def logits(self, X: Floats, losses: Floats) -> torch.Tensor:
        """(1, A, W) for the next trial, after trials of encoded configurations X (k, d) with losses (k,).

        Losses may be in any unit; NaN is a failed trial, and as bad as the worst so far.
        """
        state, results = self.proposer_.begin(1), torch.from_numpy(unitless(losses)).float()
        encoded = self.choices_.encode(self.choices_.nearest(X))
        for k in range(len(X)):
            state = self.proposer_.read(encoded[k : k + 1], results[k : k + 1], state)
        return self._logits(state)

    def propose(self, X: Floats, losses: Floats, rng: np.random.Generator) -> Levels:
        """The row (A,) to try next: the likeliest, or if it was tried one that is drawn, ever more at random."""
        logits, tried = self.logits(X, losses), self.choices_.nearest(X)
        choice = self.choices_.likeliest(logits)
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        for draw in range(DRAWS):
            if not (tried == choice).flatten(1).all(1).any():
                break
            choice = self.choices_.draw(logits * COOLER**draw, generator).round()
        return np.asarray(self.choices_.levels(choice)[0])

    def score(self, X: Floats, losses: Floats) -> Score:
        """How far encoded configurations (n, d) are from the likeliest next trial, in logits, summed over axes (n,)."""
        logits = self.logits(X, losses)[0]
        lost = torch.where(logits.isfinite(), logits.max(dim=1, keepdim=True).values - logits, 0.0)

        def score(candidates: Floats) -> Floats:
            apart = (self.choices_.nearest(candidates) * lost).sum(dim=(1, 2))
            return np.asarray(apart.numpy(), dtype=np.float64)

        return score


def unitless(losses: Floats) -> Floats:
    """Losses (k,) from their mean in their standard deviations; NaN, a failed trial, is as bad as the worst so far.

    A failure before any result is as bad as the first result.
    """
    known = losses[~np.isnan(losses)]
    if not len(known) or np.ptp(known) == 0:
        return np.zeros(len(losses))
    worst = np.fmax.accumulate(losses)
    filled = np.where(np.isnan(losses), np.where(np.isnan(worst), known[0], worst), losses)
    return np.asarray((filled - filled.mean()) / filled.std())
