"""Spaces of known sizes: forerun's own space for classification, some values fixed, at some resolution.

The space has 48 domains, most of them conditional: each learner's settings hang on the learner, and some of them
on one another (a network's third width on its depth, the momentum on the optimizer). Every size is reached by
fixing a few values and by choosing how many levels a numeric domain has, so a larger space is not the same one
with idle domains added. Sizes are exact counts of distinct configurations.
"""

from dataclasses import dataclass

from forerun.learners.joint import default_space
from forerun.space import Categorical, Configuration, Domain, Grid, SearchSpace, Subset

KIND = "binary"
FEATURES = 89
"""Columns of the table in the widest space: each may be used or not, so they bring 2^89."""

OWN = {"learner": "mlp", "preprocessing": (), "sample_fraction": 1.0, "mlp.class_weight": "none"}
"""A network's own settings alone, on all rows: 16 domains are left."""
FEW = OWN | {"mlp.schedule": "cosine", "mlp.residual": False}
FEWER = FEW | {"mlp.batch_size": 64, "mlp.normalisation": "layer"}
FEWEST = FEWER | {"mlp.width_4": 64}


@dataclass(frozen=True)
class Sized:
    """A grid of a wanted size."""

    resolution: int
    fixed: Configuration

    def grid(self, encoder: SearchSpace) -> Grid:
        """The grid, encoded as the trials of a history are."""
        return default_space(KIND).grid(self.resolution, self.fixed, encoder)


SPACES = {
    "1e6": Sized(4, FEWEST),
    "1e7": Sized(7, FEWEST),
    "1e8": Sized(9, FEWER),
    "1e9": Sized(6, OWN),
    "1e10": Sized(14, FEW),
    "1e12": Sized(8, {"mlp.class_weight": "none"}),
    "1e15": Sized(24, {}),
    "1e20": Sized(214, {}),
}
"""By name, which is about the number of configurations; from 1e12 on with all six learners."""


def features() -> Subset:
    """The domain of the features that are used."""
    return Subset(tuple(f"column_{i}" for i in range(FEATURES)))


def as_categories(encoder: SearchSpace, levels: int) -> Grid:
    """All six learners on a grid of so many levels, encoded in a space whose numeric domains are categorical."""
    own = default_space(KIND)
    domains = {name: _finite(domain, encoder.domains[name], levels) for name, domain in own.domains.items()}
    return SearchSpace(own.name, domains, own.conditions).grid(levels, encoder=encoder)


def _finite(domain: Domain, other: Domain, levels: int) -> Domain:
    """The levels of a numeric domain as categories; `other` is what encodes them."""
    return domain if type(other) is type(domain) else Categorical(tuple(domain.levels(levels)))


def widest(encoder: SearchSpace) -> Grid:
    """All six learners and the subset of features: about 10^40."""
    return default_space(KIND, features().values).grid(12, encoder=encoder)


def varying_axes(grid: Grid) -> list[int]:
    """The axes with a choice, without those that no configuration has."""
    active: set[int] = set()
    for component in grid.components:
        for block in component.blocks:
            active.update(block.free)
            active.update(axis for axis, level in zip(component.parents, block.parents, strict=True) if level >= 0)
    return [i for i in sorted(active) if len(grid.axes[i].levels) > 1]


def described(grid: Grid) -> dict[str, int]:
    """Sizes of a grid, as the result holds them."""
    domains = {grid.axes[i].domain for i in varying_axes(grid)}
    fixed = {axis.domain for axis in grid.axes if len(axis.levels) == 1}
    conditional = {d for d in domains if set(grid.space.condition(d).parents) - fixed}
    return {"configurations": grid.size, "domains": len(domains), "conditional": len(conditional)}
