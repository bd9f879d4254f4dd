"""The inner loops of REINFORCE with an independent controller: draw rows, sum their tables, credit their levels.

What is inactive is neither drawn nor summed nor credited, so a row costs what is active in it. Notation as in `layout`.
"""

import numpy as np
from numba import njit

HALF, LOW = np.uint64(32), np.uint64(2**32 - 1)


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
def thresholds(accept, out):  # type: ignore[no-untyped-def]
    """Write probabilities as whole numbers, in units of 2^-32."""
    for level in range(len(accept)):
        out[level] = np.uint64(min(max(accept[level], 0.0), 1.0) * 4294967296.0)


@njit(nogil=True, inline="always")
def _word(state):  # type: ignore[no-untyped-def]
    """32 random bits of xoroshiro128+ (Blackman and Vigna 2018), several times as fast as a Generator's double."""
    one, two = state[0], state[1]
    drawn = (one + two) >> HALF
    two ^= one
    state[0] = (one << np.uint64(24) | one >> np.uint64(40)) ^ two ^ (two << np.uint64(16))
    state[1] = two << np.uint64(37) | two >> np.uint64(27)
    return drawn


@njit(nogil=True, cache=True)
def draw(state, accept, other, starts, order, groups, first, parents, holds, rows):  # type: ignore[no-untyped-def]  # noqa: PLR0917
    """Draw marked rows (n, A): each active axis on its own, from the tables that `alias` and `thresholds` make."""
    words = state.copy()
    for i in range(len(rows)):
        row = rows[i]
        row[:] = -1
        for group in range(len(groups) - 1):
            active = True
            for clause in range(first[group], first[group + 1]):
                level = row[parents[clause]]
                active = active and level >= 0 and holds[clause, level]
            if not active:
                continue
            for place in range(groups[group], groups[group + 1]):
                axis = order[place]
                start, size = starts[axis], starts[axis + 1] - starts[axis]
                # the whole part is a level, and the rest a random number on its own
                product = _word(words) * np.uint64(size)
                level = np.int64(product >> HALF)
                # without a branch to guess
                left = (product & LOW) >= accept[start + level]
                row[axis] = level + (other[start + level] - level) * left
    state[:] = words


@njit(nogil=True, inline="always")
def _active(row, starts, found):  # type: ignore[no-untyped-def]
    """Write where the levels of a row's active axes stand, and return how many there are; without a branch to guess."""
    count = 0
    for axis in range(len(row)):
        found[count] = starts[axis] + row[axis]
        count += row[axis] >= 0
    return count


@njit(nogil=True, cache=True, fastmath=True)
def sums(rows, starts, table, base, out):  # type: ignore[no-untyped-def]
    """Write base (s,) plus the table's rows (R, s) of the active levels into out (n, s)."""
    found, width = np.empty(rows.shape[1] + 1, np.int64), len(base)
    for i in range(len(rows)):
        active, z = _active(rows[i], starts, found), out[i]
        for unit in range(width):
            z[unit] = base[unit]
        # four at once: half of the time goes into reading and writing z
        fours = active // 4 * 4
        for j in range(0, fours, 4):
            k, m, p, q = found[j], found[j + 1], found[j + 2], found[j + 3]
            for unit in range(width):
                z[unit] += (table[k, unit] + table[m, unit]) + (table[p, unit] + table[q, unit])
        for j in range(fours, active):
            k = found[j]
            for unit in range(width):
                z[unit] += table[k, unit]


@njit(nogil=True, cache=True)
def credit(rows, starts, advantage, counts, worth):  # type: ignore[no-untyped-def]
    """Add, for every level, how many rows it is active in, and their advantages (n,), to counts and worth (R,).

    Most rows have the least advantage of all: that is added at the end, at once.
    """
    found, least = np.empty(rows.shape[1] + 1, np.int64), advantage.min()
    for i in range(len(rows)):
        active, more = _active(rows[i], starts, found), advantage[i] - least
        for j in range(active):
            counts[found[j]] += 1
        if more > 0:
            for j in range(active):
                worth[found[j]] += more
    for level in range(len(counts)):
        worth[level] += least * counts[level]
