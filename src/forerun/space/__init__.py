"""What may be tried: domains, conditions, configurations and their arrays."""

from forerun.space.conditions import ALWAYS, Condition
from forerun.space.domains import Categorical, Domain, Floats, Integer, Ordinal, Real, Subset, Value
from forerun.space.grid import Grid, Levels
from forerun.space.space import Configuration, SearchSpace

__all__ = [
    "ALWAYS",
    "Categorical",
    "Condition",
    "Configuration",
    "Domain",
    "Floats",
    "Grid",
    "Integer",
    "Levels",
    "Ordinal",
    "Real",
    "SearchSpace",
    "Subset",
    "Value",
]
