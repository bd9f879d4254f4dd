"""The network of the recurrent optimizer: from the trials so far to logits for every axis.

An LSTM reads trials one after the other, and decides how to explore. It alone hardly learns to read results: told
random numbers instead it does as well, for a good sequence of configurations is easier to learn. So it has a memory of
all trials beside it, as a shortcut: a regression of results on embedded configurations in closed form (the posterior
mean of Bayesian linear regression, or attention with softmax replaced by the inverse Gram matrix),

    Phi = (X - mean) E    a = (Phi Phi' + lambda I)^-1 z    blame = E Phi' a    logits = head(h) - gain(h) rows blame

with z the results, standardised over all so far. E (the covariance of what functions may be like), lambda and the gain
are learned. Bertinetto et al., "Meta-learning with differentiable closed-form solvers", ICLR 2019.

Notation: n trajectories of t trials, A axes of at most W levels, d encoded columns, H hidden numbers.
"""

from typing import NamedTuple

import torch
from torch import nn

from forerun.search.recurrent.choices import Choices

TOLD = 3
"""Numbers that tell the LSTM a result."""
FAR = 4.0
"""In standard deviations, beyond which results are alike."""


class State(NamedTuple):
    """What is remembered of n trajectories."""

    hidden: torch.Tensor
    """(n, H)"""
    cell: torch.Tensor
    """(n, H)"""
    X: torch.Tensor
    """(n, t, d) encoded configurations."""
    results: torch.Tensor
    """(n, t) lower is better."""


class Proposer(nn.Module):
    """The LSTM and its memory."""

    def __init__(self, choices: Choices, hidden: int) -> None:
        super().__init__()
        self.shape, self.rows = (choices.axes, choices.widest), choices.rows
        columns = self.rows.shape[1]
        self.cell = nn.LSTMCell(columns + TOLD, hidden)
        self.start = nn.Parameter(torch.zeros(2, hidden))
        self.head, self.gain = nn.Linear(hidden, len(self.rows)), nn.Linear(hidden, 1)
        self.embedding, self.log_noise = nn.Parameter(torch.eye(columns)), nn.Parameter(torch.zeros(()))
        nn.init.ones_(self.gain.bias)

    def begin(self, n: int) -> State:
        """Before any trial of n functions."""
        start, columns = self.start[:, None].expand(-1, n, -1), len(self.embedding)
        return State(start[0], start[1], torch.zeros(n, 0, columns), torch.zeros(n, 0))

    def read(self, X: torch.Tensor, results: torch.Tensor, state: State) -> State:
        """After one more trial of each: encoded configurations (n, d) and their results (n,)."""
        told = torch.cat([state.results, results[:, None]], dim=1)
        hidden, cell = self.cell(torch.cat([X, tell(told)], dim=1), (state.hidden, state.cell))
        return State(hidden, cell, torch.cat([state.X, X[:, None]], dim=1), told)

    def logits(self, state: State) -> torch.Tensor:
        """(n, A, W)"""
        found = self.head(state.hidden)
        if state.results.shape[1] > 1:  # the first result says nothing without another
            found = found - nn.functional.softplus(self.gain(state.hidden)) * (self.blame(state) @ self.rows.T)
        return torch.as_tensor(found).reshape(-1, *self.shape)

    def blame(self, state: State) -> torch.Tensor:
        """How much worse every encoded column makes a result, by the regression (n, d)."""
        Phi = (state.X - state.X.mean(dim=1, keepdim=True)) @ self.embedding
        gram = Phi @ Phi.transpose(1, 2) + self.log_noise.exp() * torch.eye(Phi.shape[1])
        a = torch.linalg.solve(gram, standardised(state.results)[..., None])
        return torch.as_tensor((Phi.transpose(1, 2) @ a)[..., 0] @ self.embedding.T)


def standardised(results: torch.Tensor) -> torch.Tensor:
    """Results (n, t) in their standard deviations, from their mean."""
    return (results - results.mean(dim=1, keepdim=True)) / _spread(results)[:, None]


def tell(results: torch.Tensor) -> torch.Tensor:
    """What the LSTM is told of the last of some results (n, t): (n, TOLD), whatever their unit.

    How far it is from the mean of those so far, and from the best before it, in their standard deviations.
    """
    last = results[:, -1]
    before = results[:, :-1].min(dim=1).values if results.shape[1] > 1 else last
    better = (before - last) / _spread(results)
    first = torch.full_like(last, float(results.shape[1] == 1))
    return torch.stack([standardised(results)[:, -1].clamp(-FAR, FAR), better.clamp(-FAR, FAR), first], dim=1)


def _spread(results: torch.Tensor) -> torch.Tensor:
    return results.std(dim=1, correction=0).clamp_min(1e-30)
