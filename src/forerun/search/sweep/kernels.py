"""The inner loops of exhaustive search: the least score of every row of a block over all rows of a suffix.

A score with one hidden layer is a sum of units over a sum of two tables, and each unit is one comparison:

    w relu(a + b) = M(w a, -w b) + w b      M: max where w > 0, min where w < 0

With w folded into both tables, and the sum of the w b known beforehand for every row of the suffix, a candidate
costs one comparison and one addition a unit; without units, it is the sum of two numbers.

`minima` works as matrix products do: ROWS rows of the block against WIDE vectors of the suffix at a time, whose
sums stay in registers, so that what is loaded is used several times. A compiler does not find that form in plain
loops (measured: half as fast with 32 units, a tenth with 64), so `_strip` spells it out, in LLVM's vectors; the
hardware's own width is LLVM's matter.

Notation: s units, the first `raised` of them with w > 0. A row (1 + s,) is what belongs to all units together,
then one number for each. A tile (1 + s, TILE) holds TILE rows of the suffix, column by column.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 16
"""Numbers of a vector."""
WIDE = 2
ROWS = 4
TILE = LANES * WIDE

_LANE = ir.FloatType()
_VECTOR = ir.VectorType(_LANE, LANES)


def _at(n: int) -> ir.Constant:
    return ir.Constant(ir.IntType(64), n)


def _load(builder: Any, data: Any, at: Any) -> Any:
    """LANES numbers from `at` on; their address may be any."""
    return builder.load(builder.bitcast(builder.gep(data, [at]), _VECTOR.as_pointer()), align=4)


def _spread(builder: Any, data: Any, at: Any) -> Any:
    """One number in all lanes."""
    nothing, index = ir.Constant(_VECTOR, ir.Undefined), ir.IntType(32)
    one = builder.insert_element(nothing, builder.load(builder.gep(data, [at])), ir.Constant(index, 0))
    return builder.shuffle_vector(one, nothing, ir.Constant(ir.VectorType(index, LANES), [0] * LANES))


def _choose(builder: Any, relation: str, one: Any, other: Any) -> Any:
    """The greater (">") or the lesser ("<") of two vectors, lane by lane: one instruction."""
    return builder.select(builder.fcmp_ordered(relation, one, other), one, other)


@intrinsic  # type: ignore[untyped-decorator]
def _strip(typing: Any, rows: Any, tiles: Any, raised: Any, least: Any) -> Any:
    """Write the least scores (ROWS, LANES) of rows (1 + s, ROWS) over tiles (n, 1 + s, TILE), lane by lane."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        row, tile, out = (context.make_array(signature.args[i])(context, builder, arguments[i]) for i in (0, 1, 3))
        count, units = cgutils.unpack_tuple(builder, tile.shape)[:2]
        # LLVM keeps these in registers
        lowest = [cgutils.alloca_once(builder, _VECTOR) for _ in range(ROWS)]
        sums = [[cgutils.alloca_once(builder, _VECTOR) for _ in range(WIDE)] for _ in range(ROWS)]
        for slot in lowest:
            builder.store(ir.Constant(_VECTOR, [float("inf")] * LANES), slot)

        def columns(start: Any, unit: Any) -> tuple[list[Any], list[Any]]:
            """One unit of the tile that starts there, and of every row."""
            first, own = builder.add(start, builder.mul(unit, _at(TILE))), builder.mul(unit, _at(ROWS))
            lanes = [_load(builder, tile.data, builder.add(first, _at(v * LANES))) for v in range(WIDE)]
            return lanes, [_spread(builder, row.data, builder.add(own, _at(r))) for r in range(ROWS)]

        with cgutils.for_range(builder, count) as loop:
            start = builder.mul(loop.index, builder.mul(units, _at(TILE)))
            lanes, own = columns(start, _at(0))
            for r in range(ROWS):
                for v in range(WIDE):
                    builder.store(builder.fadd(lanes[v], own[r]), sums[r][v])
            last = builder.add(arguments[2], _at(1))
            for relation, first, stop in ((">", _at(1), last), ("<", last, units)):
                with cgutils.for_range(builder, stop, first) as unit:
                    lanes, own = columns(start, unit.index)
                    for r in range(ROWS):
                        for v in range(WIDE):
                            chosen = _choose(builder, relation, lanes[v], own[r])
                            builder.store(builder.fadd(builder.load(sums[r][v]), chosen), sums[r][v])
            for r in range(ROWS):
                for v in range(WIDE):
                    chosen = _choose(builder, "<", builder.load(sums[r][v]), builder.load(lowest[r]))
                    builder.store(chosen, lowest[r])
        for r in range(ROWS):
            place = builder.bitcast(builder.gep(out.data, [_at(r * LANES)]), _VECTOR.as_pointer())
            builder.store(builder.load(lowest[r]), place, align=4)
        return context.get_dummy_value()

    return types.void(rows, tiles, raised, least), generate


@njit(nogil=True, cache=True)
def minima(head, block, wanted, tiles, raised, out):  # type: ignore[no-untyped-def]  # noqa: PLR0917
    """Write the least score (n,) of each wanted row over all tiles. Everything is float32.

    head (1 + s,) is added to every row of the block (rows, 1 + s); wanted (n,) says which of them to score.
    """
    units = len(head)
    rows = np.empty((units, ROWS), np.float32)
    least = np.empty((ROWS, LANES), np.float32)
    for first in range(0, len(wanted), ROWS):
        for r in range(ROWS):
            own = block[wanted[min(first + r, len(wanted) - 1)]]
            for unit in range(units):
                rows[unit, r] = head[unit] + own[unit]
        _strip(rows, tiles, np.int64(raised), least)
        for r in range(min(ROWS, len(wanted) - first)):
            out[first + r] = least[r].min()


@njit(nogil=True, cache=True)
def scores(rows, suffix, raised, out):  # type: ignore[no-untyped-def]
    """Write the scores (n, m) of rows (n, 1 + s) with each row of a suffix (1 + s, m), in float64."""
    for i in range(len(rows)):
        row, sums = rows[i], out[i]
        for j in range(len(sums)):
            sums[j] = row[0] + suffix[0, j]
        for unit in range(1, len(row)):
            own, lanes = row[unit], suffix[unit]
            if unit <= raised:
                for j in range(len(sums)):
                    sums[j] += own if own > lanes[j] else lanes[j]
            else:
                for j in range(len(sums)):
                    sums[j] += own if own < lanes[j] else lanes[j]


@njit(nogil=True, cache=True)
def first_layer(rows, suffix, out):  # type: ignore[no-untyped-def]
    """Write max(0, row + suffix row) for all pairs of rows (n, s) and a suffix (m, s) into out (n m, s)."""
    for i in range(len(rows)):
        own = rows[i]
        for j in range(len(suffix)):
            other, sums = suffix[j], out[i * len(suffix) + j]
            for unit in range(len(own)):
                z = own[unit] + other[unit]
                sums[unit] = z if z > 0 else np.float32(0)


@njit(nogil=True, cache=True)
def bend(z, offset):  # type: ignore[no-untyped-def]
    """Replace z (n, s) by max(0, z + offset (s,))."""
    for i in range(len(z)):
        row = z[i]
        for unit in range(len(offset)):
            moved = row[unit] + offset[unit]
            row[unit] = moved if moved > 0 else np.float32(0)


def tiled(suffix: np.ndarray) -> np.ndarray:
    """The suffix (m, 1 + s) as float32 tiles; what fills up the last one scores +inf."""
    count = -(-len(suffix) // TILE)
    padded = np.zeros((count * TILE, suffix.shape[1]), dtype=np.float32)
    padded[: len(suffix)] = suffix
    padded[len(suffix) :, 0] = np.inf
    return np.ascontiguousarray(padded.reshape(count, TILE, -1).transpose(0, 2, 1))
