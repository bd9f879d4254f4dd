"""The figures of docs/learned-search.md, from a result of the benchmark."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("Agg")

import matplotlib.pyplot as plt

COLORS = {
    "random": "#8a8a8a",
    "ascent": "#3a8a4d",
    "evolution": "#8a5fb0",
    "reinforce": "#1b5e8c",
    "reinforce_recurrent": "#c2571a",
}
LABELS = {
    "random": "random",
    "ascent": "coordinate ascent",
    "evolution": "regularised evolution",
    "reinforce": "REINFORCE, independent",
    "reinforce_recurrent": "REINFORCE, recurrent",
}
TOLD = {"learned": "learned", "deaf": "the same, told random results", "random": "random"}


def draw(found: dict[str, Any], folder: Path) -> None:
    """Write the figures of the sections that were measured into a folder."""
    drawings = {"certified": certified, "wide": wide, "optimizer": optimizer}
    for name in (name for name in drawings if name in found):
        figure = drawings[name](found[name])
        figure.savefig(folder / f"learned-search-{name}.png", dpi=150)
        plt.close(figure)


def _axes(columns: int = 1, width: float = 7, height: float = 4) -> tuple[Any, list[Any]]:
    figure, axes = plt.subplots(1, columns, figsize=(width, height), layout="constrained", squeeze=False)
    for one in axes[0]:
        one.spines[["top", "right"]].set_visible(False)
        one.grid(color="#e4e4e4", linewidth=0.6)
        one.set_axisbelow(True)
    return figure, list(axes[0])


def certified(found: dict[str, Any]) -> Any:
    """Share of searches that found the certified optimum, against candidates and seconds."""
    figure, axes = _axes(2, width=10)
    for name, runs in found["runs"].items():
        for one, key in zip(axes, ("scored", "seconds"), strict=True):
            at = np.sort([run[key] for run in runs if run["reached"]])
            share = np.arange(1, len(at) + 1) / len(runs)
            # to the end of the longest search, where nothing more was found
            end = max(run[key] for run in runs)
            one.step([*at, end], [*share, len(at) / len(runs)], where="post", color=COLORS[name], label=LABELS[name])
    axes[0].set(xscale="log", xlabel="candidates scored", ylabel="share of searches that found the optimum")
    axes[1].set(xscale="log", xlabel="seconds of one processor")
    for one in axes:
        one.set_ylim(-0.02, 1.05)
    size = found["space"]["configurations"]
    title = f"Finding the certified optimum of {size:.2g} configurations, {found['networks']} networks"
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5, frameon=False, fontsize=8)
    return figure


def wide(found: dict[str, Any]) -> Any:
    """How far above the best of all the best so far is, against candidates and seconds, for each space."""
    figure, axes = _axes(2 * len(found), width=15, height=4)
    for i, (space, told) in enumerate(found.items()):
        for one, key, label in zip(axes[2 * i :], (1, 0), ("candidates scored", "seconds"), strict=False):
            for name, runs in told["runs"].items():
                for run in runs:
                    points = [*run["points"], [run["seconds"], run["scored"], run["best"]]]
                    at, above = [p[key] for p in points], [p[2] - told["best"] for p in points]
                    labelled = LABELS[name] if run is runs[0] else None
                    one.step(at, above, where="post", color=COLORS[name], linewidth=1, label=labelled)
            one.set(xscale="log", xlabel=label, yscale="symlog")
            one.set_yscale("symlog", linthresh=0.01)
            one.set_ylim(0, None)
        axes[2 * i].set_title(f"10^{space.removeprefix('1e')} configurations", loc="left", fontsize=10)
    axes[0].set_ylabel("best so far, above the best of all")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5, frameon=False, fontsize=8)
    return figure


def optimizer(found: dict[str, Any]) -> Any:
    """The best so far on functions of unseen tasks, and on functions with nothing in common."""
    figure, axes = _axes(2, width=11)
    titles = {"history": "functions of {tasks} tasks it never saw", "strangers": "{functions} with nothing in common"}
    colors = dict(zip(TOLD, (COLORS["reinforce"], COLORS["reinforce_recurrent"], COLORS["random"]), strict=True))
    for one, (name, title) in zip(axes, titles.items(), strict=True):
        told = found[name]
        for key, curve in told["curves"].items():
            at = np.arange(1, len(curve["mean"]) + 1)
            one.plot(at, curve["mean"], marker="o", markersize=3, color=colors[key], label=TOLD[key])
            one.fill_between(at, curve["low"], curve["high"], color=colors[key], alpha=0.15, linewidth=0)
        one.axhline(told["optimum"], color="#555555", linewidth=1, linestyle="--", label="the best there is, by ascent")
        one.set(xlabel="trials", title=title.format(**told))
    axes[0].set_ylabel("best so far, in standard deviations")
    axes[0].legend(frameon=False, fontsize=9)
    return figure
