"""Refinement: the numeric values of a candidate, moved off the grid to where the score is better still.

Random perturbations that shrink around the best so far, and for a score that is a network steps of many lengths
down its gradient. A value stays within half the distance to its
neighbours on the grid, so that the candidate stays nearest to its own grid point, and whatever the search
promised of distances between candidates holds. Parents of conditions do not move.
"""

import numpy as np

from forerun.search.base import Candidate, Floats, Levels, Problem
from forerun.space import Additive, Configuration, Domain, Integer, Layers, Real, Value

ROUNDS = 5
DRAWS = 64
"""Perturbations of each candidate in each round."""
STEPS = 32
"""Lengths of steps down the gradient in each round."""
STEP = 1e-4
"""By which a place is moved to see how the encoding changes with it."""


def refine(problem: Problem, L: Levels, scores: Floats, rng: np.random.Generator) -> list[Candidate]:
    """Return the candidates of rows (k, A) with their scores, each as good as its row or better; best first."""
    configurations = problem.grid.configurations(L)
    movable = _movable(problem)
    pairs = zip(configurations, scores, strict=True)
    found = [_refine_one(problem, movable, c, float(score), rng) for c, score in pairs]
    return sorted(found, key=lambda candidate: candidate.score)


def _movable(problem: Problem) -> dict[str, Floats]:
    """Numeric domains with more values than levels, and the levels' places u, in rising order."""
    grid, space = problem.grid, problem.grid.space
    conditions = [*space.conditions.values(), *problem.forbidden]
    parents = {p for condition in conditions for p in condition.parents}
    found = {}
    for axis in grid.axes:
        domain = space.domains[axis.domain]
        if isinstance(domain, (Real, Integer)) and len(axis.levels) > 1 and axis.domain not in parents:
            dense = isinstance(domain, Integer) and domain.high - domain.low + 1 == len(axis.levels)
            if not dense:
                found[axis.domain] = domain.place(list(axis.levels))
    return found


def _refine_one(
    problem: Problem, movable: dict[str, Floats], configuration: Configuration, score: float, rng: np.random.Generator
) -> Candidate:
    space = problem.grid.space
    names = [name for name in movable if name in configuration]
    if not names:
        return Candidate(configuration, score)
    start = np.array([_place(space.domains[n], configuration[n]) for n in names])
    low, high = np.array([_cell(movable[n], u) for n, u in zip(names, start, strict=True)]).T
    best, u = Candidate(configuration, score), start
    for i in range(ROUNDS):
        noise = rng.normal(0, (high - low) * 0.5**i / 2, (DRAWS, len(names)))
        # moving few values at a time finds more than moving all
        noise[rng.random(noise.shape) < 0.5] = 0
        down = -_slope(problem, best.configuration, names, u) * (high - low) ** 2
        if down.any():
            # so far that the steepest, or nearly all, reach the borders of their cells, and down to next to nothing
            steepest = down / np.abs(down / (high - low)).max()
            noise = np.vstack([noise, np.geomspace(1e-3, 30, STEPS)[:, None] * steepest])
        tries = np.clip(u + noise, low, high)
        columns = {
            n: _neat(space.domains[n], space.domains[n].decode(tries[:, [j]]), low[j], high[j])
            for j, n in enumerate(names)
        }
        values = problem.evaluate(_encode(problem, configuration, columns))
        winner = int(values.argmin())
        if values[winner] < best.score:
            moved = {n: column[winner] for n, column in columns.items()}
            best, u = Candidate({**configuration, **moved}, float(values[winner])), tries[winner]
    return best


def _slope(problem: Problem, configuration: Configuration, names: list[str], u: Floats) -> Floats:
    """How the score changes with the places u of some domains; zeros for a score that is not a network."""
    score, encoder = problem.score, problem.grid.encoder
    slope = np.zeros(len(names))
    if not isinstance(score, Additive):
        return slope
    outward = gradient(score.layers(), encoder.encode([configuration], own=problem.grid.space))[0]
    for j, name in enumerate(names):
        own, domain = encoder.domains.get(name), problem.grid.space.domains[name]
        if isinstance(own, (Real, Integer)) and isinstance(domain, (Real, Integer)):
            ends = np.clip(u[j] + np.array([-STEP, STEP]), -1, 1)
            # through the values: the encoder's domain may have other limits than the space's own
            low, high = own.encode(list(domain.unplace(ends)))
            slope[j] = (high - low) @ outward[encoder.groups[name]][:-2] / (ends[1] - ends[0])
    return slope


def gradient(layers: Layers, X: Floats) -> Floats:
    """The gradient (n, d) of a ReLU network with one output, as `Additive.layers` tells it, at inputs X (n, d)."""
    z, on = X @ layers[0][0] + layers[0][1], []
    for weights, offset in layers[1:]:
        on.append(z > 0)
        z = np.maximum(z, 0) @ weights + offset
    slope = np.ones((len(X), 1))
    for (weights, _), active in zip(layers[:0:-1], on[::-1], strict=True):
        slope = (slope @ weights.T) * active
    return np.asarray(slope @ layers[0][0].T)


def _neat(domain: Domain, values: list[Value], low: float, high: float) -> list[Value]:
    """Values as people write them, with four digits, where that keeps them in their cell."""
    if not isinstance(domain, Real):
        return values
    short = [float(f"{v:.4g}") for v in values]
    u = domain.place(short)
    inside = (u >= low) & (u <= high)
    return [s if fine else v for s, v, fine in zip(short, values, inside, strict=True)]


def _place(domain: Domain, value: Value) -> float:
    assert isinstance(domain, (Real, Integer))  # noqa: S101 (_movable holds no others)
    return float(domain.place([value])[0])


def _cell(levels: Floats, u: float) -> tuple[float, float]:
    """The part of the axis (in u) that is nearer to u's level than to its neighbours."""
    i = int(np.abs(levels - u).argmin())
    low = (levels[i - 1] + levels[i]) / 2 if i > 0 else levels[i]
    high = (levels[i] + levels[i + 1]) / 2 if i + 1 < len(levels) else levels[i]
    # not quite to the border, where rounding could make the neighbour the nearest
    return levels[i] + 0.98 * (low - levels[i]), levels[i] + 0.98 * (high - levels[i])


def _encode(problem: Problem, configuration: Configuration, columns: dict[str, list[Value]]) -> Floats:
    """Encode the configuration with some of its values replaced, column by column, (n, d)."""
    encoder = problem.grid.encoder
    rows = max(len(values) for values in columns.values())
    X = np.repeat(encoder.encode([configuration], own=problem.grid.space), rows, axis=0)
    for name, values in columns.items():
        if name in encoder.domains:
            X[:, encoder.groups[name]][:, :-2] = encoder.domains[name].encode(values)
    return X
