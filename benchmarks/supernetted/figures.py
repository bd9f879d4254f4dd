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
    budgets = [arms["budget"] for arms in next(iter(told.values()))["arms"]]
    figure, panels = plt.subplots(
        1,
        len(budgets),
        figsize=(4.5 * len(budgets), 3.2),
        layout="constrained",
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    for i, (axes, budget) in enumerate(zip(panels[0], budgets, strict=True)):
        for place, (arm, (label, colour)) in enumerate(ARMS.items()):
            owns = [found["arms"][i] for found in told.values()]
            values = np.array([[own[arm][part] for part in ("mean", "low", "high")] for own in owns]).T
            mean, low, high = values / [own["random"]["mean"] for own in owns]
            # where all draws are one, rounding parts their mean from them
            bars = np.array([mean - low, high - mean]).clip(0)
            axes.errorbar(
                mean, np.arange(len(told)) + 0.22 * (place - 1), xerr=bars, fmt="o", color=colour, label=label
            )
        axes.set_title(f"time of {budget:g} trainings", fontsize=9)
        axes.set_xlabel("test loss, as a share of random search's", fontsize=8)
        _plain(axes)
    panels[0][0].set_yticks(range(len(told)), list(told))
    panels[0][0].invert_yaxis()
    figure.legend(
        *panels[0][0].get_legend_handles_labels(), frameon=False, fontsize=8, loc="outside upper center", ncols=3
    )
    return figure


def _plain(axes: Any) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e4e4e4", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8)
