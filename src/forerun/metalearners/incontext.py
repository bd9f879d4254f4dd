"""What meta-learners share whose network itself adapts to a target's trials: by gradients, or by reading them.

    ensemble       trained by least squares to predict without trials (`shallow`)
    learning       from there the family learns to adapt, on small contexts of known tasks (`episodes`)
    adapting       makes a network of the target's own, of the same form
    heads          learn how far networks can be trusted that have read so many trials (`levels`)

Adapted, it still is one hidden layer of ReLU units over a sum of tables, and search can be exact.
"""

from abc import abstractmethod
from dataclasses import asdict, dataclass, field, fields, replace
from functools import partial
from typing import Any, Self

import numpy as np

from forerun.metadata import MetaDataset
from forerun.metalearners.base import Context, MetaLearner
from forerun.metalearners.body import Body, bags, task_coordinates
from forerun.metalearners.components import Components
from forerun.metalearners.episodes import Episodes, Trials
from forerun.metalearners.head import Head, canonical
from forerun.metalearners.levels import Levels
from forerun.metalearners.network import NetworkSurrogate, Squares
from forerun.metalearners.shallow import Ensemble, Settings, train
from forerun.metalearners.threads import one_thread

HALF = 6000
"""See `InContext.batches`."""


@dataclass
class InContext(MetaLearner):
    """A network that adapts itself, with a Bayesian head."""

    settings: Settings = field(default_factory=Settings)
    units: int = 10
    """Most components of the hidden units that the head weighs anew for every task."""
    coordinates: int = 2
    """Most components of the task features that the head sees."""
    trust: float = 0.9
    """Prior probability that the history speaks of the target at all."""
    batches: int = 200
    """Of episodes, in a very large history; in one of HALF trials, half as many."""
    body_: Body = field(init=False, repr=False)
    levels_: Levels = field(init=False, repr=False)
    own_: dict[str, np.ndarray] = field(init=False, repr=False)
    """What the family has learned beside the network."""

    @abstractmethod
    def learn(self, ensemble: Ensemble, episodes: Episodes, batches: int) -> tuple[Ensemble, dict[str, np.ndarray]]:
        """Learn to adapt, starting with an ensemble: return the one that adapting starts from, and `own_`."""

    @abstractmethod
    def read(self, ensemble: Ensemble, own: dict[str, np.ndarray], contexts: Trials) -> list[Ensemble]:
        """Adapt: the ensembles of S contexts, in float64. Without a trial that is seen it is the first one."""

    @one_thread()
    def fit(self, meta: MetaDataset) -> Self:
        """As `MetaLearner.fit`."""
        meta = canonical(meta)
        tasks = task_coordinates(meta, self.settings)
        C = tasks.cut(meta.features)
        ensemble = rescaled(train(meta, C[meta.task], Squares(meta, self.settings), self.settings), meta)
        batches = round(self.batches * len(meta) / (len(meta) + HALF))
        ensemble, self.own_ = self.learn(ensemble, Episodes(meta, ensemble.inputs, C, self.settings), batches)
        hidden = ensemble.hidden(meta.X, C[meta.task])
        self.body_ = Body(tasks, ensemble, Components.fit(hidden, self.units), meta.X[:0])
        make = partial(Head.fit, coordinates=self.coordinates, trust=self.trust)
        self.levels_ = Levels.fit(self.body_, bags(meta, self.settings), meta, self._read, make)
        return self

    @one_thread()
    def adapt(self, context: Context) -> NetworkSurrogate:
        """As `MetaLearner.adapt`."""
        adapted, ensemble = self.levels_.adapt(self.body_, context, self._read)
        c = self.body_.tasks.cut(context.features[None])[0]
        return NetworkSurrogate(**vars(adapted), body=replace(self.body_, ensemble=ensemble), coordinates=c)

    def _read(self, contexts: Trials) -> list[Ensemble]:
        return self.read(self.body_.ensemble, self.own_, contexts)

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """As `MetaLearner.state`."""
        options = {f.name: getattr(self, f.name) for f in fields(self) if f.init and f.name != "settings"}
        heads, arrays = self.levels_.state()
        arrays |= {f"own_{name}": array for name, array in self.own_.items()}
        return {"settings": asdict(self.settings), "options": options, "heads": heads}, arrays | self.body_.arrays()

    @classmethod
    def from_state(cls, settings: dict[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """As `MetaLearner.from_state`."""
        found = cls(Settings(**settings["settings"]), **settings["options"])
        found.body_ = Body.of_arrays(arrays)
        found.levels_ = Levels.from_state(settings["heads"], arrays)
        found.own_ = {name.removeprefix("own_"): array for name, array in arrays.items() if name.startswith("own_")}
        return found


def rescaled(ensemble: Ensemble, meta: MetaDataset) -> Ensemble:
    """The same ensemble, whose inputs have about unit variance: one rate of descent then suits them all."""
    inputs = ensemble.inputs
    # a floor, as in `shallow.train`: minor components stay minor
    scale = np.maximum(inputs.of(meta.X).std(axis=0), 0.1)
    return replace(ensemble, inputs=Components(inputs.center, inputs.axes / scale), A=ensemble.A * scale[:, None])


def stacked(ensemble: Ensemble) -> dict[str, np.ndarray]:
    """The members' tensors, M in front."""
    M, H = ensemble.v.shape
    A, B = (np.ascontiguousarray(t.reshape(len(t), M, H).transpose(1, 0, 2)) for t in (ensemble.A, ensemble.B))
    return {"A": A, "B": B, "a": ensemble.a.reshape(M, H), "v": ensemble.v, "level": ensemble.level}


def unstacked(ensemble: Ensemble, tensors: dict[str, np.ndarray]) -> Ensemble:
    """An ensemble with the same inputs and other tensors; the inverse of `stacked`."""
    M, H = ensemble.v.shape
    A, B = (np.ascontiguousarray(tensors[n].transpose(1, 0, 2).reshape(-1, M * H)) for n in ("A", "B"))
    v, level = (np.ascontiguousarray(tensors[n]) for n in ("v", "level"))
    return Ensemble(ensemble.inputs, A, B, np.ascontiguousarray(tensors["a"].reshape(M * H)), v, level)
