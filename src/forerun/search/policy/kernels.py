"""The inner loops of REINFORCE with an independent controller: draw rows, sum their tables, credit their levels.

What is inactive is neither drawn nor summed nor credited, so a row costs what is active in it. Notation as in `layout`.
"""

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def alias(probabilities, starts, accept, other):  # type: ignore[no-untyped-def]
    """Write, for every axis, tables (R,) from which a level is drawn by one random number (Walker 1977; Vose 1991).

    Of its n levels take one at random, and keep it with the probability in `accept`; else take the one in `other`.
    """
    poor, rich = np.empty(len(accept), np.int64), np.empty(len(accept), np.int64)
    for axis in range(len(starts) - 1):
        start, stop = starts[axis], starts[axis + 1]
        few, many = 0, 0
        for level in range(start, stop):
            accept[level], other[level] = probabilities[level] * (stop - start), level - start
            if accept[level] < 1:
                poor[few] = level
                few += 1
            else:
                rich[many] = level
                many += 1
        while few and many:
            taker, giver = poor[few - 1], rich[many - 1]
            other[taker] = giver - start
            accept[giver] -= 1 - accept[taker]
            few -= 1
            if accept[giver] < 1:
                many -= 1
                poor[few] = giver
                few += 1


@njit(nogil=True, cache=True)
def draw(rng, accept, other, starts, order, groups, first, parents, holds, rows):  # type: ignore[no-untyped-def]  # noqa: PLR0917
    """Draw marked rows (n, A), -1 before: each active axis on its own, from the tables that `alias` makes."""
    for i in range(len(rows)):
        row = rows[i]
        for group in range(len(groups) - 1):
            active = True
            for clause in range(first[group], first[group + 1]):
                level = row[parents[clause]]
                active = active and level >= 0 and holds[clause, level]
            if not active:
                continue
            for place in range(groups[group], groups[group + 1]):
                axis = order[place]
                start, size, level = starts[axis], starts[axis + 1] - starts[axis], 0
                if size > 1:
                    drawn = rng.random() * size
                    level = int(drawn)
                    if drawn - level >= accept[start + level]:
                        level = other[start + level]
                row[axis] = level


@njit(nogil=True, cache=True)
def _active(row, starts, found):  # type: ignore[no-untyped-def]
    """Write where the levels of a row's active axes stand, and return how many there are; without a branch to guess."""
    count = 0
    for axis in range(len(row)):
        found[count] = starts[axis] + row[axis]
        count += row[axis] >= 0
    return count


@njit(nogil=True, cache=True)
def sums(rows, starts, table, base, out):  # type: ignore[no-untyped-def]
    """Write base (s,) plus the table's rows (R, s) of the active levels into out (n, s)."""
    found = np.empty(rows.shape[1] + 1, np.int64)
    for i in range(len(rows)):
        z = out[i]
        z[:] = base
        for j in range(_active(rows[i], starts, found)):
            own = table[found[j]]
            for unit in range(len(base)):
                z[unit] += own[unit]


@njit(nogil=True, cache=True)
def credit(rows, starts, worth, out):  # type: ignore[no-untyped-def]
    """Add the numbers (n, q) of every row to each of its active levels in out (R, q)."""
    found = np.empty(rows.shape[1] + 1, np.int64)
    for i in range(len(rows)):
        for j in range(_active(rows[i], starts, found)):
            for q in range(worth.shape[1]):
                out[found[j], q] += worth[i, q]
