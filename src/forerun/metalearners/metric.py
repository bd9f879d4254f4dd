"""Metric learning: a space in which configurations that perform alike lie close, and attention in it.

Notation: K prototypes, trials of the history; B tasks of a batch, L trials of a context, Q asked for.

The space and the embedding of tasks by their trials (`attention`) are trained episode by episode, as the target
will be met: a task of the history is told by up to L trials, whose unit and offset are unknown, and the rest is
asked for, with all prototypes of its family hidden (Vinyals et al. 2016; attentive neural processes, Kim et al.
2019, whose likelihood of what is asked for is the loss). The prototypes of the final learner are every task's
best, worst and middling trials alike.

The guard against a history that misleads is that of `process`: how likely the trials are under a process with
the attended mean and the metric's kernel, and under one that believes neither, decides how far each is followed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import torch

from forerun.metadata import LOSS, MetaDataset, ScaleModel
from forerun.metalearners.attending import Attending, MetricSurrogate
from forerun.metalearners.attention import Attention, Prototypes, Tried, nothing
from forerun.metalearners.base import Context, Floats, MetaLearner
from forerun.metalearners.components import Components
from forerun.metalearners.head import canonical
from forerun.metalearners.place import Place
from forerun.metalearners.process import Points
from forerun.metalearners.process_learning import processes, set_anew, temperatures
from forerun.metalearners.prototypes import PROTOTYPES, prototypes, spread
from forerun.metalearners.threads import one_thread
from forerun.metalearners.trunk import Batch, Trials, batches, descend, shares, steps_for

LARGEST, ASKED = 10, 22
"""L and Q."""
STEPS = 80, 600
"""At least and at most."""
UNIT = 0.3
"""Standard deviation of the logarithm of the unit that a context is told in."""
LUCK = 0.3
"""Of a failed trial that is asked for: its error counts for less, as failing is a matter of luck too."""

OPTIONS = ("units", "dimensions", "columns", "features", "epochs", "rate", "jitter", "trust", "seed")


@dataclass
class Metric(MetaLearner):
    """Attention over the history and the target's own trials, in a learned metric."""

    units: int = 48
    dimensions: int = 10
    columns: int = 64
    """Most components of the encoding that are seen."""
    features: int = 4
    """Most task coordinates."""
    epochs: int = 12
    rate: float = 0.02
    jitter: float = 0.5
    trust: float = 0.9
    """Prior probability that the history speaks of the target at all."""
    seed: int = 0
    place_: Place = field(init=False, repr=False)
    scales_: ScaleModel = field(init=False, repr=False)
    inputs_: Components = field(init=False, repr=False)
    net_: Attention = field(init=False, repr=False)
    prototypes_: Prototypes = field(init=False, repr=False)
    variances_: dict[str, float] = field(init=False, repr=False)
    temperatures_: tuple[float, float] = field(init=False, repr=False)
    trust_: float = field(init=False, repr=False)

    @one_thread()
    def fit(self, meta: MetaDataset) -> Self:
        """As `MetaLearner.fit`."""
        meta = canonical(meta)
        self.place_, C, levels = Place.fit(meta, self.features)
        self.scales_ = ScaleModel().fit(meta)
        generator = torch.Generator().manual_seed(self.seed)
        trials = Trials(meta, C, columns=self.columns, jitter=self.jitter)
        trials.y = trials.y - torch.from_numpy(levels)[meta.task]
        self.inputs_ = trials.inputs
        self.net_ = Attention(trials.x.shape[1], C.shape[1], self.units, self.dimensions, generator)
        self._train(meta, trials, generator)
        with torch.no_grad():
            self.prototypes_ = prototypes(self.net_, meta, trials, spread(meta), None)
        self._settle(meta, trials, generator)
        return self

    def _train(self, meta: MetaDataset, trials: Trials, generator: torch.Generator) -> None:
        steps = steps_for(meta, LARGEST + ASKED, self.epochs, STEPS)
        share = shares(meta, np.full(len(meta), -1), 1)[0]
        per = max(PROTOTYPES // 2 // len(meta.tasks), 1)
        stretch = UNIT if meta.target == LOSS else 0.0
        supports = batches(meta, per, steps, generator, len(meta.tasks))

        def loss(batch: Batch, _: int) -> torch.Tensor:
            known = prototypes(self.net_, meta, trials, next(supports), batch.tasks)
            inputs, split = trials.seen(batch, generator), trials.x.shape[1]
            z, c = inputs[..., :split], inputs[:, 0, split:]
            y, failed = trials.y[batch.rows], trials.failed[batch.rows]
            size = torch.randint(LARGEST + 1, (len(y), 1), generator=generator)
            seen = (torch.arange(LARGEST) < size) & batch.real[:, :LARGEST]
            told = torch.exp(stretch * torch.randn(len(y), 1, generator=generator, dtype=y.dtype)) * y[:, :LARGEST]
            context = Tried(z[:, :LARGEST], told, seen, failed[:, :LARGEST])
            if meta.target == LOSS:
                context = self._aligned(known, context, c, y[:, :LARGEST])
            mean, doubt = self.net_(known, context, c, z[:, LARGEST:])
            variance = (self.net_.noise + doubt) / torch.where(failed[:, LARGEST:], LUCK, 1.0)
            logs = torch.log(variance) + (y[:, LARGEST:] - mean) ** 2 / variance
            found: torch.Tensor = (share[batch.tasks, None] * batch.real[:, LARGEST:] * logs).mean() / 2
            return found

        drawn = list(batches(meta, LARGEST + ASKED, steps, generator))
        descend(self.net_.parameters(), loss, drawn, self.rate, 1e-4)

    @torch.no_grad()
    def _aligned(self, known: Prototypes, context: Tried, c: torch.Tensor, worst: torch.Tensor) -> Tried:
        """A context whose offset is where its trials were expected to be; failed ones are as bad as ever."""
        expected, _ = self.net_(known, context._replace(seen=torch.zeros_like(context.seen)), c, context.z)
        counts = context.seen & ~context.failed
        shift = ((expected - context.y) * counts).sum(dim=1, keepdim=True) / counts.sum(dim=1, keepdim=True).clamp_min(
            1
        )
        return context._replace(y=torch.where(context.failed, worst, context.y + shift))

    def _settle(self, meta: MetaDataset, trials: Trials, generator: torch.Generator) -> None:
        """Variances and temperatures, by what prototypes of other families say of every task."""
        (batch,) = batches(meta, ASKED, 1, generator, len(meta.tasks))
        z, c = trials.x[batch.rows], trials.c[batch.tasks]
        with torch.no_grad():
            known = prototypes(self.net_, meta, trials, spread(meta), batch.tasks)
            mean, _ = self.net_(known, nothing(z), c, z)
            points = Points(self.net_.embed(z, self.net_.code(nothing(z), c))[None], mean, z)
        share = shares(meta, np.full(len(meta), -1), 1)[0, batch.tasks]
        self.trust_ = self.trust if meta.target == LOSS else 1.0
        self.variances_, self.temperatures_ = set_anew(points, trials, batch, share), (1.0, 1.0)

        def adapt(b: int, context: Context) -> MetricSurrogate:
            flat = z.flatten(0, 1)
            return self._adapted(known._replace(weight=known.weight[[b]]), lambda i: flat[i[:, 0].astype(int)], context)

        self.temperatures_ = temperatures(meta, batch, adapt)

    @one_thread()
    def adapt(self, context: Context) -> MetricSurrogate:
        """As `MetaLearner.adapt`."""
        return self._adapted(self.prototypes_, lambda X: torch.from_numpy(self.inputs_.of(X)), context)

    def _adapted(
        self, known: Prototypes, inputs: Callable[[Floats], torch.Tensor], context: Context
    ) -> MetricSurrogate:
        c, level = self.place_.of(context.features)
        attending = Attending(self.net_, known, torch.from_numpy(c)[None])
        prior = MetricSurrogate(
            points=lambda X: attending.points(inputs(X)),
            processes=processes(self.variances_),
            shares=(self.trust_, 1 - self.trust_),
            noise=float(self.net_.noise.detach()),
            temperatures=self.temperatures_,
            standard=self.scales_.predict(context.features),
            offset=level,
            attending=attending,
        )
        return prior.conditioned(context, self.scales_, self.variances_["luck"])

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """As `MetaLearner.state`."""
        place, arrays = self.place_.state()
        settings: dict[str, Any] = {"options": {name: getattr(self, name) for name in OPTIONS}, "place": place}
        settings |= {"scales": self.scales_.to_dict(), "variances": self.variances_, "trust": self.trust_}
        settings |= {"temperatures": self.temperatures_}
        arrays |= {"center": self.inputs_.center, "axes": self.inputs_.axes}
        arrays |= {f"net_{name}": part.detach().numpy() for name, part in self.net_.named_parameters()}
        return settings, arrays | {f"known_{name}": part.numpy() for name, part in self.prototypes_._asdict().items()}

    @classmethod
    def from_state(cls, settings: dict[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """As `MetaLearner.from_state`."""
        found = cls(**settings["options"])
        found.place_ = Place.from_state(settings["place"], arrays)
        found.scales_ = ScaleModel.from_dict(settings["scales"])
        found.inputs_ = Components(arrays["center"], arrays["axes"])
        size = found.place_.coordinates.components.size
        found.net_ = Attention(found.inputs_.size, size, found.units, found.dimensions, torch.Generator())
        tensors = {name: torch.tensor(array) for name, array in arrays.items()}
        found.net_.load_state_dict({k.removeprefix("net_"): v for k, v in tensors.items() if k.startswith("net_")})
        found.prototypes_ = Prototypes(*(tensors[f"known_{name}"] for name in Prototypes._fields))
        found.variances_, found.trust_ = settings["variances"], settings["trust"]
        first, later = settings["temperatures"]
        found.temperatures_ = (first, later)
        return found
