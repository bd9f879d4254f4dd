"""Diversity: k candidates of which any two are at least r axes apart, chosen greedily in order of score.

Each is the best of all that are far enough from those before it. A board of the best few hundred rows
usually holds them all; where it does not, the rest is searched for again with the neighbourhoods of the
chosen ones forbidden, so that nothing better is passed over because the board was too short.
"""

import numpy as np

from forerun.search.base import Levels, Problem, Ranked, SearchStrategy, mark


def search_diverse(
    strategy: SearchStrategy, problem: Problem, k: int, rng: np.random.Generator, min_distance: int
) -> Ranked:
    """Return up to k rows, any two at least `min_distance` axes apart (0 and 1: merely distinct).

    The bound is that of rows which are far enough from all of them.
    """
    if min_distance <= 1:
        return strategy.search(problem, k, rng)
    L, scores = np.zeros((0, len(problem.grid.axes)), dtype=np.int64), np.zeros(0)
    scored, proven, bound = 0, True, np.inf
    while len(L) < k:
        asked = strategy.pool * (k - len(L))
        ranked = strategy.search(problem.apart_from(L, min_distance), asked, rng)
        chosen = spread(problem, ranked.L, k - len(L), min_distance)
        L = np.concatenate([L, ranked.L[chosen]])
        scores = np.concatenate([scores, ranked.scores[chosen]])
        scored, proven = scored + ranked.scored, proven and ranked.proven
        # of proofs the last one counts: what the earlier ones found is taken
        bound = ranked.bound if proven else min(bound, ranked.bound)
        if len(ranked.L) < asked:  # the board was not full: there is nothing beyond it
            break
    if len(L) == k:
        bound = min(bound, float(scores.max()))
    order = np.argsort(scores, kind="stable")
    return Ranked(L[order], scores[order], scored, proven, bound)


def spread(problem: Problem, L: Levels, k: int, distance: int) -> list[int]:
    """Positions of the first rows of L (best first) that are `distance` axes apart, at most k."""
    rows = mark(problem.grid, L)
    chosen: list[int] = []
    near = np.zeros(len(L), dtype=bool)
    while len(chosen) < k and not near.all():
        chosen.append(int(np.flatnonzero(~near)[0]))
        near |= (rows != rows[chosen[-1]]).sum(axis=1) < distance
    return chosen
