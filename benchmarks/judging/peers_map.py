"""Hyperparameters of BoTorch's SingleTaskGP, found fast.

Notation: X (k, c) inputs, y (k,) standardised losses, m mean, l (c,) length scales, s noise variance,
K = exp(-1/2 sum_j (x_j - x'_j)^2 / l_j^2), C = K + s I.

The model of BoTorch 0.18 as it comes (Hvarfner et al., ICML 2024): no output scale, and priors

    l_j ~ LogNormal(sqrt 2 + log(c) / 2, sqrt 3), at least 0.025        s ~ LogNormal(-4, 1), at least 1e-4

and its objective, log N(y; m, C) + log p(l) + log p(s), by L-BFGS from the priors' modes. BoTorch's own
fit asks automatic differentiation through GPyTorch for what is k x k here: it takes 0.4 s where this takes
0.01 s, and a comparison fits a hundred thousand models. The tests hold the two against each other.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize

from forerun.space import Floats

ITERATIONS = 40
LEAST_SCALE, LEAST_NOISE = 0.025, 1e-4
MOST = 12.0
"""Of the logarithms of length scales and noise."""
NOISE_PRIOR = (-4.0, 1.0)
SCALE_PRIOR_STD = np.sqrt(3)


@dataclass(frozen=True)
class Process:
    """A Gaussian process that has seen data."""

    X: Floats
    """(k, c)"""
    mean: float
    scales: Floats
    """(c,)"""
    noise: float
    factor: Floats
    """(k, k) lower Cholesky factor of C."""
    weights: Floats
    """(k,) C^-1 (y - m)"""

    @classmethod
    def fit(cls, X: Floats, y: Floats) -> "Process":
        """Maximise a posteriori."""
        k, c = X.shape
        center = np.sqrt(2) + np.log(c) / 2
        apart = (X[:, None, :] - X[None, :, :]) ** 2
        apart = np.ascontiguousarray(apart.reshape(k * k, c))

        def loss(theta: Floats) -> tuple[float, Floats]:
            m, log_scales, log_noise = theta[0], theta[1:-1], theta[-1]
            K = np.exp(-0.5 * (apart @ np.exp(-2 * log_scales))).reshape(k, k)
            C = K + np.exp(log_noise) * np.eye(k)
            L = cholesky(C, lower=True)
            inverse = cho_solve((L, True), np.eye(k))
            alpha = inverse @ (y - m)
            # half of (alpha alpha^T - C^-1), whose product with dC is the gradient of the likelihood
            A = (np.outer(alpha, alpha) - inverse) / 2
            value = 0.5 * (y - m) @ alpha + np.log(np.diag(L)).sum()
            value += np.sum(log_scales + (log_scales - center) ** 2 / (2 * SCALE_PRIOR_STD**2))
            value += log_noise + (log_noise - NOISE_PRIOR[0]) ** 2 / (2 * NOISE_PRIOR[1] ** 2)
            by_scales = ((A * K).ravel() @ apart) * np.exp(-2 * log_scales)
            gradient = np.concatenate(
                [
                    [-alpha.sum()],
                    -by_scales + 1 + (log_scales - center) / SCALE_PRIOR_STD**2,
                    [-np.trace(A) * np.exp(log_noise) + 1 + (log_noise - NOISE_PRIOR[0]) / NOISE_PRIOR[1] ** 2],
                ]
            )
            return float(value), gradient

        modes = [0.0, *np.full(c, center - SCALE_PRIOR_STD**2), NOISE_PRIOR[0] - NOISE_PRIOR[1] ** 2]
        # the upper bounds are never where the maximum is: they keep a wild step of the line search finite
        bounds = [(None, None), *[(np.log(LEAST_SCALE), MOST)] * c, (np.log(LEAST_NOISE), MOST)]
        start = np.array([modes[0], *np.maximum(modes[1:-1], np.log(LEAST_SCALE)), modes[-1]])
        best = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": ITERATIONS}).x
        return cls.of(X, y, float(best[0]), np.exp(best[1:-1]), float(np.exp(best[-1])))

    @classmethod
    def of(cls, X: Floats, y: Floats, mean: float, scales: Floats, noise: float) -> "Process":
        """Condition on data, with known hyperparameters."""
        L = cholesky(kernel(X, X, scales) + noise * np.eye(len(X)), lower=True)
        return cls(X, mean, scales, noise, L, cho_solve((L, True), y - mean))

    def predict(self, X: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation (n,) of the noise-free function."""
        mean, half = self.reduced(X)
        return mean, spread(half)

    def reduced(self, X: Floats) -> tuple[Floats, Floats]:
        """Mean (n,), and the half (k, n) whose square the data took from the prior covariance of X (n, c)."""
        across = kernel(X, self.X, self.scales)
        return self.mean + across @ self.weights, solve_triangular(self.factor, across.T, lower=True)

    def left_out(self, y: Floats) -> tuple[Floats, Floats]:
        """Mean and std (k,) of each trial's function value without that trial (Rasmussen & Williams 2006, 5.12)."""
        inverse = cho_solve((self.factor, True), np.eye(len(y)))
        variance = 1 / np.diag(inverse)
        return y - self.weights * variance, np.sqrt(np.maximum(variance - self.noise, 1e-10))


def spread(half: Floats) -> Floats:
    """Standard deviation (..., n) of the noise-free function, from halves (..., k, n)."""
    return np.sqrt(np.maximum(1 - (half**2).sum(axis=-2), 1e-10))


def kernel(A: Floats, B: Floats, scales: Floats) -> Floats:
    """Prior covariance (n, m) of A (n, c) and B (m, c)."""
    A, B = A / scales, B / scales
    squares = (A**2).sum(axis=1)[:, None] + (B**2).sum(axis=1) - 2 * A @ B.T
    return np.exp(-0.5 * np.maximum(squares, 0))
