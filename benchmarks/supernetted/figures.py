"""The figures of docs/supernet.md, from a result of the benchmark."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("Agg")

import matplotlib.pyplot as plt

OURS, OTHER, FAINT = "#1b5e8c", "#c2571a", "#8a8a8a"
ARMS = {"random": ("random search", FAINT), "without": ("meta-learner", OTHER), "with": ("with a super-network", OURS)}


def draw(told: Mapping[str, Any], folder: Path, *, times: bool) -> None:
    """Write the figures into a folder: how scores agree, and, where that was measured, what time is worth."""
    drawn = {"supernet": agreement(told)} | ({"supernet-time": compared(told)} if times else {})
    for name, figure in drawn.items():
        figure.savefig(folder / f"{name}.png", dpi=150)
        plt.close(figure)


def agreement(told: Mapping[str, Any]) -> Any:
    """Loss with inherited weights against loss of a training from scratch, a panel for each data set."""
    figure, panels = plt.subplots(1, len(told), figsize=(2.6 * len(told), 2.9), layout="constrained", squeeze=False)
    for axes, (name, found) in zip(panels[0], told.items(), strict=True):
        axes.scatter(found["agreement"]["losses"], found["agreement"]["scores"], s=9, color=OURS, alpha=0.7, lw=0)
        axes.set_title(f"{name}\n$\\rho$ = {found['correlation'][0]:.2f}", fontsize=9)
        axes.set_xlabel("from scratch", fontsize=8)
        _plain(axes)
    panels[0][0].set_ylabel("inherited weights", fontsize=8)
    return figure


def compared(told: Mapping[str, Any]) -> Any:
    """Test losses after equal time: means and 95 % intervals over seeds, of what random search reaches on average."""
    figure, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
    for place, (arm, (label, colour)) in enumerate(ARMS.items()):
        shift = 0.22 * (place - 1)
        for i, found in enumerate(told.values()):
            unit = found["arms"]["random"]["mean"]
            own = found["arms"][arm]
            # where all draws are one, rounding parts their mean from them
            bars = np.array([[own["mean"] - own["low"]], [own["high"] - own["mean"]]]).clip(0) / unit
            axes.errorbar(
                [own["mean"] / unit], [i + shift], xerr=bars, fmt="o", color=colour, label=label if i == 0 else None
            )
    axes.set_yticks(range(len(told)), list(told))
    axes.invert_yaxis()
    axes.set_xlabel("test loss after equal time, as a share of random search's")
    axes.legend(frameon=False, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, 1.15), ncols=3)
    _plain(axes)
    return figure


def _plain(axes: Any) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e4e4e4", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8)
