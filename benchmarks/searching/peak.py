"""What the machine could do at most: the arithmetic that is left of a candidate, and nothing else.

With one hidden layer a candidate costs one comparison and one addition for every unit, and one of each for the
score itself (without units, that alone). `pairs` does just these, in one fused loop on registers: nothing is loaded
and nothing stored. A candidate of h units costs h + 1 pairs. With two hidden layers of h units, what counts is the
matrix product between them: `products` measures it on blocks that stay in the cache.
"""

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
import torch
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from searching.threads import one_thread_each

TURNS = 8_000_000
BLOCKS = (512, 2_048, 8_192)
SHAPES = tuple((lanes, sums) for lanes in (8, 16) for sums in (6, 8, 12, 14))
"""Lanes of a vector and independent sums that are tried; which is best depends on the machine."""


@cache
def _loop(lanes: int, sums: int) -> Any:
    """A compiled function of a number of turns, each of `sums` fused pairs on vectors of `lanes` numbers."""

    @intrinsic  # type: ignore[untyped-decorator]
    def turns(typing: Any, count: Any, seed: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            vector = ir.VectorType(ir.FloatType(), lanes)
            count, seed = arguments

            def spread(number: Any) -> Any:
                nothing, zero = ir.Constant(vector, ir.Undefined), ir.Constant(ir.IntType(32), 0)
                one = builder.insert_element(nothing, number, zero)
                return builder.shuffle_vector(
                    one, nothing, ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)
                )

            step = spread(seed)
            # other numbers for each sum, unknown to the compiler
            rows = [
                builder.fmul(step, ir.Constant(vector, [float(i * lanes + j) for j in range(lanes)]))
                for i in range(sums)
            ]
            moving = cgutils.alloca_once_value(builder, step)
            totals = [cgutils.alloca_once_value(builder, row) for row in rows]
            with cgutils.for_range(builder, count):
                own = builder.load(moving)
                for row, total in zip(rows, totals, strict=True):
                    larger = builder.select(builder.fcmp_ordered(">", own, row), own, row)
                    builder.store(builder.fadd(builder.load(total), larger), total)
                builder.store(builder.fadd(own, step), moving)
            whole = builder.load(totals[0])
            for total in totals[1:]:
                whole = builder.fadd(whole, builder.load(total))
            found = builder.extract_element(whole, ir.Constant(ir.IntType(32), 0))
            for j in range(1, lanes):
                found = builder.fadd(found, builder.extract_element(whole, ir.Constant(ir.IntType(32), j)))
            return found

        return types.float32(types.int64, types.float32), generate

    return njit(nogil=True)(lambda count, seed: turns(count, seed))  # noqa: PLW0108 - numba compiles functions, not intrinsics


def candidates(widths: Sequence[int]) -> float:
    """Candidates a second of a network with hidden layers of these widths, at most, of all cores."""
    return pairs() / (1 + sum(widths)) if len(widths) < 2 else products(widths[0])


def pairs(turns: int = TURNS) -> float:
    """Pairs of a comparison and an addition a second, of all cores: the best of some loops."""
    best = 0.0
    for lanes, sums in SHAPES:
        loop = _loop(lanes, sums)
        loop(10, np.float32(1e-9))
        for _ in range(3):
            best = max(
                best, _together(lambda loop=loop, turns=turns: loop(turns, np.float32(1e-9))) * turns * lanes * sums
            )
    return best


def products(units: int) -> float:
    """Candidates a second of a matrix product (n, units) @ (units, units) in float32, of all cores."""
    best = 0.0
    for n in BLOCKS:
        given, weights = np.ones((n, units), np.float32), np.ones((units, units), np.float32)
        turns = 10_000_000 // n

        def by_numpy(given: Any = given, weights: Any = weights, turns: int = turns) -> None:
            made = np.empty_like(given)
            for _ in range(turns):
                np.matmul(given, weights, out=made)

        def by_torch(given: Any = given, weights: Any = weights, turns: int = turns) -> None:
            one, two = torch.from_numpy(given), torch.from_numpy(weights)
            made = torch.empty_like(one)
            for _ in range(turns):
                torch.mm(one, two, out=made)

        with one_thread_each():
            best = max(best, *(_together(work) * turns * n for work in (by_numpy, by_torch) for _ in range(2)))
    return best


def _together(work: Any) -> float:
    """How often a second something is done, when every core does it at once."""
    cores = os.cpu_count() or 1
    with ThreadPoolExecutor(cores) as pool:
        began = time.perf_counter()
        list(pool.map(lambda _: work(), range(cores)))
        return cores / (time.perf_counter() - began)
