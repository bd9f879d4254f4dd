"""FSBO: few-shot Bayesian optimisation (Wistuba & Grabocka, ICLR 2021), after the paper: it has no package.

Notation: B tasks a batch, n trials of each, c inputs, phi the network, k trials seen.

A Gaussian process whose kernel is a Matern-5/2 on phi(x), with phi a network of four layers of 128 units.
Network and kernel are trained together on the source tasks' marginal likelihood; labels of each task are
scaled by a random range in every step (the paper's task augmentation), (y - l) / (u - l) with l, u drawn in
the task's range, so that the scale of a new task need not be known. On the target, all parameters are adapted
by `STEPS` gradient steps from the meta-trained ones, anew for each trial, on losses scaled by the range seen.
Expected improvement chooses. The paper finds its first configurations by an evolutionary search for the set
that is best on the sources; among finite candidates the first `START` are the greedy portfolio's (`simple`).
Where the paper trains for hours, this trains `EPISODES` batches with Adam.
"""

import copy
from itertools import pairwise
from typing import Any, Self

import numpy as np
import torch
from scipy.stats import norm
from torch import Tensor, nn

from forerun.metadata import MetaDataset
from forerun.metalearners.threads import one_thread
from forerun.space import Floats
from judging.base import Candidates, Method, Seen
from judging.peers_inputs import Inputs, highest, known, source_losses, untried
from judging.regret import Ends
from judging.simple import Portfolio

START = 5
EPISODES = 1000
BATCH = 8
POINTS = 40
RATE = 1e-3
STEPS = 10
LEAST_RANGE = 0.2
"""Of l, u: below it labels would explode."""


class DeepKernel(nn.Module):
    """The marginal likelihood and the posterior of a deep-kernel GP."""

    def __init__(self, inputs: int, generator: torch.Generator) -> None:
        super().__init__()
        widths = [inputs, 128, 128, 128, 128]
        layers: list[nn.Module] = []
        for a, b in pairwise(widths):
            layers += [nn.Linear(a, b), nn.ReLU()]
        self.network = nn.Sequential(*layers[:-1])
        for layer in self.network:
            if isinstance(layer, nn.Linear):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
                nn.init.zeros_(layer.bias)
        # mean, and logarithms of length scale, output scale and noise variance
        self.kernel = nn.Parameter(torch.tensor([0.5, 2.0, -1.0, -5.0]))
        self.double()

    def covariance(self, A: Tensor, B: Tensor) -> Tensor:
        """Matern-5/2 between features (..., n, 128) and (..., m, 128)."""
        squares = (A**2).sum(-1)[..., :, None] + (B**2).sum(-1)[..., None, :] - 2 * A @ B.mT
        r = (5 * squares.clamp(min=0) + 1e-10).sqrt() / self.kernel[1].exp()
        return self.kernel[2].exp() * (1 + r + r**2 / 3) * (-r).exp()

    def conditioned(self, X: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features, Cholesky factor and whitened residuals (..., n, 1) of the data."""
        F = self.network(X)
        noise = self.kernel[3].exp().clamp(min=1e-5) * torch.eye(X.shape[-2], dtype=X.dtype)
        L = torch.linalg.cholesky(self.covariance(F, F) + noise)
        return F, L, torch.linalg.solve_triangular(L, (y - self.kernel[0])[..., None], upper=False)

    def loss(self, X: Tensor, y: Tensor) -> Tensor:
        """Negative log marginal likelihood of X (..., n, c), y (..., n), for each trial."""
        _, L, white = self.conditioned(X, y)
        nll = 0.5 * (white**2).sum((-1, -2)) + L.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        return nll.mean() / X.shape[-2]

    def predict(self, X: Tensor, y: Tensor, new: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and std (m,) at new inputs (m, c)."""
        F, L, white = self.conditioned(X, y)
        across = torch.linalg.solve_triangular(L, self.covariance(F, self.network(new)), upper=False)
        variance = self.kernel[2].exp() - (across**2).sum(0)
        return self.kernel[0] + (across.mT @ white)[:, 0], variance.clamp(min=1e-10).sqrt()


class FewShot(Method):
    """A deep kernel that is meta-trained and adapted."""

    @one_thread()
    def fit(self, meta: MetaDataset, rng: np.random.Generator) -> Self:
        self.inputs_ = Inputs.of(meta.space, meta.X)
        self.start_ = Portfolio().fit(meta, rng)
        Z = torch.from_numpy(self.inputs_(meta.X))
        tasks = [(Z[rows], torch.from_numpy(scaled(losses))) for rows, losses in source_losses(meta)]
        generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
        self.model_ = DeepKernel(Z.shape[1], generator)
        optimizer = torch.optim.Adam(self.model_.parameters(), lr=RATE)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPISODES)
        for _ in range(EPISODES):
            _step(self.model_, optimizer, *episode(tasks, rng))
            schedule.step()
        self.last_: tuple[Any, ...] = (None, None)
        """Candidates that were asked about last, and their inputs: a cache."""
        return self

    @one_thread()
    def choose(self, candidates: Candidates, seen: Seen, rng: np.random.Generator) -> int:
        if len(seen.rows) < START:
            return self.start_.choose(candidates, seen, rng)
        if self.last_[0] is not candidates:
            self.last_ = (candidates, torch.from_numpy(self.inputs_(candidates.X)))
        X = self.last_[1]
        left, tried = untried(candidates, seen), list(seen.rows)
        y = torch.from_numpy(scaled(known(seen)))
        model = copy.deepcopy(self.model_)
        optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
        for _ in range(STEPS):
            _step(model, optimizer, X[tried], y)
        with torch.no_grad():
            mean, std = (v.numpy() for v in model.predict(X[tried], y, X[left]))
        return highest(_log_improvement(mean, std, float(y.min())), left, rng)


def episode(tasks: list[tuple[Tensor, Tensor]], rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Inputs (B, n, c) and randomly scaled labels (B, n) of some trials of some tasks."""
    chosen = rng.integers(len(tasks), size=BATCH)
    n = min(POINTS, *(len(tasks[t][1]) for t in chosen))
    X, y = [], []
    for t in chosen:
        some = torch.from_numpy(rng.permutation(len(tasks[t][1]))[:n])
        low = rng.uniform(0, 1 - LEAST_RANGE)
        high = rng.uniform(low + LEAST_RANGE, 1)
        X.append(tasks[t][0][some])
        y.append((tasks[t][1][some] - low) / (high - low))
    return torch.stack(X), torch.stack(y)


def _step(model: DeepKernel, optimizer: torch.optim.Optimizer, X: Tensor, y: Tensor) -> None:
    optimizer.zero_grad()
    model.loss(X, y).backward()
    optimizer.step()


def _log_improvement(mean: Floats, std: Floats, best: float) -> Floats:
    """Log of the expected improvement (m,) below the best loss, std (phi(z) + z Phi(z)), also where it underflows."""
    z = (best - mean) / std
    near = np.maximum(z, -8)
    far = np.minimum(z, -8)
    # Mills' ratio: phi(z) + z Phi(z) = phi(z) / z^2 (1 - 3 / z^2 + ...), set to meet the other branch
    exact = np.log(norm.pdf(near) + near * norm.cdf(near))
    tail = norm.logpdf(far) - 2 * np.log(-far) - (norm.logpdf(-8) - 2 * np.log(8.0))
    return np.log(std) + exact + tail


def scaled(losses: Floats) -> Floats:
    """Losses of one task in [0, 1]; equal ones are all 0."""
    return Ends.of(losses).regret(losses)
