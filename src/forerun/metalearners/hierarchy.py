"""Bayesian regression in two levels: what all tasks share, and how far one task strays from it.

Notation: T tasks, n trials, p basis functions, q task coordinates c (the first is 1).

    y = Phi_t w_t + noise,    w_t = W c_t + delta_t,    delta_t ~ N(0, D),    noise ~ N(0, s2)
    column j of W ~ N(0, tau_j D): tasks' features act along the directions in which tasks differ

Every expectation is closed-form and needs only the Gram matrices of the tasks, so that the cost of a step
does not depend on n. D, s2 and tau are estimated by expectation maximisation of the evidence (Lindley and
Smith 1972; Gelman and Hill 2007, ch. 18; the W step integrates the delta_t out, Liu and Rubin 1994).
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np
import numpy.typing as npt

from forerun.metalearners.base import Floats

STEPS = 8
"""Of expectation maximisation; the evidence changes little after that."""
SHRINK = 10.0
"""So many imagined tasks whose weights stray independently; steadies D where tasks are few."""
LEAST_NOISE = 1e-4
"""Variance in target units; a recording without noise must not make the update singular."""


@dataclass(frozen=True)
class Grams:
    """What trials say about weights, task by task."""

    G: Floats
    """(T, p, p) Phi' Phi"""
    g: Floats
    """(T, p) Phi' y"""
    yy: Floats
    """(T,) y' y"""
    n: Floats
    """(T,) number of trials"""

    @classmethod
    def of(cls, Phi: Floats, y: Floats, task: npt.NDArray[np.int64], tasks: int, weight: Floats) -> Self:
        """Sum up trials Phi (n, p), y (n,), whose noise has variance s2 / weight (n,)."""
        order = np.argsort(task, kind="stable")
        bounds = np.searchsorted(task[order], np.arange(tasks + 1))
        parts = [order[a:b] for a, b in pairwise(bounds)]
        heavy, wy = Phi * weight[:, None], weight * y
        G = np.stack([Phi[rows].T @ heavy[rows] for rows in parts])
        g = np.stack([Phi[rows].T @ wy[rows] for rows in parts])
        return cls(G, g, np.array([y[rows] @ wy[rows] for rows in parts]), np.diff(bounds).astype(float))


@dataclass(frozen=True)
class Variances:
    """What expectation maximisation estimates."""

    D: Floats
    """(p, p)"""
    tau: Floats
    """(q,)"""
    noise: float
    """s2, of one training's result."""

    def own(self, grams: Grams) -> Floats:
        """Posterior covariances (T, p, p) of the tasks' deviations."""
        return np.asarray(np.linalg.inv(np.linalg.inv(self.D) + grams.G / self.noise))


@dataclass(frozen=True)
class Hierarchy:
    """The two levels, learned."""

    W: Floats
    """(q, p) shared weights of each task coordinate."""
    doubt: Floats
    """(q, p, q, p) posterior covariance of W."""
    loose: Floats
    """(p,) mean square of the tasks' weights: what is known of a weight when the history is not believed."""
    variances: Variances

    def weights(self, c: Floats) -> Floats:
        """Expected weights (p,) of a task with coordinates c (q,)."""
        return np.asarray(c @ self.W)

    def covariance(self, c: Floats) -> Floats:
        """Doubt about them, (p, p): that about W and the task's own deviation."""
        return np.asarray(self.variances.D + np.einsum("a,aibj,b->ij", c, self.doubt, c, optimize=True))


def own_weights(grams: Grams, C: Floats, hierarchy: Hierarchy) -> Floats:
    """Expected weights (T, p) of the tasks themselves, their trials known."""
    S = hierarchy.variances.own(grams)
    shared = C @ hierarchy.W
    residual = grams.g - np.einsum("tij,tj->ti", grams.G, shared)
    return np.asarray(shared + np.einsum("tij,tj->ti", S, residual) / hierarchy.variances.noise)


def learn(grams: Grams, C: Floats, importance: Floats) -> Hierarchy:
    """Learn from T tasks with coordinates C (T, q); importance (T,) weighs them against each other."""
    tasks, q, p = len(C), C.shape[1], grams.G.shape[1]
    share = importance / importance.mean()
    noise = max(0.5 * float(share @ grams.yy) / float(share @ grams.n), LEAST_NOISE)
    D = np.eye(p) * 0.5 * float(grams.n.sum()) / float(np.trace(grams.G.sum(axis=0)))
    variances = Variances(D, np.full(q, 0.3), noise)
    for _ in range(STEPS):
        W, doubt = shared_weights(grams, C, share, variances)
        S = variances.own(grams)
        residual = grams.g - np.einsum("tij,tj->ti", grams.G, C @ W)
        delta = np.einsum("tij,tj->ti", S, residual) / variances.noise
        own = C @ W + delta
        variances = _maximise(grams, share, variances, (W, doubt), (S, delta, own))
    loose = share @ (own**2 + np.einsum("tii->ti", S)) / tasks
    return Hierarchy(W, doubt, loose, variances)


def shared_weights(grams: Grams, C: Floats, share: Floats, variances: Variances) -> tuple[Floats, Floats]:
    """Return W (q, p) and its covariance (q, p, q, p), the tasks' deviations integrated out.

    A task with share 0 is left out.
    """
    q, p, noise = C.shape[1], len(variances.D), variances.noise
    # Woodbury: Phi' V^-1 Phi = (G - G S G / s2) / s2 with V = Phi D Phi' + s2 I
    GS = grams.G @ variances.own(grams)
    A = (grams.G - GS @ grams.G / noise) / noise
    h = (grams.g - np.einsum("tij,tj->ti", GS, grams.g) / noise) / noise
    precision = np.einsum("tab,tij->aibj", np.einsum("t,ta,tb->tab", share, C, C), A, optimize=True)
    prior = np.linalg.inv(variances.D)
    for j in range(q):
        precision[j, :, j] += prior / variances.tau[j]
    covariance = np.linalg.inv(precision.reshape(q * p, q * p))
    W = covariance @ np.einsum("t,ta,ti->ai", share, C, h).ravel()
    return W.reshape(q, p), covariance.reshape(q, p, q, p)


def _maximise(
    grams: Grams, share: Floats, old: Variances, shared: tuple[Floats, Floats], tasks: tuple[Floats, Floats, Floats]
) -> Variances:
    """The maximisation step: each variance is the mean square of what it is the variance of."""
    (W, doubt), (S, delta, own) = shared, tasks
    prior, p, T = np.linalg.inv(old.D), len(old.D), len(S)
    tau = np.array([w @ prior @ w + np.sum(prior * doubt[j, :, j]) for j, w in enumerate(W)]) / p
    fit = np.einsum("ti,tij,tj->t", own, grams.G, own, optimize=True) - 2 * np.einsum("ti,ti->t", own, grams.g)
    squares = grams.yy + fit + np.einsum("tij,tji->t", grams.G, S, optimize=True)
    noise = max(float(share @ squares) / float(share @ grams.n), LEAST_NOISE)
    moment = np.einsum("t,ti,tj->ij", share, delta, delta) + np.einsum("t,tij->ij", share, S)
    D = (moment + SHRINK * np.diag(np.diag(moment) / T)) / (T + SHRINK)
    return Variances(D, tau, noise)
