"""The figure of a result: what a fit and a suggestion take, against rows and against tasks."""

from pathlib import Path
from typing import Any

import matplotlib as mpl

from forerun.metalearners import METALEARNERS

mpl.use("Agg")

import matplotlib.pyplot as plt

DEFAULT = "mixture"
OURS_COLOR = "#1b5e8c"
COLORS = ("#c2571a", "#2f8f5b", "#8a5aa8", "#b8972e", "#c94f7c", "#4fa3a8", "#7a6a5a", "#5a6fc0", "#a0a832")
ROWS = (
    ("fit_cpu_seconds", "fit: processor seconds"),
    ("fit_mib", "fit: MiB above the start"),
    ("suggest_seconds", "a suggestion after 100 trials: seconds"),
)


def draw(found: dict[str, Any], folder: Path) -> Path:
    """Write the figure into a folder; returns where."""
    folder.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots(len(ROWS), 2, figsize=(9, 9.5), layout="constrained", sharex="col", sharey="row")
    order = sorted(found["rows"], key=lambda name: (name == DEFAULT, _last(found["rows"][name])))
    for (key, label), (left, right) in zip(ROWS, axes, strict=True):
        for axis, section in ((left, "rows"), (right, "tasks")):
            for name in order:
                _line(axis, name, found[section][name], section, key)
            _dress(axis)
        left.set_ylabel(label)
        if key == "suggest_seconds":
            for axis in (left, right):
                axis.axhline(1, color="#555555", linewidth=1, linestyle=":")
    tasks, per_task = found["fixed"]["tasks"], found["fixed"]["per_task"]
    axes[0][0].set_title(f"{tasks} tasks", loc="left", fontsize=11)
    axes[0][1].set_title(f"{per_task} rows a task", loc="left", fontsize=11)
    axes[-1][0].set_xlabel("rows of history")
    axes[-1][1].set_xlabel("tasks of history")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], frameon=False, fontsize=9, loc="outside right center")
    path = folder / "scaling.png"
    figure.savefig(path, dpi=150)
    plt.close(figure)
    return path


def _line(axes: Any, name: str, points: list[dict[str, Any]], section: str, key: str) -> None:
    style: dict[str, Any] = {"color": OURS_COLOR, "linewidth": 2.8, "zorder": 5, "markersize": 6}
    if name != DEFAULT:
        style = {"color": _color(name), "linewidth": 1.3, "markersize": 4}
    label = f"{name} (the default)" if name == DEFAULT else name
    axes.plot([p[section] for p in points], [_value(p, key) for p in points], "o-", label=label, **style)


def _last(points: list[dict[str, Any]]) -> float:
    """Where a line ends, so that names stand in the order of the lines."""
    return float(points[-1]["fit_cpu_seconds"]) if points else 0.0


def _color(name: str) -> str:
    """The same in every figure, whichever families are in it."""
    others = [other for other in METALEARNERS if other != DEFAULT]
    return COLORS[others.index(name) % len(COLORS)]


def _value(point: dict[str, Any], key: str) -> float:
    # less than one MiB is none, for which a logarithmic axis has no place
    value = point["suggestions"]["100"][key] if key == "suggest_seconds" else point[key]
    return max(float(value), 1.0) if key == "fit_mib" else float(value)


def _dress(axes: Any) -> None:
    axes.set(xscale="log", yscale="log")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e4e4e4", linewidth=0.6)
    axes.set_axisbelow(True)
