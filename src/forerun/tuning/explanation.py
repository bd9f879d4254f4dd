"""Why a configuration: which hyperparameters matter to a surrogate, and in which direction.

Notation: A axes, L (n, A) level matrices (see `space.grid`), f the predicted mean in target units.

Effect of an axis: f at the recommendation with this axis moved over its levels and all others left alone.
Where that switches axes on, f is that of the best of a few random settings of those, so that a learner is
not judged by its worst one. Importance of a domain: the share of the variance of f over the whole space
that its levels explain (a first-order Sobol index, estimated by analysis of variance of a random sample,
with the epsilon-squared correction: noise has importance 0 in the mean, not 1 / n per level).
"""

from typing import Any

import numpy as np
import pandas as pd

from forerun.metalearners import Prediction, Surrogate
from forerun.search.base import Levels, mark
from forerun.space import Categorical, Configuration, Floats, Grid

COLUMNS = ["domain", "level", "position", "mean", "std", "importance"]
CHILDREN = 32
"""Random settings of the axes that a move switches on."""


def explain(
    surrogate: Surrogate,
    grid: Grid,
    configuration: Configuration,
    rng: np.random.Generator,
    *,
    samples: int = 4_000,
) -> pd.DataFrame:
    """Return one row a level of each active domain, most important domains first.

    level as text; position of the level on the domain's scale in [0, 1], NaN where there is no order; mean
    and std of the predicted loss in the task's own units; importance in [0, 1], the same for all rows of a
    domain. Elements of a set are levels 'with a' or 'without a' of its domain, beside 'as recommended'.
    """
    importance = importances(surrogate, grid, rng, samples)
    row = grid.nearest(configuration)
    on = grid.active(row[None])[0]
    frames = []
    for axis in range(len(grid.axes)):
        if on[axis] and grid.shape[axis] > 1:
            frames.append(_effect(surrogate, grid, row, axis, rng))
    found = pd.DataFrame([r for frame in frames for r in frame], columns=COLUMNS[:-1])
    found = found.drop_duplicates(["domain", "level"], ignore_index=True)
    found["importance"] = [importance[name] for name in found["domain"]]
    return found.sort_values("importance", ascending=False, kind="stable", ignore_index=True)


def _effect(surrogate: Surrogate, grid: Grid, row: Levels, axis: int, rng: np.random.Generator) -> list[list[Any]]:
    """Rows of one axis: domain, level, position, mean, std."""
    prediction = _moved(surrogate, grid, row, axis, rng)
    raw = surrogate.to_units(prediction)
    place = grid.axes[axis]
    positions = _positions(grid, axis)
    names = [_name(grid, axis, level, int(row[axis])) for level in range(grid.shape[axis])]
    values = zip(names, positions, raw.mean, raw.std, strict=True)
    return [[place.domain, name, float(p), float(m), float(s)] for name, p, m, s in values]


def _moved(surrogate: Surrogate, grid: Grid, row: Levels, axis: int, rng: np.random.Generator) -> Prediction:
    """Predict the row with one axis at each of its levels."""
    L = np.repeat(row[None], grid.shape[axis], axis=0)
    L[:, axis] = np.arange(len(L))
    on = grid.active(row[None])[0]
    switched = grid.active(L) & ~on
    # every level with many settings of all axes; those that were on keep theirs
    many = np.repeat(L, CHILDREN, axis=0)
    drawn = grid.sample(rng, len(many))
    # an axis that comes alive may switch on others in turn; all that was off is drawn
    many = np.where(on, many, drawn)
    several = switched.any(axis=1)
    prediction = surrogate.predict(grid.encode(many))
    means = prediction.mean.reshape(len(L), CHILDREN)
    best = np.where(several, means.argmin(axis=1), 0)
    pick = np.arange(len(L)) * CHILDREN + best
    return Prediction(prediction.mean[pick], prediction.std[pick])


def _positions(grid: Grid, axis: int) -> Floats:
    place = grid.axes[axis]
    domain = grid.space.domains[place.domain]
    if place.element is not None or isinstance(domain, Categorical):
        return np.full(len(place.levels), np.nan)
    return np.asarray((domain.encode(place.levels)[:, 0] + 1) / 2)


def _name(grid: Grid, axis: int, level: int, current: int) -> str:
    place = grid.axes[axis]
    value = place.levels[level]
    if place.element is not None:
        return "as recommended" if level == current else f"{'with' if value else 'without'} {place.element}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def importances(surrogate: Surrogate, grid: Grid, rng: np.random.Generator, samples: int) -> dict[str, float]:
    """Return the share of the variance of the predicted mean that each domain explains, in [0, 1]."""
    L = grid.sample(rng, samples)
    mean = surrogate.predict(grid.encode(L)).mean
    rows = mark(grid, L)
    found = dict.fromkeys((a.domain for a in grid.axes), 0.0)
    for axis, place in enumerate(grid.axes):
        found[place.domain] += _explained(rows[:, axis], mean)
    return {name: min(share, 1.0) for name, share in found.items()}


def _explained(levels: Levels, values: Floats) -> float:
    """Epsilon squared of a one-way analysis of variance, at least 0."""
    _, group = np.unique(levels, return_inverse=True)
    groups, n = int(group.max()) + 1, len(values)
    total = float(((values - values.mean()) ** 2).sum())
    if groups < 2 or total <= 1e-12 * n:
        return 0.0
    counts = np.bincount(group)
    centers = np.bincount(group, values) / counts
    between = float((counts * (centers - values.mean()) ** 2).sum())
    noise = (total - between) / (n - groups)
    return max(0.0, (between - (groups - 1) * noise) / total)
