"""Coordinate descent on the tables of a product: a good bar before anything is branched.

As `ascent`, but on partial sums: a move of one factor is one row less and another one more.
"""

import numpy as np

from forerun.search.tables.pieces import Piece
from forerun.search.tables.products import Choice

RESTARTS = 8
"""Random choices that are improved beside the given ones."""
SWEEPS = 20
"""Rounds over all factors, at most; four or five are usual."""


def descend(piece: Piece, starts: Choice, rng: np.random.Generator) -> Choice:
    """Improve complete choices (n, D), and random ones, one factor at a time until none gets better; best first."""
    sizes = [len(factor) for factor in piece.product.factors]
    drawn = np.stack([rng.integers(0, size, RESTARTS) for size in sizes], axis=1).astype(np.int32)
    choice = np.vstack([starts, drawn])
    values = piece.value(choice)
    for _ in range(SWEEPS):
        before = values.copy()
        for factor in range(len(sizes)):
            moves = piece.moves(choice, factor)
            best = moves.argmin(axis=1)
            reached = np.take_along_axis(moves, best[:, None], axis=1)[:, 0]
            better = reached < values
            choice[better, factor] = best[better]
            values = np.minimum(values, reached)
        if (values == before).all():
            break
    return choice[np.argsort(values, kind="stable")]


def neighbours(piece: Piece, choice: Choice) -> Choice:
    """All choices (n, D) that differ from one (1, D) in one row."""
    found = []
    for factor, rows in enumerate(piece.product.factors):
        one = np.repeat(choice, len(rows), axis=0)
        one[:, factor] = np.arange(len(rows))
        found.append(one)
    return np.vstack(found)
