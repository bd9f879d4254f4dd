"""The exact update of a Gaussian prior over weights by a few trials whose unit and offset are unknown.

Notation: k trials, p basis functions, Phi (k, p), y (k,) target units up to an unknown offset a and unit u.

    u y_i + a = mu_i + Phi_i delta + noise,    delta ~ N(0, D),    a flat,    log u ~ N(0, UNIT_DOUBT^2)

Failed trials are bad in absolute terms: theirs is u = 1, a = 0. With K = Phi D Phi' + diag(noise) and v the
indicator of trials that have an offset, everything goes through the projection

    P = K^-1 - K^-1 v v' K^-1 / (v' K^-1 v)

which sees only differences between trials (restricted likelihood, Patterson and Thompson 1971). The unit
is integrated out on a grid; the mean of delta is linear in u, so only two moments of u are needed.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp

from forerun.metalearners.base import Floats
from forerun.metalearners.hierarchy import Hierarchy

UNIT_DOUBT = 0.7
"""Of log u: what `metadata.locate` makes of a handful of losses is good to a factor of two."""
UNITS = np.exp(np.linspace(-2.5, 2.5, 51))


@dataclass(frozen=True)
class Data:
    """Trials of the target, ready for the update."""

    Phi: Floats
    """(k, p)"""
    y: Floats
    """(k,) finite"""
    floating: npt.NDArray[np.bool_]
    """(k,) whether offset and unit of y are unknown."""
    noise: Floats
    """(k,) variances."""


@dataclass(frozen=True)
class Belief:
    """A Gaussian over weights, one of the hypotheses of a mixture."""

    mean: Floats
    """(p,)"""
    covariance: Floats
    """(p, p)"""
    lean: Floats
    """(p,) direction in which the mean moves with the unit, times its standard deviation."""
    evidence: float = 0.0
    """Log likelihood of the trials, up to a constant that all hypotheses share."""

    def predict(self, Phi: Floats) -> tuple[Floats, Floats]:
        """Mean and variance (n,) of Phi (n, p) times the weights."""
        variance = np.einsum("ni,ni->n", Phi @ self.covariance, Phi) + (Phi @ self.lean) ** 2
        return np.asarray(Phi @ self.mean), np.maximum(variance, 0.0)

    def draw(self, rng: np.random.Generator) -> Floats:
        """Weights (p,), drawn from this belief."""
        # eigenvectors, not Cholesky: many trials leave directions without any doubt
        variances, vectors = np.linalg.eigh(self.covariance)
        noise = vectors @ (np.sqrt(np.maximum(variances, 0.0)) * rng.standard_normal(len(variances)))
        return np.asarray(self.mean + noise + self.lean * rng.standard_normal())


def known(weights: Floats) -> Belief:
    """The belief that the weights (p,) are these, without doubt."""
    return Belief(weights, np.zeros((len(weights), len(weights))), np.zeros(len(weights)))


def hypotheses(h: Hierarchy, c: Floats) -> tuple[Belief, ...]:
    """The hypotheses transfer and scratch for a task with coordinates c, before any trial."""
    nothing = np.zeros(len(h.loose))
    return Belief(h.weights(c), h.covariance(c), nothing), Belief(nothing, np.diag(h.loose), nothing)


@dataclass(frozen=True)
class Pull:
    """How k trials move a Gaussian prior: by the covariances C (n, k) of anything with what the trials measured."""

    mean: Floats
    """(k,) the mean moves by C mean."""
    precision: Floats
    """(k, k) P: the covariance shrinks by C P C'."""
    lean: Floats
    """(k,) C lean is the direction in which the mean moves with the unit, times its standard deviation."""
    evidence: float
    """As that of a belief."""


def pull(K: Floats, expected: Floats, y: Floats, floating: npt.NDArray[np.bool_]) -> Pull:
    """Condition on results y (k,), of which the prior expected a mean (k,) and a covariance K (k, k) with noise."""
    precision = np.asarray(np.linalg.inv(K), dtype=float)
    evidence = -0.5 * float(np.linalg.slogdet(K)[1])
    v = floating.astype(float)
    offsets = int(floating.sum())
    if offsets:
        along = precision @ v
        total = float(v @ along)
        precision = precision - np.outer(along, along) / total
        evidence -= 0.5 * float(np.log(total))
    known = np.where(floating, 0.0, y) - expected
    moving = np.where(floating, y, 0.0)
    unit, spread, fit = _integrate_unit(precision, moving, known, offsets)
    along = precision @ moving
    return Pull(unit * along + precision @ known, precision, spread * along, evidence + fit)


def update(prior: Belief, data: Data) -> Belief:
    """Condition a belief on trials. No trial leaves it as it is, and so does one with an offset."""
    if len(data.y) == 0:
        return prior
    D = prior.covariance
    DPhi = D @ data.Phi.T
    found = pull(data.Phi @ DPhi + np.diag(data.noise), data.Phi @ prior.mean, data.y, data.floating)
    covariance = D - DPhi @ found.precision @ DPhi.T
    return Belief(prior.mean + DPhi @ found.mean, covariance, DPhi @ found.lean, found.evidence)


def _integrate_unit(P: Floats, floating: Floats, known: Floats, offsets: int) -> tuple[float, float, float]:
    """Mean and standard deviation of u, and the log evidence of residuals u * floating + known."""
    squares = float(floating @ P @ floating), float(floating @ P @ known), float(known @ P @ known)
    if offsets < 2:
        return 1.0, 0.0, -0.5 * (squares[0] + 2 * squares[1] + squares[2])
    logs = -0.5 * (UNITS**2 * squares[0] + 2 * UNITS * squares[1] + squares[2])
    # each difference between trials is measured in the unit; and the prior of log u
    logs += (offsets - 1) * np.log(UNITS) - 0.5 * (np.log(UNITS) / UNIT_DOUBT) ** 2
    total = float(logsumexp(logs))
    share = np.exp(logs - total)
    mean = float(share @ UNITS)
    return mean, float(np.sqrt(share @ (UNITS - mean) ** 2)), total


def mixture(beliefs: tuple[Belief, ...], shares: tuple[float, ...], Phi: Floats) -> tuple[Floats, Floats]:
    """Mean and variance (n,) of Phi (n, p) times the weights, whichever hypothesis holds."""
    means, variances = zip(*(belief.predict(Phi) for belief in beliefs), strict=True)
    mean = np.asarray(sum(share * m for share, m in zip(shares, means, strict=True)))
    parts = zip(shares, means, variances, strict=True)
    return mean, np.asarray(sum(share * (v + (m - mean) ** 2) for share, m, v in parts))
