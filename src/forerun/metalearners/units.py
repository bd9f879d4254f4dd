"""Where the losses of a target lie, in raw units: what its features say and what its trials say, joined.

    l = a + s (z + e)        a ~ N(a0, A^2),  log s ~ N(b0, B^2),  e ~ N(0, K)

with z (k,) what was predicted of the trials before they were known, on the scale that is linear in the loss,
and K (k, k) how they err together: trials that look good are alike, and near-equal losses of likes do not
mean that the task's unit is small. Given s all is Gaussian in a; s is integrated on a grid. This is for
telling raw losses only: no ranking hangs on it, so here the unit of the history may speak
(`metadata.locate` is for adapting, where it may not).
"""

from dataclasses import replace

import numpy as np
from scipy.special import logsumexp

from forerun.metadata import Standard
from forerun.metalearners.base import Floats, Prediction

GRID = np.linspace(-4, 4, 81)
"""Standard deviations of the prior of log s."""


def settle(prior: Standard, losses: Floats, expected: Prediction, covariance: Floats) -> Standard:
    """Join a prior with raw losses (k,) that were predicted in target units; NaN is left out.

    covariance (k, k) is that of the predicted results, in target units.
    """
    known = np.isfinite(losses)
    if not known.any() or not prior.bent:
        return prior
    above, mean, std = losses[known] - prior.location, expected.mean[known], expected.std[known]
    z, slope = prior.unbend(mean), prior.unbend_std(mean, std) / std
    K = covariance[np.ix_(known, known)] * slope[:, None] * slope
    P = np.linalg.inv(K)
    logs = np.log(prior.scale) + GRID * max(prior.log_scale_std, 1e-3)
    s = np.exp(logs)
    residual = above - s[:, None] * z
    precision = P.sum() / s**2 + max(prior.location_std, 1e-12) ** -2
    shift = residual @ P.sum(axis=1) / s**2 / precision
    fit = np.einsum("gi,ij,gj->g", residual, P, residual) / s**2 - shift**2 * precision
    evidence = -0.5 * (fit + np.log(precision) + GRID**2) - len(above) * logs
    share = np.exp(evidence - logsumexp(evidence))
    log_scale = float(share @ logs)
    scale = float(np.exp(log_scale))
    # near the trials, location and scale make up for each other: there only the location's own doubt is left
    pivot = float(P.sum(axis=1) @ z / P.sum())
    level = prior.location + float(share @ (shift + s * pivot))
    return replace(
        prior,
        location=level - scale * pivot,
        scale=scale,
        location_std=float(np.sqrt(share @ (1 / precision))),
        log_scale_std=float(np.sqrt(share @ (logs - log_scale) ** 2)),
        pivot=pivot,
    )
