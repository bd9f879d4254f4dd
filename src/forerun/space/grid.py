"""The discretised view of a search space: exact counting, index <-> configuration, level matrices.

Notation: A axes, n rows, L (n, A) level matrix. An axis is a domain with its levels, or one element of a
subset domain (off, on), so that ten features are ten axes of two levels and not one of 1,024.

A level matrix gives *every* axis a level, also inactive ones, so that moves on it (change one column)
are always well defined; `active` says which count, `encode` and `configurations` leave the others out,
and `canonical` sets them to 0, so that equal configurations are equal rows.

Conditions tie axes into connected components, which are independent of each other. Within a component,
one combination of levels of the parent axes is a *block*: what is then active is a plain product. So the
space is a product of sums of products, and counting and index arithmetic are exact at any size.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from forerun.errors import SpaceError
from forerun.space.choices import Subset
from forerun.space.conditions import Clause, Condition
from forerun.space.domains import Domain, Floats, Value

if TYPE_CHECKING:
    from forerun.space.space import Configuration, SearchSpace

Levels = npt.NDArray[np.int64]

MOST_BLOCKS = 200_000
"""A component with more combinations of parent levels than this is refused."""


@dataclass(frozen=True)
class Axis:
    """One column of a level matrix."""

    domain: str
    element: str | None
    """The element of a subset domain that this axis switches on; None for the other domains."""
    levels: tuple[Value, ...]


@dataclass(frozen=True)
class Block:
    """The configurations of one component with the same levels of its parent axes."""

    parents: tuple[int, ...]
    """Level of each parent axis of the component, -1 where inactive."""
    free: tuple[int, ...]
    """Axes that are active and no parents: a plain product."""
    size: int


@dataclass(frozen=True)
class Component:
    """Axes that conditions tie together."""

    axes: tuple[int, ...]
    """All of them, also those that are never active."""
    parents: tuple[int, ...]
    blocks: tuple[Block, ...]
    offsets: tuple[int, ...]
    """Index at which each block starts."""
    size: int

    @cached_property
    def block_of(self) -> dict[tuple[int, ...], int]:
        """Position of the block with these parent levels."""
        return {block.parents: b for b, block in enumerate(self.blocks)}


class Grid:
    """All configurations of a space on a finite grid (see the module's docstring)."""

    def __init__(self, space: "SearchSpace", resolution: int, fixed: "Configuration", encoder: "SearchSpace") -> None:
        if resolution < 2:
            raise SpaceError(f"resolution of a grid must be at least 2; got {resolution}")
        for name, value in fixed.items():
            if name not in space.domains:
                raise SpaceError(
                    f"fixed values must be of domains of {space.name!r} ({', '.join(space.domains)}); got {name!r}"
                )
            if allowed := space.domains[name].check(value):
                raise SpaceError(f"the fixed {name!r} must be {allowed}; got {value!r}")
        self.space = space
        self.encoder = encoder
        self.axes: list[Axis] = []
        for name, domain in space.domains.items():
            self.axes += _axes(name, domain, resolution, fixed.get(name))
        self._column = {(a.domain, a.element): i for i, a in enumerate(self.axes)}
        self._clauses = [self.tests(space.condition(axis.domain)) for axis in self.axes]

    @property
    def shape(self) -> list[int]:
        """Number of levels of each axis."""
        return [len(a.levels) for a in self.axes]

    def tests(self, condition: Condition) -> list[tuple[int, npt.NDArray[np.bool_]]]:
        """For each clause of a condition: the axis that it is about, and at which of its levels it holds."""
        tests = []
        for clause in condition.clauses:
            parent = self._column[clause.parent, _element(clause)]
            holds = [_holds(clause, level) for level in self.axes[parent].levels]
            tests.append((parent, np.array(holds, dtype=bool)))
        return tests

    # -- level matrices ----------------------------------------------------------------------------

    def active(self, L: Levels) -> npt.NDArray[np.bool_]:
        """Return which axes count in each row, (n, A)."""
        on = np.ones(L.shape, dtype=bool)
        for i, tests in enumerate(self._clauses):
            for parent, holds in tests:
                on[:, i] &= on[:, parent] & holds[L[:, parent]]
        return on

    def meets(self, condition: Condition, L: Levels) -> npt.NDArray[np.bool_]:
        """Return in which rows (n,) every clause of a condition holds; a clause on an inactive axis does not."""
        on, met = self.active(L), np.ones(len(L), dtype=bool)
        for axis, holds in self.tests(condition):
            met &= on[:, axis] & holds[L[:, axis]]
        return met

    def canonical(self, L: Levels) -> Levels:
        """Set the levels of inactive axes to 0, so that equal configurations are equal rows."""
        return np.where(self.active(L), L, 0)

    def sample(self, rng: np.random.Generator, n: int) -> Levels:
        """Draw n rows, each axis on its own."""
        return np.stack([rng.integers(0, size, n) for size in self.shape], axis=1)

    @cached_property
    def tables(self) -> list[tuple[npt.NDArray[np.int64], Floats]]:
        """For each axis its encoder columns (c,) and a table (levels + 1, c), the last row for inactive.

        An encoded row is the sum of one table row per axis, plus `constant`.
        """
        found = []
        for axis in self.axes:
            if axis.domain not in self.encoder.domains:
                found.append((np.zeros(0, dtype=np.int64), np.zeros((len(axis.levels) + 1, 0))))
                continue
            group = self.encoder.groups[axis.domain]
            domain = self.encoder.domains[axis.domain]
            first = axis.element is None or axis.element == self._elements(axis.domain)[0]
            inactive = [group.stop - 2] if first else []
            if axis.element is None:
                own = np.arange(group.start, group.stop - 2)
                values = domain.encode(axis.levels)
            else:
                own, values = _element_table(domain, group.start, axis)
            table = np.zeros((len(axis.levels) + 1, len(own) + len(inactive)))
            table[:-1, : len(own)] = values
            table[-1, len(own) :] = 1
            found.append((np.concatenate([own, np.array(inactive, dtype=np.int64)]).astype(np.int64), table))
        return found

    def _elements(self, domain: str) -> list[str | None]:
        return [a.element for a in self.axes if a.domain == domain]

    @cached_property
    def constant(self) -> Floats:
        """The columns that no axis decides: what the encoder has and this space has not is absent."""
        row = np.zeros(len(self.encoder.columns))
        for name, group in self.encoder.groups.items():
            if name not in self.space.domains:
                row[group.stop - 1] = 1
        return row

    def encode(self, L: Levels) -> Floats:
        """Encode rows as the encoder space does: (n, len(encoder.columns))."""
        X = np.tile(self.constant, (len(L), 1))
        on = self.active(L)
        for i, (columns, table) in enumerate(self.tables):
            X[:, columns] += table[np.where(on[:, i], L[:, i], len(table) - 1)]
        return X

    def configurations(self, L: Levels) -> list[dict[str, Value]]:
        """Return the configuration of each row."""
        on = self.active(L)
        found: list[dict[str, Value]] = []
        for row, active in zip(L, on, strict=True):
            configuration: dict[str, Value] = {}
            for i, axis in enumerate(self.axes):
                if not active[i]:
                    continue
                level = axis.levels[row[i]]
                if axis.element is None:
                    configuration[axis.domain] = level
                else:
                    chosen: Any = configuration.setdefault(axis.domain, ())
                    configuration[axis.domain] = (*chosen, axis.element) if level else chosen
            found.append(configuration)
        return found

    def nearest(self, configuration: "Configuration") -> Levels:
        """Return the row (A,) of the grid point nearest to a configuration, axis by axis."""
        row = np.zeros(len(self.axes), dtype=np.int64)
        for i, axis in enumerate(self.axes):
            if axis.domain not in configuration:
                continue
            value = configuration[axis.domain]
            if axis.element is not None:
                wanted = axis.element in value  # type: ignore[operator]
                row[i] = axis.levels.index(wanted) if wanted in axis.levels else 0
                continue
            domain = self.space.domains[axis.domain]
            gap = domain.encode(axis.levels)[:, :1] - domain.encode([value])[:, :1]
            if domain.type == "categorical":
                gap = domain.encode(axis.levels) - domain.encode([value])
            row[i] = np.abs(gap).sum(axis=1).argmin()
        return row

    # -- counting and index arithmetic -------------------------------------------------------------

    @cached_property
    def components(self) -> list[Component]:
        """The independent parts of the space, in axis order."""
        label = list(range(len(self.axes)))
        for i, tests in enumerate(self._clauses):
            for parent, _ in tests:
                old, new = label[i], label[parent]
                label = [new if v == old else v for v in label]
        return [self._component([i for i, v in enumerate(label) if v == key]) for key in dict.fromkeys(label)]

    def _component(self, axes: list[int]) -> Component:
        parents = sorted({p for i in axes for p, _ in self._clauses[i]})
        blocks: list[Block] = []
        for levels in self._assignments(parents, {}):
            free = tuple(i for i in axes if i not in levels and self._is_active(i, levels))
            size = prod(self.shape[i] for i in free)
            blocks.append(Block(tuple(levels[p] for p in parents), free, size))
            if len(blocks) > MOST_BLOCKS:
                names = sorted({self.axes[p].domain for p in parents})
                raise SpaceError(f"the parents {names} combine in over {MOST_BLOCKS:,} ways; give them fewer levels")
        starts = np.cumsum([0] + [b.size for b in blocks], dtype=object)
        return Component(tuple(axes), tuple(parents), tuple(blocks), tuple(starts[:-1]), int(starts[-1]))

    def _is_active(self, axis: int, levels: dict[int, int]) -> bool:
        return all(levels[p] >= 0 and holds[levels[p]] for p, holds in self._clauses[axis])

    def _assignments(self, parents: Sequence[int], levels: dict[int, int]) -> Iterator[dict[int, int]]:
        if len(levels) == len(parents):
            yield dict(levels)
            return
        axis = parents[len(levels)]
        for level in range(self.shape[axis]) if self._is_active(axis, levels) else (-1,):
            yield from self._assignments(parents, {**levels, axis: level})

    @cached_property
    def size(self) -> int:
        """How many distinct configurations the grid holds, exactly."""
        return prod(c.size for c in self.components)

    def levels_at(self, indices: npt.ArrayLike) -> Levels:
        """Return the canonical rows (n, A) of configurations by index, 0 <= index < size."""
        index = np.asarray(indices)
        if len(index) and (index.min() < 0 or index.max() >= self.size):
            raise SpaceError(f"an index must be from 0 to {self.size - 1}; got {index.min()} to {index.max()}")
        index = index.astype(np.int64 if self.size < 2**62 else object)
        L = np.zeros((len(index), len(self.axes)), dtype=np.int64)
        for component in reversed(self.components):
            index, rest = index // component.size, index % component.size
            which = np.searchsorted(np.array(component.offsets, dtype=index.dtype), rest, side="right") - 1
            for b in np.unique(which):
                rows = np.flatnonzero(which == b)
                block, inside = component.blocks[b], rest[rows] - component.offsets[b]
                for axis, level in zip(component.parents, block.parents, strict=True):
                    L[rows, axis] = max(level, 0)
                for axis in reversed(block.free):
                    L[rows, axis] = (inside % self.shape[axis]).astype(np.int64)
                    inside = inside // self.shape[axis]
        return L

    def configuration(self, index: int) -> dict[str, Value]:
        """Return the configuration with this index."""
        return self.configurations(self.levels_at(np.array([index], dtype=object)))[0]

    def index(self, configuration: "Configuration") -> int:
        """Return the index of the grid point nearest to a configuration."""
        row = self.canonical(self.nearest(configuration)[None])
        on, levels, index = self.active(row)[0], row[0], 0
        for component in self.components:
            parents = tuple(int(levels[p]) if on[p] else -1 for p in component.parents)
            b = component.block_of[parents]
            inside = 0
            for axis in component.blocks[b].free:
                inside = inside * self.shape[axis] + int(levels[axis])
            index = index * component.size + component.offsets[b] + inside
        return index


def _axes(name: str, domain: Domain, resolution: int, fixed: Value | None) -> list[Axis]:
    if isinstance(domain, Subset):
        if fixed is None:
            return [Axis(name, element, (False, True)) for element in domain.values]
        return [Axis(name, element, (element in fixed,)) for element in domain.values]  # type: ignore[operator]
    return [Axis(name, None, tuple(domain.levels(resolution)) if fixed is None else (domain.restore(fixed),))]


def _element(clause: Clause) -> str | None:
    return str(clause.operand) if clause.relation == "has" else None


def _holds(clause: Clause, level: Value) -> bool:
    return bool(level) if clause.relation == "has" else clause.holds(level)


def _element_table(domain: Domain, start: int, axis: Axis) -> tuple[npt.NDArray[np.int64], Floats]:
    """Column and values of one element of a subset; an element the encoder does not know has no column."""
    if axis.element not in domain.columns:
        return np.zeros(0, dtype=np.int64), np.zeros((len(axis.levels), 0))
    column = start + domain.columns.index(axis.element)
    return np.array([column]), np.array([[float(bool(v))] for v in axis.levels])
