"""Recurrent: a network that reads the target's trials one after the other, and after each predicts any other.

    u_i = max(0, x_i A + a)    e_i = y_i - (u_i v + level)       what the first network sees in trial i, and its error
    s_i = GRU(s_{i-1}, [e_i u_i, u_i, e_i, failed_i])            s_0 = 0
    f_i(x) = max(0, x A + a + s_i P) (v + s_i Q) + level + s_i r

Notation: k trials, i inputs, H units, R numbers of state, M members, S contexts.

e_i u_i is the gradient of the squared error for the output weights, so gradient descent is among the things that
the state can do (Hochreiter, Younger and Conwell, ICANN 2001; Ravi and Larochelle, ICLR 2017, whose LSTM reads
gradients and losses too); in what way results are to be read, and for how long, is learned. Errors are centred
over the context, for the offset of a target's losses is unknown. It learns over sequences of trials of known
tasks, with the squared error on other trials of the task after every step, and after none.
"""

from dataclasses import dataclass
from math import cos, pi
from typing import ClassVar

import numpy as np
import torch

from forerun.metalearners.episodes import Episodes, Trials
from forerun.metalearners.incontext import InContext, stacked, unstacked
from forerun.metalearners.shallow import Ensemble

Tensors = dict[str, torch.Tensor]


@dataclass
class Recurrent(InContext):
    """Ensemble of networks that a recurrent one steers, with a Bayesian head."""

    ordered: ClassVar[bool] = True

    batches: int = 400
    memory: int = 16
    """R"""
    rate: float = 0.015
    """Of Adam, falling to zero by a cosine."""

    def learn(self, ensemble: Ensemble, episodes: Episodes, batches: int) -> tuple[Ensemble, dict[str, np.ndarray]]:
        """As `InContext.learn`."""
        generator = torch.Generator().manual_seed(self.settings.seed)
        first = {name: torch.from_numpy(array).float() for name, array in stacked(ensemble).items()}
        own = fresh(len(ensemble.v), ensemble.v.shape[1], self.memory, generator)
        leaves = [tensor.requires_grad_() for tensor in (*first.values(), *own.values())]
        optimizer = torch.optim.Adam(leaves, lr=self.rate, fused=True)
        for step, episode in enumerate(episodes.batches(batches, generator)):
            optimizer.param_groups[0]["lr"] = self.rate * (1 + cos(pi * step / batches)) / 2
            optimizer.zero_grad()
            offset = offsets(first, episode.context)
            said = predict(first, own, offset, states(first, own, offset, episode.context), episode.x)
            error = (said - episode.y[:, None, None]) ** 2
            torch.autograd.backward((episode.weight[:, :, None] * error).sum() / said.shape[2])
            optimizer.step()
        found, kept = ({k: v.detach().double().numpy() for k, v in part.items()} for part in (first, own))
        return unstacked(ensemble, found), kept

    def read(self, ensemble: Ensemble, own: dict[str, np.ndarray], contexts: Trials) -> list[Ensemble]:
        """As `InContext.read`: what the network is in the last state."""
        arrays = stacked(ensemble)
        first, mine = ({k: torch.from_numpy(v) for k, v in part.items()} for part in (arrays, own))
        last = states(first, mine, offsets(first, contexts), contexts)[:, :, -1]
        moved = {name: torch.einsum("smr,mrh->smh", last, mine[name]).numpy() for name in ("P", "Q")}
        level = torch.einsum("smr,mr->sm", last, mine["r"]).numpy()
        return [
            unstacked(
                ensemble,
                arrays | {"a": arrays["a"] + P, "v": arrays["v"] + Q, "level": arrays["level"] + r},
            )
            for P, Q, r in zip(moved["P"], moved["Q"], level, strict=True)
        ]


def fresh(members: int, units: int, memory: int, generator: torch.Generator) -> Tensors:
    """A recurrent network that has learned nothing; what it says, the first network says."""
    width = 2 * units + 2
    return {
        "into": torch.randn(members, width, 3 * memory, generator=generator) / width**0.5,
        "again": torch.randn(members, memory, 3 * memory, generator=generator) / memory**0.5,
        "bias": torch.zeros(members, 1, 3 * memory),
        "P": torch.zeros(members, memory, units),
        "Q": torch.zeros(members, memory, units),
        "r": torch.zeros(members, memory),
    }


def offsets(first: Tensors, contexts: Trials) -> torch.Tensor:
    """(S, M, 1, H) a, with what the task coordinates add."""
    return first["a"][:, None] + contexts.c[:, None, None] @ first["B"]


def states(first: Tensors, own: Tensors, offset: torch.Tensor, contexts: Trials) -> torch.Tensor:
    """(S, M, k + 1, R) the states before and after each trial; a trial that is not seen leaves the state."""
    u = torch.relu(contexts.x[:, None] @ first["A"] + offset)
    said = (u @ first["v"][:, :, None])[..., 0] + first["level"][:, None]
    known, seen = contexts.known[:, None], contexts.seen[:, None]
    error = contexts.y[:, None] - said
    if contexts.floats:
        free = known * seen
        error = error - known * ((error * free).sum(-1, keepdim=True) / free.sum(-1, keepdim=True).clamp_min(1))
    e = error[..., None]
    failed = (1 - known).expand_as(error)[..., None]
    inputs = torch.cat([e * u, u, e, failed], dim=-1) @ own["into"] + own["bias"]
    state = torch.zeros(*error.shape[:2], 1, own["r"].shape[1], dtype=u.dtype)
    found = [state]
    for i in range(error.shape[2]):
        keep = seen[:, :, i, None, None]
        state = keep * step(inputs[:, :, i : i + 1], state, own["again"]) + (1 - keep) * state
        found.append(state)
    return torch.cat(found, dim=2)


def step(inputs: torch.Tensor, state: torch.Tensor, again: torch.Tensor) -> torch.Tensor:
    """The next state of a gated recurrent unit (Cho et al., EMNLP 2014)."""
    reset, update, new = inputs.chunk(3, dim=-1)
    reset_, update_, new_ = (state @ again).chunk(3, dim=-1)
    gate = torch.sigmoid(update + update_)
    return (1 - gate) * torch.tanh(new + torch.sigmoid(reset + reset_) * new_) + gate * state


def predict(first: Tensors, own: Tensors, offset: torch.Tensor, state: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """(S, M, T, L) what is said in states (S, M, T, R) of inputs (S, L, i)."""
    before = x[:, None] @ first["A"] + offset
    hidden = torch.relu(before[:, :, None] + (state @ own["P"])[:, :, :, None])
    out = (first["v"][:, None] + state @ own["Q"])[..., None]
    level = first["level"][:, None] + (state @ own["r"][:, :, None])[..., 0]
    return (hidden @ out)[..., 0] + level[..., None]
