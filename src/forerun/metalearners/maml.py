"""MAML: networks that start where a few gradient steps on the target's trials lead furthest.

    theta_0 = theta                          meta-learned, of the shallow network (`shallow`)
    theta_{j+1} = theta_j - alpha * grad L(theta_j; context)          j < steps
    L = sum_i (r_i - known_i * mean(r over known))^2 / (k + RESERVE)  r_i = f(x_i) - y_i

    outer loss: squared errors of theta_steps on other trials of the same task, contexts of 0 to LARGEST trials

Notation: k trials, i inputs, H units, M members, S contexts; alpha, one rate for each tensor of theta.

The inner loss sees nothing but differences between trials, for the offset of a target's losses is unknown; failed
trials are bad in absolute terms, and times are absolute too. RESERVE makes steps short where trials are few: one
noisy difference is weak evidence. Second order: the outer gradient goes through the inner steps. First order
(FOMAML) takes the inner gradients for constants.

Finn, Abbeel and Levine, ICML 2017; learned inner rates: Li et al. (Meta-SGD) 2017, there one for each weight.
"""

from dataclasses import dataclass
from functools import partial
from math import cos, log, pi

import numpy as np
import torch
from torch.func import grad, vmap

from forerun.metalearners.episodes import Episodes, Trials
from forerun.metalearners.incontext import InContext, stacked, unstacked
from forerun.metalearners.shallow import Ensemble

RESERVE = 2.0
"""See the module."""

Weights = dict[str, torch.Tensor]
"""theta of one network: A (i, H), a (H,) with what the task coordinates add, v (H,), level ()."""


@dataclass
class Maml(InContext):
    """Ensemble of shallow networks that adapt by gradient steps, with a Bayesian head."""

    steps: int = 2
    """Of the inner loop."""
    first_order: bool = False
    inner_rate: float = 0.1
    """Of the inner loop at first; learned from there."""
    outer_rate: float = 0.005
    """Of Adam, falling to zero by a cosine."""

    def learn(self, ensemble: Ensemble, episodes: Episodes, batches: int) -> tuple[Ensemble, dict[str, np.ndarray]]:
        """As `InContext.learn`: the outer loop."""
        theta = {name: torch.from_numpy(array).float() for name, array in stacked(ensemble).items()}
        log_rates = {name: torch.full((len(ensemble.v),), log(self.inner_rate)) for name in TENSORS}
        leaves = [tensor.requires_grad_() for tensor in (*theta.values(), *log_rates.values())]
        optimizer = torch.optim.Adam(leaves, lr=self.outer_rate, fused=True)
        generator = torch.Generator().manual_seed(self.settings.seed)
        for step, episode in enumerate(episodes.batches(batches, generator)):
            optimizer.param_groups[0]["lr"] = self.outer_rate * (1 + cos(pi * step / batches)) / 2
            optimizer.zero_grad()
            adapted = self._descend(theta, {name: rate.exp() for name, rate in log_rates.items()}, episode.context)
            said = vmap(vmap(forward, (0, None)))(adapted, episode.x)
            torch.autograd.backward((episode.weight * (said - episode.y[:, None]) ** 2).sum())
            optimizer.step()
        found = {name: tensor.detach().double().numpy() for name, tensor in theta.items()}
        return unstacked(ensemble, found), {
            name: rate.detach().double().exp().numpy() for name, rate in log_rates.items()
        }

    def read(self, ensemble: Ensemble, own: dict[str, np.ndarray], contexts: Trials) -> list[Ensemble]:
        """As `InContext.read`: the inner loop."""
        theta = {name: torch.tensor(array) for name, array in stacked(ensemble).items()}
        found = self._descend(theta, {name: torch.tensor(rate) for name, rate in own.items()}, contexts)
        # what the coordinates add stays what it is
        found["a"] = found["a"] - torch.einsum("sq,mqh->smh", contexts.c, theta["B"])
        arrays = {name: tensor.numpy() for name, tensor in found.items()}
        B = theta["B"].numpy()
        return [unstacked(ensemble, {"B": B} | {k: v[s] for k, v in arrays.items()}) for s in range(len(contexts.c))]

    def _descend(self, theta: Weights, rates: Weights, contexts: Trials) -> Weights:
        """Networks (S, M, ...) of S contexts, from those (M, ...) to start with."""
        inner = partial(descend, steps=self.steps, first_order=self.first_order, floats=contexts.floats)

        def one(c: torch.Tensor, *trials: torch.Tensor) -> Weights:
            start = {name: theta[name] for name in TENSORS} | {"a": theta["a"] + (c @ theta["B"])}
            return vmap(lambda start, rate: inner(start, rate, *trials))(start, rates)

        return vmap(one)(contexts.c, contexts.x, contexts.y, contexts.known, contexts.seen)


TENSORS = ("A", "a", "v", "level")


def forward(theta: Weights, x: torch.Tensor) -> torch.Tensor:
    """What a network says of inputs (k, i)."""
    return torch.relu(x @ theta["A"] + theta["a"]) @ theta["v"] + theta["level"]


def inner_loss(
    theta: Weights, x: torch.Tensor, y: torch.Tensor, known: torch.Tensor, seen: torch.Tensor, *, floats: bool
) -> torch.Tensor:
    """L of the module, over the trials that are seen."""
    residual = (forward(theta, x) - y) * seen
    if floats:
        free = known * seen
        residual = residual - free * ((residual * free).sum() / free.sum().clamp_min(1))
    return (residual**2).sum() / (seen.sum() + RESERVE)


def descend(
    theta: Weights, rate: Weights, *trials: torch.Tensor, steps: int, first_order: bool, floats: bool
) -> Weights:
    """The inner loop: gradient steps on the trials (x, y, known, seen) of one context."""
    slope = grad(partial(inner_loss, floats=floats))
    for _ in range(steps):
        direction = slope(theta, *trials)
        if first_order:
            direction = {name: g.detach() for name, g in direction.items()}
        theta = {name: theta[name] - rate[name] * direction[name] for name in theta}
    return theta
