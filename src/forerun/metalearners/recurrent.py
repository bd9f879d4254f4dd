"""Recurrent: a network that reads the target's trials one after the other, and after each predicts any other.

    u_i = max(0, x_i A + a)    e_i = y_i - (u_i v + level)       what the first network sees in trial i, and its error
    s_i = GRU(s_{i-1}, [e_i u_i, u_i, e_i, failed_i])            s_0 = 0
    f_i(x) = max(0, x A + a) (v + s_i Q) + level + s_i r

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

FULL = 1e4
"""See `states`."""

Tensors = dict[str, torch.Tensor]


@dataclass
class Recurrent(InContext):
    """Ensemble of networks that a recurrent one steers, with a Bayesian head."""

    ordered: ClassVar[bool] = True

    batches: int = 350
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
            known = states(own, messages(first, episode.context), episode.context.seen)
            said = predict(first, own, known, hidden(first, episode.context.c, episode.x))
            error = (said - episode.y[:, None, None]) ** 2
            torch.autograd.backward((episode.weight[:, :, None] * error).sum() / said.shape[2])
            optimizer.step()
        found, kept = ({k: v.detach().double().numpy() for k, v in part.items()} for part in (first, own))
        return unstacked(ensemble, found), kept

    def read(self, ensemble: Ensemble, own: dict[str, np.ndarray], contexts: Trials) -> list[Ensemble]:
        """As `InContext.read`: what the network is in the last state."""
        arrays = stacked(ensemble)
        first, mine = ({k: torch.tensor(v) for k, v in part.items()} for part in (arrays, own))
        last = states(mine, messages(first, contexts), contexts.seen)[:, :, -1:]
        v, level = (tensor[:, :, 0].numpy() for tensor in outputs(first, mine, last))
        return [unstacked(ensemble, arrays | {"v": v[s], "level": level[s]}) for s in range(len(v))]


def fresh(members: int, units: int, memory: int, generator: torch.Generator) -> Tensors:
    """A recurrent network that has learned nothing; what it says, the first network says."""
    width = 2 * units + 2
    return {
        "into": torch.randn(members, width, 3 * memory, generator=generator) / width**0.5,
        "again": torch.randn(members, memory, 3 * memory, generator=generator) / memory**0.5,
        "bias": torch.zeros(members, 1, 3 * memory),
        "Q": torch.zeros(members, memory, units),
        "r": torch.zeros(members, memory),
    }


def hidden(first: Tensors, c: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """(S, M, L, H) hidden units of inputs (S, L, i)."""
    return torch.relu(x[:, None] @ first["A"] + (first["a"][:, None] + c[:, None, None] @ first["B"]))


def messages(first: Tensors, contexts: Trials) -> torch.Tensor:
    """(S, M, k, 2 H + 2) what is read of each trial."""
    u = hidden(first, contexts.c, contexts.x)
    said = (u @ first["v"][:, :, None])[..., 0] + first["level"][:, None]
    known = contexts.known[:, None]
    error = contexts.y[:, None] - said
    if contexts.floats:
        free = known * contexts.seen[:, None]
        error = error - known * ((error * free).sum(-1, keepdim=True) / free.sum(-1, keepdim=True).clamp_min(1))
    e, failed = error[..., None], (1 - known).expand_as(error)[..., None]
    return torch.cat([e * u, u, e, failed], dim=-1)


def states(own: Tensors, messages: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """(S, M, k + 1, R) the states before and after each trial; a trial that is not seen (S, k) changes nothing."""
    inputs = messages @ own["into"] + own["bias"]
    memory = own["r"].shape[1]
    # where nothing is to be read, the gate keeps all of the state: the sigmoid of FULL is one
    kept = torch.nn.functional.pad(FULL * (1 - seen)[:, None, :, None].expand(-1, 1, -1, memory), (memory, memory))
    inputs = inputs + kept
    state = inputs.new_zeros(*inputs.shape[:2], 1, memory)
    found = [state]
    for i in range(inputs.shape[2]):
        state = gru(inputs[:, :, i : i + 1], state, own["again"])
        found.append(state)
    return torch.cat(found, dim=2)


def gru(inputs: torch.Tensor, state: torch.Tensor, again: torch.Tensor) -> torch.Tensor:
    """The next state of a gated recurrent unit (Cho et al., EMNLP 2014)."""
    gates, moved = 2 * state.shape[-1], state @ again
    reset, keep = torch.sigmoid(inputs[..., :gates] + moved[..., :gates]).chunk(2, dim=-1)
    new = torch.tanh(inputs[..., gates:] + reset * moved[..., gates:])
    return torch.lerp(new, state, keep)


def outputs(first: Tensors, own: Tensors, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Output weights (S, M, T, H) and levels (S, M, T) in states (S, M, T, R)."""
    return first["v"][:, None] + state @ own["Q"], first["level"][:, None] + (state @ own["r"][:, :, None])[..., 0]


def predict(first: Tensors, own: Tensors, state: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
    """(S, M, T, L) what is said in states (S, M, T, R) of hidden units (S, M, L, H)."""
    v, level = outputs(first, own, state)
    return v @ hidden.transpose(-1, -2) + level[..., None]
