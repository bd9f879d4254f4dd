"""Regret curves of a result, a picture a benchmark."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

from judging.registry import FAMILIES, METHODS, OURS

mpl.use("Agg")

import matplotlib.pyplot as plt

Scores = Mapping[str, Mapping[str, Any]]
OURS_COLOR = "#1b5e8c"
COLORS = ("#c2571a", "#2f8f5b", "#8a5aa8", "#b8972e", "#c94f7c", "#4fa3a8", "#7a6a5a", "#5a6fc0", "#a0a832", "#d08070")
FLOOR = 1e-4
"""Regrets below this are drawn here: nothing is left to find."""


def draw(found: Mapping[str, Scores], folder: Path) -> dict[str, Path]:
    """Write one PNG a benchmark; returns where."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for name, scores in found.items():
        paths[name] = folder / f"quality-{name}.png"
        figure = curves(name, scores)
        figure.savefig(paths[name], dpi=150)
        plt.close(figure)
    return paths


def curves(name: str, scores: Scores) -> Any:
    """Mean normalised regret against trials; ours with its interval."""
    figure, axes = plt.subplots(figsize=(8, 4.6), layout="constrained")
    others = sorted((m for m in scores if m != OURS), key=lambda m: scores[m]["auc"])
    for method in others:
        _line(axes, method, scores[method], **_style(method))
    if OURS in scores:
        low, high = np.maximum(scores[OURS]["curve_interval"], FLOOR)
        trials = np.arange(1, len(low) + 1)
        axes.fill_between(trials, low, high, color=OURS_COLOR, alpha=0.12, linewidth=0)
        _line(axes, OURS, scores[OURS], color=OURS_COLOR, linewidth=2.8, linestyle="-", zorder=5)
    first = next(iter(scores.values()))
    last = len(first["curve"])
    axes.set(yscale="log", xlabel="trials", ylabel="mean normalised regret", xlim=(1, max(last, 2)))
    axes.set_xticks([1, *range(5, last + 1, 5)])
    # an interval may reach down to nothing, which a logarithmic axis must not follow
    axes.set_ylim(bottom=max(min(min(s["curve"]) for s in scores.values()), FLOOR) / 2)
    axes.set_title(f"{name}: {first['tasks']} data sets, each held out with its group", loc="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(which="major", color="#e4e4e4", linewidth=0.6)
    axes.set_axisbelow(True)
    _legend(axes)
    return figure


def _style(method: str) -> dict[str, Any]:
    """The same in every picture, whatever else is in it."""
    known = [name for name in {**METHODS, **FAMILIES} if name != OURS]
    place = known.index(method) if method in known else len(known)
    dashed = "-" if place < len(COLORS) else "--"
    return {"color": COLORS[place % len(COLORS)], "linewidth": 1.3, "linestyle": dashed}


def _line(axes: Any, method: str, scores: Mapping[str, Any], **style: Any) -> None:
    curve = np.maximum(scores["curve"], FLOOR)
    axes.plot(np.arange(1, len(curve) + 1), curve, label=method, **style)


def _legend(axes: Any) -> None:
    """Beside the curves, in the order in which they end, so that names stand near their lines."""
    handles, labels = axes.get_legend_handles_labels()
    order = sorted(range(len(handles)), key=lambda i: -float(handles[i].get_ydata()[-1]))
    axes.legend(
        [handles[i] for i in order],
        [labels[i] for i in order],
        frameon=False,
        fontsize=9,
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
    )
