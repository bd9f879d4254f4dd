"""Which scores have a structure, and which structure it is."""

from forerun.search.base import Score
from forerun.search.tables.pairs import Pairs
from forerun.search.tables.relaxation import Network
from forerun.search.tables.structure import Structure
from forerun.space import Additive, Grid, Quadratic


def structure_of(score: Score, grid: Grid) -> Structure | None:
    """The structure of a score on a grid, or None where it has none to offer."""
    if isinstance(score, Additive):
        return Network(grid, score.layers())
    if isinstance(score, Quadratic):
        return Pairs(grid, *score.quadratic())
    return None
