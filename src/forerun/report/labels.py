"""Where names stand in a figure: at the ends of lines, below levels, and never on one another."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from forerun.report.drawing import BLUE, INK, MUTED

LINE = 0.068
"""Height of a line of text as a share of the height of a figure's axis."""
LETTER = 0.032
"""Width of a letter as a share of the width of a small figure's axis."""


def label_ends(axes: Axes, labels: Sequence[tuple[float, str, str]]) -> None:
    """Write names (level, name, colour) right of the axes, near their levels but clear of each other."""
    low, high = axes.get_ylim()
    axes.set_ylim(low, high)
    labels = [label for label in labels if math.isfinite(label[0])]
    gap = LINE * (high - low)
    ordered = sorted((min(max(level, low), high), name, colour) for level, name, colour in labels)
    places = spread([level for level, _, _ in ordered], gap, low, high)
    for (_, name, colour), place in zip(ordered, places, strict=True):
        axes.annotate(
            name,
            (1.015, place),
            xycoords=axes.get_yaxis_transform(),
            color=colour,
            va="center",
            fontsize=8.5,
            annotation_clip=False,
            fontweight="bold" if colour == BLUE else "normal",
        )


def spread(levels: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move ascending levels as little as needed to stand `gap` apart, within [low, high] if they fit.

    Groups that touch are centred on the mean of their levels and merged until none touch.
    """
    groups: list[list[float]] = []
    for level in levels:
        groups.append([level])
        while (
            len(groups) > 1 and _centre(groups[-1], gap, low, high)[0] < _centre(groups[-2], gap, low, high)[-1] + gap
        ):
            last = groups.pop()
            groups[-1] += last
    return [place for group in groups for place in _centre(group, gap, low, high)]


def _centre(group: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    half = gap * (len(group) - 1) / 2
    middle = sum(group) / len(group)
    middle = max(min(middle, high - half), low + half)
    return [middle - half + i * gap for i in range(len(group))]


def name_levels(axes: Axes, x: np.ndarray, labels: Sequence[str], best: int) -> None:
    """Name the best level, the ends, and of the others as many as fit."""
    span = (x[-1] - x[0]) or 1.0
    named: list[int] = []
    for index in (best, 0, len(x) - 1, *range(len(x))):
        room = (len(labels[index]) / 2 + 1.2) * LETTER
        if all(abs(x[index] - x[i]) / span > room + len(labels[i]) / 2 * LETTER for i in named):
            named.append(index)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks([float(x[i]) for i in named], [labels[i] for i in named])
    for tick, index in zip(axes.get_xticklabels(), named, strict=True):
        tick.set_fontweight("bold" if index == best else "normal")
        tick.set_color(INK if index == best else MUTED)
    axes.margins(x=0.08)
