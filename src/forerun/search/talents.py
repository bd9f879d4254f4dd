"""Which scores have a structure, and which structure it is."""

from forerun.search.base import Score
from forerun.search.pairs import Pairs
from forerun.search.relaxation import Network
from forerun.search.structure import Structure
from forerun.space import Additive, Grid, Quadratic


def structure_of(score: Score, grid: Grid) -> Structure | None:
    """The structure of a score on a grid, or None where it has none to offer."""
    if isinstance(score, Additive):
        return Network(grid, score.layers())
    if isinstance(score, Quadratic):
        return Pairs(grid, *score.quadratic())
    return None
