"""The figure: regret after the change for who remembers, who forgets and who knows; and when drift was said."""

from pathlib import Path
from typing import Any

import matplotlib as mpl

from drifting.measure import ALL, ORACLE, RECENT

mpl.use("Agg")

import matplotlib.pyplot as plt

SHOWN = "3"
"""Trials after which regret is drawn."""
WAYS = {
    ALL: ("remembers everything", "#777777", "-"),
    RECENT: ("forgets when drift is said", "#1b5e8c", "-"),
    ORACLE: ("knows of the change", "#2f8f5b", (0, (3, 2))),
}
KINDS = {
    "time": ("another loss: seconds", "#c2571a"),
    "hardware": ("slower hardware", "#8a5aa8"),
    "metric": ("another metric", "#b8972e"),
    "none": ("no change", "#1b5e8c"),
    "narrowed": ("no change, only good ones tried", "#4fa3a8"),
}


def draw(found: dict[str, Any], folder: Path) -> Path:
    """Write the figure into a folder; returns where."""
    folder.mkdir(parents=True, exist_ok=True)
    kinds = found["kinds"]
    changes = [kind for kind in KINDS if kind in kinds and kinds[kind]["curves"]]
    learners = list(kinds[changes[0]]["curves"])
    columns = len(changes) + 1
    figure, axes = plt.subplots(
        len(learners), columns, figsize=(3.1 * columns, 2.7 * len(learners)), layout="constrained", squeeze=False
    )
    for row, learner in zip(axes, learners, strict=True):
        for axis, kind in zip(row, changes, strict=False):
            _regrets(axis, kinds[kind]["curves"][learner])
            axis.set_title(f"{KINDS[kind][0]}, {learner}", loc="left", fontsize=10)
        row[0].set_ylabel(f"regret after {SHOWN} trials")
    for axis, key, title in zip(
        axes[:, -1], ("said", "plain"), ("drift is said", "plain error above usual"), strict=False
    ):
        _nights(axis, kinds, key)
        axis.set_title(title, loc="left", fontsize=10)
        axis.set_ylabel("share of histories")
    for axis in axes[-1]:
        axis.set_xlabel("data sets since the change")
    nights = [int(since) for since in kinds[changes[0]]["nights"]]
    for axis in axes.flat:
        axis.set_xticks(nights)
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(color="#e4e4e4", linewidth=0.6)
        axis.set_axisbelow(True)
    known = dict(zip(*axes[0][0].get_legend_handles_labels()[::-1], strict=True))
    known |= dict(zip(*axes[0][-1].get_legend_handles_labels()[::-1], strict=True))
    figure.legend(known.values(), known.keys(), frameon=False, fontsize=9, ncols=4, loc="outside lower center")
    path = folder / "drift.png"
    figure.savefig(path, dpi=150)
    plt.close(figure)
    return path


def _regrets(axis: Any, ways: dict[str, Any]) -> None:
    for way, (label, color, style) in WAYS.items():
        points = [(int(since), point[SHOWN]) for since, point in ways[way].items()]
        x = [since for since, _ in points]
        axis.plot(x, [p["mean"] for _, p in points], "o", linestyle=style, color=color, label=label, markersize=3.5)
        axis.fill_between(
            x, [p["low"] for _, p in points], [p["high"] for _, p in points], color=color, alpha=0.12, linewidth=0
        )
    axis.set_ylim(bottom=0)


def _nights(axis: Any, kinds: dict[str, Any], key: str) -> None:
    for kind, (label, color) in KINDS.items():
        if kind in kinds:
            nights = kinds[kind]["nights"]
            style = "-" if kinds[kind]["curves"] else ":"
            shares = [night[key] / night["of"] for night in nights.values()]
            axis.plot([int(s) for s in nights], shares, "o", linestyle=style, color=color, label=label, markersize=3.5)
    axis.set_ylim(-0.03, 1.03)
