"""A recurrent network that optimizes black boxes, learned from functions of the same family.

Chen, Hoffman, Colmenarejo, Denil, Lillicrap, Botvinick and de Freitas, "Learning to learn without gradient descent by
gradient descent", ICML 2017. An LSTM sees the configuration it tried last with its result, and proposes the next by
logits for every axis. While it learns, the function is known and has gradients; when it is used, it is asked for values
alone, and nothing is fitted. The meta-loss is summed over the trajectory: the best so far, and a little of each value.

What it is told of a result does not depend on the unit of the loss: how far it is from the mean of those so far, and
from the best before it, in their standard deviations.

Notation: A axes of at most W levels, d encoded columns, T trials of a trajectory, B trajectories of a batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Self

import numpy as np
import torch
from torch import nn

from forerun.search.base import Floats, Levels, Score
from forerun.search.recurrent.choices import Choices
from forerun.search.recurrent.family import Family
from forerun.space import Grid, SearchSpace

TOLD = 3
"""Numbers that tell a result."""
DRAWS = 64
COOLER = 0.9
"""What logits are multiplied by from draw to draw, while what is drawn was tried before."""
FAR = 4.0
"""In standard deviations, beyond which results are alike."""


class State(NamedTuple):
    """What is remembered of n trajectories."""

    hidden: torch.Tensor
    """(n, H)"""
    cell: torch.Tensor
    """(n, H)"""
    evidence: torch.Tensor
    """(n, d) the sum of all configurations, each times how bad its result was."""


class Proposer(nn.Module):
    """The LSTM, from trials to logits, with a shortcut: what went along with bad results, level by level.

    The shortcut is what one step of least squares would say, with a length that is learned for every column.
    """

    def __init__(self, choices: Choices, hidden: int) -> None:
        super().__init__()
        self.shape, self.rows = (choices.axes, choices.widest), choices.rows
        columns = self.rows.shape[1]
        self.cell = nn.LSTMCell(columns + TOLD, hidden)
        self.head = nn.Linear(hidden, len(self.rows))
        self.start = nn.Parameter(torch.zeros(2, hidden))
        self.length = nn.Parameter(torch.full((columns,), 0.1))

    def begin(self, n: int) -> State:
        """Before any trial of n functions."""
        return State(self.start[0].expand(n, -1), self.start[1].expand(n, -1), torch.zeros(n, len(self.length)))

    def read(self, X: torch.Tensor, told: torch.Tensor, state: State) -> State:
        """After one more trial of each: encoded configurations (n, d), and what is told of their results (n, TOLD)."""
        hidden, cell = self.cell(torch.cat([X, told], dim=1), (state.hidden, state.cell))
        return State(hidden, cell, state.evidence + X * told[:, :1])

    def logits(self, state: State) -> torch.Tensor:
        """(n, A, W)"""
        found = self.head(state.hidden) - (state.evidence * self.length) @ self.rows.T
        return torch.as_tensor(found).reshape(-1, *self.shape)


@dataclass
class RecurrentOptimizer:
    """Learns once from functions on a grid; then proposes trials on any other of their family."""

    resolution: int = 12
    """Levels of a numeric domain on the grid of what it proposes."""
    hidden: int = 96
    trials: int = 12
    """T"""
    batch: int = 64
    updates: int = 300
    rate: float = 3e-3
    """Of Adam, falling to zero by a cosine."""
    greed: float = 0.2
    """Weight of the values themselves in the meta-loss, beside the best so far."""
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
        values, told = [], torch.zeros(len(which), 0)
        for _ in range(self.trials):
            choice = self.choices_.draw(self._logits(state), generator)
            X = self.choices_.encode(choice)
            values.append(function(X))
            seen = values[-1] + self.noise * torch.randn(len(which), generator=generator)
            told = torch.cat([told, seen[:, None]], dim=1)
            state = self.proposer_.read(X, tell(told), state)
        every = torch.stack(values, dim=1)
        return every.cummin(dim=1).values.mean() + self.greed * every.mean()

    def _logits(self, state: State) -> torch.Tensor:
        return self.proposer_.logits(state) + self.choices_.missing_logits

    @torch.no_grad()
    def logits(self, X: Floats, losses: Floats) -> torch.Tensor:
        """(1, A, W) for the next trial, after trials of encoded configurations X (k, d) with losses (k,).

        Losses may be in any unit; NaN is a failed trial, and as bad as the worst so far.
        """
        state, results = self.proposer_.begin(1), torch.from_numpy(filled(losses))[None]
        encoded = self.choices_.encode(self.choices_.nearest(X))
        for k in range(len(X)):
            state = self.proposer_.read(encoded[k : k + 1], tell(results[:, : k + 1]).float(), state)
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

    @torch.no_grad()
    def distances(self, X: Floats, losses: Floats, candidates: Floats) -> Floats:
        """How far encoded candidates (n, d) are from the proposal for the next trial, (n,)."""
        proposed = self.choices_.encode(self.choices_.likeliest(self.logits(X, losses)))
        encoded = self.choices_.encode(self.choices_.nearest(candidates))
        return np.asarray(((encoded - proposed) ** 2).sum(1).numpy(), dtype=np.float64)


def tell(results: torch.Tensor) -> torch.Tensor:
    """What is told of the last of some results (n, t), lower is better: (n, TOLD), whatever their unit."""
    last, spread = results[:, -1], results.std(dim=1, correction=0).clamp_min(1e-30)
    z = (last - results.mean(dim=1)) / spread
    before = results[:, :-1].min(dim=1).values if results.shape[1] > 1 else last
    better = (before - last) / spread
    first = torch.full_like(last, float(results.shape[1] == 1))
    return torch.stack([z.clamp(-FAR, FAR), better.clamp(-FAR, FAR), first], dim=1)


def filled(losses: Floats) -> Floats:
    """Losses (k,) with the worst so far in place of NaN; before any, with the first that came."""
    known = losses[~np.isnan(losses)]
    worst = np.fmax.accumulate(losses) if len(losses) else losses
    return np.where(np.isnan(losses), np.where(np.isnan(worst), known[0] if len(known) else 0.0, worst), losses)
