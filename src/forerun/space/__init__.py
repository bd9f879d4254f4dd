"""What may be tried: domains, conditions, configurations and their arrays."""

from forerun.space.additive import Additive, Layers, Quadratic
from forerun.space.choices import Categorical, Ordinal, Subset
from forerun.space.conditions import ALWAYS, Condition
from forerun.space.domains import Domain, Floats, Value
from forerun.space.grid import Component, Grid, Levels
from forerun.space.ranges import Integer, Real
from forerun.space.space import Configuration, SearchSpace

__all__ = [
    "ALWAYS",
    "Additive",
    "Categorical",
    "Component",
    "Condition",
    "Configuration",
    "Domain",
    "Floats",
    "Grid",
    "Integer",
    "Layers",
    "Levels",
    "Ordinal",
    "Quadratic",
    "Real",
    "SearchSpace",
    "Subset",
    "Value",
]
