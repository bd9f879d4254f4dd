"""Bayesian last layer: features meta-learned so that linear regression on them explains every task (ABLR, ALPaCA).

Notation: M members with H hidden units h(x, c) of a configuration and task coordinates c, p features, b trials.

    y = Phi w_t + noise,    Phi(x) = [1, h v, h V],    w_t ~ N([level, 1, 0 ...], diag(s_1^2, s_v^2, 1 ...))

The hidden units, V, v and the prior are learned together by the sum over tasks of the log marginal likelihood

    log N(y_t | Phi_t w_0, Phi_t D Phi_t' + s2 I)            (Perrone et al., NeurIPS 2018, eq. 4)

with the prior's mean and covariance learned too (ALPaCA, Harrison et al., WAFR 2018, sec. 3). In `network` the
features are those of least squares, which sees no task; here a feature is worth what it explains of the
differences between tasks. A failed trial's noise is larger by a learned factor.

The members' features are joined by the leading components of their mean kernel (1 / M) sum_m h V V' h', and
what h v says of a task by the member that did not see it. The head (`head`) then learns the prior anew on these
and adapts by its exact update.
"""

from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import numpy as np
import torch

from forerun.metadata import MetaDataset
from forerun.metalearners.base import Floats
from forerun.metalearners.body import Body, bags, task_coordinates
from forerun.metalearners.components import Components
from forerun.metalearners.gap import Boxes, needed
from forerun.metalearners.hierarchy import LEAST_NOISE
from forerun.metalearners.likelihood import low_rank, noises
from forerun.metalearners.network import Network
from forerun.metalearners.shallow import EVERY, Ensemble, Settings
from forerun.metalearners.trunk import Batch, Trials, Trunk, batches, descend, shares, steps_for

TRIALS = 32
"""b"""
STEPS = 100, 800
"""At least and at most."""


@dataclass
class LastLayer(Network):
    """Bayesian linear regression on features trained by the tasks' marginal likelihoods."""

    def _train(self, meta: MetaDataset) -> tuple[Body, Floats]:
        settings, tasks = self.settings, task_coordinates(meta, self.settings)
        learned = learn(meta, tasks.cut(meta.features), settings, self.units)
        hidden = learned.ensemble.hidden(meta.X, tasks.cut(meta.features)[meta.task])
        body = Body(tasks, learned.ensemble, joined(learned.V, hidden, self.units), meta.X[:0])
        said, bag = learned.ensemble.outputs(hidden), bags(meta, settings)
        out_of_bag = np.where(bag < 0, said.mean(axis=1), said[np.arange(len(bag)), bag])
        return body, np.column_stack([np.ones(len(hidden)), out_of_bag, body.units.of(hidden)])


class Learned(NamedTuple):
    """The members."""

    ensemble: Ensemble
    """Says the prior's mean."""
    V: Floats
    """(M, H, p)"""


def learn(meta: MetaDataset, C: Floats, settings: Settings, features: int) -> Learned:
    """Train on a history whose tasks have coordinates C (T, q)."""
    generator = torch.Generator().manual_seed(settings.seed)
    trials = Trials(meta, C, columns=settings.columns, jitter=settings.jitter)
    trunk = Trunk(trials.width, settings.members, settings.units, 1 + features, generator)
    prior = Prior(settings.members)
    share = shares(meta, bags(meta, settings), settings.members)
    boxes = _double(Boxes.of(meta.space, meta.X, trials.inputs)) if settings.gap and needed(meta.space) else None

    def loss(batch: Batch, step: int) -> torch.Tensor:
        outputs = trunk(trials.seen(batch, generator))
        logs = prior.evidence(outputs, trials.y[batch.rows], trials.failed[batch.rows], batch.real)
        found = -(share[:, batch.tasks] * logs).sum(dim=0).mean() / TRIALS
        if boxes and step % EVERY == 0:
            gap = boxes.gap(trunk.first[: trials.x.shape[1]], trunk.offset, trunk.last[..., 0].flatten())
            # the weight is of squared errors, which a likelihood divides by twice the noise
            found = found + EVERY * settings.gap * gap / (2 * prior.noise.detach().mean())
        return found

    steps = steps_for(meta, TRIALS, settings.epochs, STEPS)
    drawn = list(batches(meta, TRIALS, steps, generator))
    descend([*trunk.parameters(), *prior.parameters()], loss, drawn, settings.rate, settings.decay)
    A, B, a, last = trunk.arrays(trials.x.shape[1])
    ensemble = Ensemble(trials.inputs, A, B, a, last[..., 0].copy(), prior.level.detach().numpy().ravel().copy())
    return Learned(ensemble, last[..., 1:].copy())


class Prior(torch.nn.Module):
    """Of the weights of [1, h v, h V], one a member; in logarithms what must be positive."""

    def __init__(self, members: int) -> None:
        super().__init__()

        def start(value: float) -> torch.nn.Parameter:
            return torch.nn.Parameter(torch.full((members, 1, 1), value, dtype=torch.float64))

        self.level, self.log_level_std, self.log_trust_std = start(0.0), start(-1.0), start(-1.0)
        self.log_noise, self.log_luck = start(-1.0), start(-1.0)

    @property
    def noise(self) -> torch.Tensor:
        """(M, 1, 1) variance of a training's result."""
        return torch.exp(self.log_noise) + LEAST_NOISE

    def evidence(
        self, outputs: torch.Tensor, y: torch.Tensor, failed: torch.Tensor, real: torch.Tensor
    ) -> torch.Tensor:
        """(M, B) log marginal likelihoods of targets (B, b), given outputs [h v, h V] (M, B, b, 1 + p)."""
        said = outputs[..., 0]
        noise = noises(self.noise, torch.exp(self.log_luck).clamp(0.01, 1.0), failed, real)
        level, scaled = torch.exp(self.log_level_std).expand_as(said), torch.exp(self.log_trust_std) * said
        Phi = torch.cat([level[..., None], scaled[..., None], outputs[..., 1:]], dim=3)
        return low_rank(Phi, y - said - self.level, noise)


def joined(V: Floats, hidden: Floats, features: int) -> Components:
    """Leading components of all members' features, as components of all hidden units."""
    members, units, p = V.shape
    blocks = np.zeros((members, units, members, p))
    blocks[np.arange(members), :, np.arange(members)] = V / members**0.5
    all_features = blocks.reshape(members * units, members * p)
    leading = Components.fit(hidden @ all_features, features)
    return Components(hidden.mean(axis=0), np.ascontiguousarray(all_features @ leading.axes))


def _double(boxes: Boxes) -> Boxes:
    names = [f.name for f in fields(boxes) if getattr(boxes, f.name).is_floating_point()]
    return replace(boxes, **{name: getattr(boxes, name).double() for name in names})
