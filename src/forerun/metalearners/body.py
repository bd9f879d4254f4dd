"""Basis functions that an ensemble of shallow networks brings to the head.

    Phi(x) = [1, what the ensemble says of x, leading components of all hidden units]

For trials that were trained on, what the ensemble says is taken from the one member that did not see the
trial's family, so that the head learns how far the ensemble can be trusted on a new task.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from forerun.metadata import MetaDataset
from forerun.metalearners.base import Floats
from forerun.metalearners.components import Components
from forerun.metalearners.shallow import Ensemble, Objective, Settings, train
from forerun.space import Layers

REFERENCE = 64
"""So many configurations of the history stand for all of them."""


@dataclass(frozen=True)
class Body:
    """A trained ensemble and what its units have in common."""

    tasks: Components
    """Of task features."""
    ensemble: Ensemble
    units: Components
    """Of hidden units."""
    reference: Floats
    """(r, d) configurations over which what the ensemble says is centred; none where levels count."""

    @classmethod
    def fit(
        cls, meta: MetaDataset, objective: Objective, settings: Settings, *, units: int, centred: bool
    ) -> tuple[Self, Floats]:
        """Train, and return with the body the basis functions (n, p) of the trials, out of bag."""
        tasks = task_coordinates(meta, settings)
        C = tasks.cut(meta.features)[meta.task]
        ensemble = train(meta, C, objective, settings)
        hidden = ensemble.hidden(meta.X, C)
        rows = np.linspace(0, len(meta) - 1, REFERENCE if centred else 0).astype(int)
        body = cls(tasks, ensemble, Components.fit(hidden, units), meta.X[rows])
        bag = bags(meta, settings)
        said = ensemble.outputs(hidden) - body.level(C)
        out_of_bag = np.where(bag < 0, said.mean(axis=1), said[np.arange(len(bag)), bag])
        return body, body.join(out_of_bag, hidden)

    def basis(self, X: Floats, coordinates: Floats) -> Floats:
        """Basis functions (n, p) of encoded configurations, for a task with coordinates (q,)."""
        hidden = self.ensemble.hidden(X, coordinates)
        said = self.ensemble.outputs(hidden) - self.level(coordinates[None])
        return self.join(said.mean(axis=1), hidden)

    def level(self, coordinates: Floats) -> Floats:
        """What each member says of the reference on average, (n, M), for coordinates (n, q)."""
        levels = np.zeros((len(coordinates), len(self.ensemble.level)))
        if len(self.reference):
            known, place = np.unique(coordinates, axis=0, return_inverse=True)
            means = [self.ensemble.outputs(self.ensemble.hidden(self.reference, c)).mean(axis=0) for c in known]
            levels = np.array(means)[place.ravel()]
        return levels

    def join(self, said: Floats, hidden: Floats) -> Floats:
        """Basis functions of what an ensemble says (n,) and its hidden units (n, M H)."""
        return np.column_stack([np.ones(len(hidden)), said, self.units.of(hidden)])

    def layers(self, weights: Floats, coordinates: Floats) -> Layers:
        """As `Additive.layers`: the two affine maps of Phi times weights (p,)."""
        net = self.ensemble
        first = net.inputs.axes @ net.A
        offset = coordinates @ net.B + net.a - net.inputs.center @ first
        last = self.units.axes @ weights[2:] + weights[1] * net.v.ravel() / len(net.v)
        said = (net.level - self.level(coordinates[None])[0]).mean()
        constant = weights[0] + weights[1] * said - self.units.center @ self.units.axes @ weights[2:]
        return [(first, offset), (last[:, None], np.array([constant]))]

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything, by name."""
        found = {f"net_{name}": array for name, array in self.ensemble.arrays().items()}
        found |= {f"tasks_{k}": v for k, v in vars(self.tasks).items()}
        return found | {f"units_{k}": v for k, v in vars(self.units).items()} | {"reference": self.reference}

    @classmethod
    def of_arrays(cls, arrays: dict[str, np.ndarray]) -> Self:
        """The inverse of `arrays`."""
        tasks, units = (Components(arrays[f"{k}_center"], arrays[f"{k}_axes"]) for k in ("tasks", "units"))
        net = {name.removeprefix("net_"): array for name, array in arrays.items() if name.startswith("net_")}
        return cls(tasks, Ensemble.of_arrays(net), units, arrays["reference"])


def task_coordinates(meta: MetaDataset, settings: Settings) -> Components:
    """The task coordinates that the networks see."""
    return Components.fit(meta.features, settings.features, unit=True)


def bags(meta: MetaDataset, settings: Settings) -> npt.NDArray[np.int64]:
    """(n,) the member that trains without each trial; -1, none, where there is but one family or one member."""
    families, place = np.unique(np.array(meta.families), return_inverse=True)
    several = min(len(families), settings.members) > 1
    bag = place % settings.members if several else np.full(len(place), -1)
    return bag[meta.task].astype(np.int64)
