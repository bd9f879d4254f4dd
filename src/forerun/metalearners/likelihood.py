"""Marginal likelihoods that networks are trained by, of targets that have a Gaussian prior.

Notation: b trials of a task, p features; leading axes are members and tasks.
"""

from math import log, pi
from typing import Any

import torch

PADDING = 1e9
"""Noise variance of a trial that does not count."""


def noises(noise: torch.Tensor, luck: torch.Tensor, failed: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """Noise variances (..., b) of trials: larger by 1 / luck where failed, without end where it is not real."""
    return torch.where(real, noise * torch.where(failed, 1 / luck, 1.0), PADDING)


def low_rank(Phi: torch.Tensor, r: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """log N(r | 0, Phi Phi' + diag(noise)) for Phi (..., b, p), r and noise (..., b), by matrices (p, p).

    Woodbury: with A = I + Phi' diag(noise)^-1 Phi the determinant is that of A times the noises.
    """
    heavy = Phi / noise[..., None]
    L = torch.linalg.cholesky(torch.eye(Phi.shape[-1], dtype=Phi.dtype) + Phi.mT @ heavy)
    along = torch.linalg.solve_triangular(L, heavy.mT @ r[..., None], upper=False)[..., 0]
    squares = (r**2 / noise).sum(-1) - (along**2).sum(-1)
    logs = 2 * torch.log(L.diagonal(dim1=-2, dim2=-1)).sum(-1) + torch.log(noise).sum(-1)
    found: torch.Tensor = -0.5 * (squares + logs + r.shape[-1] * log(2 * pi))
    return found


def full_rank(K: torch.Tensor, r: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """log N(r | 0, K + diag(noise)) for K (..., b, b), r and noise (..., b)."""
    found: torch.Tensor = _FullRank.apply(K, r, noise)  # type: ignore[no-untyped-call]
    return found


class _FullRank(torch.autograd.Function):
    """With the slopes of Rasmussen and Williams (2006), eq. 5.9: those through a Cholesky factor cost several times."""

    @staticmethod
    def forward(ctx: Any, K: torch.Tensor, r: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        L = torch.linalg.cholesky(K + torch.diag_embed(noise))
        inverse = torch.cholesky_inverse(L)
        along = (inverse @ r[..., None])[..., 0]
        ctx.save_for_backward(inverse, along)
        logs = 2 * torch.log(L.diagonal(dim1=-2, dim2=-1)).sum(-1)
        return -0.5 * ((along * r).sum(-1) + logs + r.shape[-1] * log(2 * pi))

    @staticmethod
    def backward(ctx: Any, *slopes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        inverse, along = ctx.saved_tensors
        (slope,) = slopes
        of_K = 0.5 * slope[..., None, None] * (along[..., :, None] * along[..., None, :] - inverse)
        return of_K, -slope[..., None] * along, of_K.diagonal(dim1=-2, dim2=-1)
