"""A Gaussian process with expected improvement, by BoTorch (Balandat et al., NeurIPS 2020).

`SingleTaskGP` as it comes: RBF kernel with one length scale a column and priors that follow the number of
columns (Hvarfner et al., ICML 2024), on standardised losses. The candidate with the highest log expected
improvement (Ament et al., NeurIPS 2023) is tried next. The first `RANDOM` trials are random. Model and
acquisition are BoTorch's; its hyperparameters are found by `peers_map`, which maximises the same objective.
"""

import warnings
from typing import Any, Self

import numpy as np
import torch

from forerun.metadata import MetaDataset
from forerun.metalearners.threads import one_thread
from forerun.space import Floats, SearchSpace
from judging.base import Candidates, Method, Seen
from judging.peers_inputs import Inputs, highest, known, standardised, untried
from judging.peers_map import Process

RANDOM = 3
"""Trials before the first model."""


class GaussianProcess(Method):
    """No history: each task starts anew."""

    def fit(self, meta: MetaDataset, rng: np.random.Generator) -> Self:
        self.space_: SearchSpace = meta.space
        self.last_: tuple[Any, ...] = (None, None)
        """Candidates that were asked about last, and the columns that tell them apart: a cache."""
        return self

    @one_thread()
    def choose(self, candidates: Candidates, seen: Seen, rng: np.random.Generator) -> int:
        left = untried(candidates, seen)
        if len(seen.rows) < RANDOM:
            return int(rng.choice(left))
        if self.last_[0] is not candidates:
            self.last_ = (candidates, Inputs.of(self.space_, candidates.X)(candidates.X))
        X = self.last_[1]
        if not X.shape[1]:
            return int(rng.choice(left))
        tried, y = X[list(seen.rows)], standardised(known(seen))
        model = as_botorch(Process.fit(tried, y), y)
        return highest(log_improvement(model, X[left], float(y.min())), left, rng)


def as_botorch(process: Process, y: Floats) -> Any:
    """BoTorch's model with the hyperparameters of a process that has seen standardised losses y (k,)."""
    from botorch.models import SingleTaskGP

    with warnings.catch_warnings():
        # it asks for a standard deviation of 1 also of losses that are all equal
        warnings.simplefilter("ignore")
        model = SingleTaskGP(torch.from_numpy(process.X), torch.from_numpy(y)[:, None], outcome_transform=None)
    model.mean_module.constant = torch.tensor(process.mean)
    model.covar_module.lengthscale = torch.from_numpy(process.scales)
    model.likelihood.noise = torch.tensor(process.noise)
    return model.eval()


def log_improvement(model: Any, X: Floats, best: float) -> Floats:
    """Log expected improvement (n,) below the best loss."""
    from botorch.acquisition import LogExpectedImprovement

    with torch.no_grad(), warnings.catch_warnings():
        # that jitter was added to a matrix is how GPyTorch goes on
        warnings.simplefilter("ignore")
        return LogExpectedImprovement(model, best, maximize=False)(torch.from_numpy(X)[:, None]).numpy()
