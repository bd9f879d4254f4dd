"""A Gaussian process with expected improvement, by BoTorch (Balandat et al., NeurIPS 2020).

`SingleTaskGP` as it comes: RBF kernel with one length scale a column, priors that follow the number of
columns (Hvarfner et al., ICML 2024), outcomes standardised. The candidate with the highest log expected
improvement (Ament et al., NeurIPS 2023) is tried next. The first trials are random. Hyperparameters are
maximised a posteriori with at most `ITERATIONS` iterations of L-BFGS, from where they ended one trial before.
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

RANDOM = 3
"""Trials before the first model."""
ITERATIONS = 40


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
        model = fitted(X[list(seen.rows)], standardised(known(seen)))
        return highest(log_improvement(model, X[left], float(standardised(known(seen)).min())), left, rng)


def fitted(X: Floats, y: Floats) -> Any:
    """Fit `SingleTaskGP` to standardised losses y (k,) of X (k, c)."""
    from botorch.exceptions.warnings import BotorchWarning, OptimizationWarning
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import SingleTaskGP
    from gpytorch.mlls import ExactMarginalLogLikelihood
    from gpytorch.utils.warnings import NumericalWarning

    with warnings.catch_warnings():
        # that the iterations end early is meant; jitter on a singular matrix is how BoTorch goes on
        for category in (BotorchWarning, OptimizationWarning, NumericalWarning):
            warnings.simplefilter("ignore", category)
        model = SingleTaskGP(torch.from_numpy(X), torch.from_numpy(y)[:, None], outcome_transform=None)
        mll = ExactMarginalLogLikelihood(model.likelihood, model)
        fit_gpytorch_mll(mll, optimizer_kwargs={"options": {"maxiter": ITERATIONS}}, max_attempts=1)
    return model


def log_improvement(model: Any, X: Floats, best: float) -> Floats:
    """Log expected improvement (n,) below the best loss."""
    from botorch.acquisition import LogExpectedImprovement

    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return LogExpectedImprovement(model, best, maximize=False)(torch.from_numpy(X)[:, None]).numpy()
