"""Small figures of effects: how each hyperparameter moves the predicted loss away from the recommendation."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from forerun.report.drawing import BLUE, INK, axes_of, drawn, figure
from forerun.report.labels import name_levels
from forerun.report.wording import shorten

LEVELS_NAMED = 7
"""Rows that fit in a small figure; the best ones are shown."""


@drawn
def effect_figure(effect: pd.DataFrame, unit: str, limits: tuple[float, float]) -> Figure:
    """Effect of one domain: predicted loss at each of its levels, all else as recommended; bars are ± 1 std.

    effect: the domain's rows of the explanation. limits: of the loss axis, shared by figures side by side.
    """
    if ordered(effect):
        return _ordered_effect(effect, unit, limits)
    return _named_effect(effect, unit, limits)


def ordered(effect: pd.DataFrame) -> bool:
    """Whether a domain's levels stand on a scale, so that a line between them means something."""
    return len(effect) > 2 and bool(effect["position"].notna().all())


def _ordered_effect(effect: pd.DataFrame, unit: str, limits: tuple[float, float]) -> Figure:
    drawing = figure(300, 190)
    axes = axes_of(drawing, shorten(unit, 24), "")
    effect = effect.sort_values("position")
    x, mean = effect["position"].to_numpy(float), effect["mean"].to_numpy(float)
    std = np.nan_to_num(effect["std"].to_numpy(float))
    axes.fill_between(x, mean - std, mean + std, color=BLUE, alpha=0.14, linewidth=0)
    axes.plot(x, mean, "o-", color=BLUE, linewidth=1.8, markersize=3.5)
    best = int(np.argmin(mean))
    axes.plot(x[best : best + 1], mean[best : best + 1], "o", color=BLUE, markersize=7)
    name_levels(axes, x, [shorten(str(level), 12) for level in effect["level"]], best)
    axes.set_ylim(limits)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
    return drawing


def _named_effect(effect: pd.DataFrame, unit: str, limits: tuple[float, float]) -> Figure:
    """Levels without a scale stand as rows, the best on top."""
    drawing = figure(300, 190)
    axes = drawing.add_subplot()
    rows = effect.sort_values("mean", kind="stable").head(LEVELS_NAMED)
    y, mean = np.arange(len(rows)), rows["mean"].to_numpy(float)
    axes.errorbar(
        mean,
        y,
        xerr=np.nan_to_num(rows["std"].to_numpy(float)),
        fmt="o",
        color=BLUE,
        elinewidth=1.3,
        markersize=4,
        ecolor=(BLUE, 0.45),
    )
    axes.plot(mean[:1], y[:1], "o", color=BLUE, markersize=7)
    axes.set_yticks(y, [shorten(str(level), 21) for level in rows["level"]])
    axes.get_yticklabels()[0].set(color=INK, fontweight="bold")
    axes.set_ylim(max(len(rows), 4) - 0.4, -0.6)
    axes.set_xlim(limits)
    axes.grid(axis="x")
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(shorten(unit, 24), loc="left")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4))
    return drawing
