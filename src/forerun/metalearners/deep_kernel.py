"""Deep kernel: a Gaussian process whose kernel and mean are meta-learned (FSBO, Wistuba and Grabocka, ICLR 2021).

Notation: M members, each with an embedding e_m(x, c) of configuration and task coordinates and a mean v_m(x, c);
T tasks with b trials each while training. The processes themselves are those of `process`.

Members are trained by the log marginal likelihoods of tasks (deep kernel learning, Wilson et al., AISTATS 2016),
whose targets are stretched by a random unit each time (FSBO, sec. 4.2: a kernel must not rely on the labels'
scale). They are joined as one process with the mean of their means and kernels. Its variances are then set
anew, by the likelihood of tasks under the one member that did not see them: a mean fits the tasks that it was
learned from too well. Adapting is exact conditioning.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch

from forerun.metadata import LOSS, MetaDataset, ScaleModel
from forerun.metalearners.base import Context, Floats, MetaLearner
from forerun.metalearners.body import bags
from forerun.metalearners.head import canonical
from forerun.metalearners.likelihood import full_rank
from forerun.metalearners.place import Place
from forerun.metalearners.process import Points, ProcessSurrogate
from forerun.metalearners.process_learning import Variances, processes, set_anew, temperatures
from forerun.metalearners.shallow import Ensemble, Settings
from forerun.metalearners.threads import one_thread
from forerun.metalearners.trunk import Batch, Trials, Trunk, batches, descend, shares, steps_for

TRIALS = 24
"""b"""
STEPS = 60, 600
"""At least and at most."""
UNIT = 0.3
"""Standard deviation of the logarithm of the unit by which targets are stretched."""


@dataclass
class DeepKernel(MetaLearner):
    """Gaussian process on a learned embedding, with a learned mean."""

    settings: Settings = field(default_factory=lambda: Settings(members=5, units=24, epochs=10, gap=0.0))
    dimensions: int = 6
    """p, of an embedding."""
    trust: float = 0.9
    """Prior probability that the history speaks of the target at all."""
    place_: Place = field(init=False, repr=False)
    scales_: ScaleModel = field(init=False, repr=False)
    network_: Ensemble = field(init=False, repr=False)
    """Says the means."""
    V_: Floats = field(init=False, repr=False)
    """(M, H, p) hidden units to embeddings."""
    variances_: dict[str, float] = field(init=False, repr=False)
    """Of the processes, as `Variances` names them."""
    temperatures_: tuple[float, float] = field(init=False, repr=False)
    trust_: float = field(init=False, repr=False)

    @one_thread()
    def fit(self, meta: MetaDataset) -> Self:
        """As `MetaLearner.fit`."""
        meta = canonical(meta)
        self.place_, C, offsets = Place.fit(meta, self.settings.features)
        self.scales_ = ScaleModel().fit(meta)
        generator = torch.Generator().manual_seed(self.settings.seed)
        settings = self.settings
        # for times there is nothing to guard against: no task trains large models faster than small ones
        self.trust_ = self.trust if meta.target == LOSS else 1.0
        trials = Trials(meta, C, columns=settings.columns, jitter=settings.jitter)
        trials.y = trials.y - torch.from_numpy(offsets)[meta.task]
        trunk = Trunk(trials.width, settings.members, settings.units, 1 + self.dimensions, generator)
        level = self._train(meta, trials, trunk, generator)
        A, B, a, last = trunk.arrays(trials.x.shape[1])
        self.network_ = Ensemble(trials.inputs, A, B, a, last[..., 0].copy(), level)
        self.V_ = np.ascontiguousarray(last[..., 1:])
        self._anew(meta, trials, generator)
        return self

    def _train(self, meta: MetaDataset, trials: Trials, trunk: Trunk, generator: torch.Generator) -> Floats:
        """Train the members, and return what each says everywhere, (M,)."""
        settings = self.settings
        share = shares(meta, bags(meta, settings), settings.members)
        level = torch.nn.Parameter(torch.zeros(settings.members, dtype=torch.float64))
        variances = Variances(settings.members)
        stretch = UNIT if meta.target == LOSS else 0.0

        def loss(batch: Batch, _: int) -> torch.Tensor:
            outputs = trunk(trials.seen(batch, generator))
            unit = torch.exp(stretch * torch.randn(len(batch.tasks), 1, generator=generator, dtype=torch.float64))
            y = torch.where(trials.failed[batch.rows], 1.0, unit) * trials.y[batch.rows]
            said, e = outputs[..., 0] + level[:, None, None], outputs[..., 1:]
            # each member is a process of its own
            points = Points(e[None], said, said[..., None])
            K = variances.processes()[0].covariance(points, points)
            logs = full_rank(K, y - said, variances.noises(trials.failed[batch.rows], batch.real))
            return -(share[:, batch.tasks] * logs).sum(dim=0).mean() / TRIALS

        steps = steps_for(meta, TRIALS, settings.epochs, STEPS)
        learned = [*trunk.parameters(), *variances.parameters(), level]
        descend(learned, loss, list(batches(meta, TRIALS, steps, generator)), settings.rate, settings.decay)
        return level.detach().numpy().copy()

    def _anew(self, meta: MetaDataset, trials: Trials, generator: torch.Generator) -> None:
        """Set the variances by what members say of tasks that they did not see, and the temperatures by the errors."""
        (batch,) = batches(meta, TRIALS, 1, generator, len(meta.tasks))
        rows, shape = batch.rows.flatten().numpy(), batch.rows.shape
        member = np.maximum(bags(meta, self.settings)[rows], 0)
        flat = self._points(meta.X[rows], trials.c.numpy()[meta.task[rows]], member)
        points = Points(flat.e.view(1, *shape, -1), flat.said.view(shape), flat.z.view(*shape, -1))
        share = shares(meta, np.full(len(meta), -1), 1)[0, batch.tasks]
        self.variances_ = set_anew(points, trials, batch, share)

        def adapt(_: int, context: Context) -> ProcessSurrogate:
            return self._adapted(lambda places: flat.at(places[:, 0].astype(int)), context)

        self.temperatures_ = (1.0, 1.0)
        self.temperatures_ = temperatures(meta, batch, adapt)

    def _points(self, X: Floats, c: Floats, member: npt.NDArray[np.int64] | None = None) -> Points:
        """Points of configurations X (n, d) on tasks with coordinates (q,) or (n, q), as all see them or one each."""
        hidden = self.network_.hidden(X, c)
        said = self.network_.outputs(hidden)
        e = np.matmul(hidden.reshape(len(X), *self.V_.shape[:2]).transpose(1, 0, 2), self.V_)
        if member is None:
            said = said.mean(axis=1)
        else:
            said, e = said[np.arange(len(X)), member], e[member, np.arange(len(X))][None]
        return Points(*(torch.from_numpy(np.ascontiguousarray(a)) for a in (e, said, self.network_.inputs.of(X))))

    @one_thread()
    def adapt(self, context: Context) -> ProcessSurrogate:
        """As `MetaLearner.adapt`."""
        c, _ = self.place_.of(context.features)
        return self._adapted(lambda X: self._points(X, c), context)

    def _adapted(self, points: Callable[[Floats], Points], context: Context) -> ProcessSurrogate:
        v, standard = self.variances_, self.scales_.predict(context.features)
        shares = (self.trust_, 1 - self.trust_)
        _, level = self.place_.of(context.features)
        prior = ProcessSurrogate(points, processes(v), shares, v["noise"], self.temperatures_, standard, level)
        return prior.conditioned(context, self.scales_, v["luck"])

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """As `MetaLearner.state`."""
        place, arrays = self.place_.state()
        options = {"dimensions": self.dimensions, "trust": self.trust}
        settings: dict[str, Any] = {"settings": asdict(self.settings), "options": options, "place": place}
        settings |= {"scales": self.scales_.to_dict(), "variances": self.variances_}
        settings |= {"temperatures": self.temperatures_, "trust": self.trust_}
        arrays |= {f"net_{name}": array for name, array in self.network_.arrays().items()}
        return settings, arrays | {"V": self.V_}

    @classmethod
    def from_state(cls, settings: dict[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """As `MetaLearner.from_state`."""
        found = cls(Settings(**settings["settings"]), **settings["options"])
        found.place_ = Place.from_state(settings["place"], arrays)
        found.scales_ = ScaleModel.from_dict(settings["scales"])
        net = {name.removeprefix("net_"): array for name, array in arrays.items() if name.startswith("net_")}
        found.network_, found.V_ = Ensemble.of_arrays(net), arrays["V"]
        found.variances_, found.trust_ = settings["variances"], settings["trust"]
        first, later = settings["temperatures"]
        found.temperatures_ = (first, later)
        return found
