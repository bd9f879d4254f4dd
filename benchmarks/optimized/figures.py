"""The figures of docs/learned-optimizer.md, from a result of the benchmark."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

from optimized.summary import ALLOWANCE, PRACTISED, best_tuned

mpl.use("Agg")

import matplotlib.pyplot as plt

LEARNED = {"mlp": "#1b5e8c", "lstm": "#2f8f5b"}
TUNED = {"sgd": "#b8972e", "adam": "#c2571a", "adamw": "#8a5aa8"}
NAMES = {"sgd": "SGD, momentum", "adam": "Adam", "adamw": "AdamW", "mlp": "learned, mlp", "lstm": "learned, lstm"}
CASES = ("#1b5e8c", "#c2571a", "#2f8f5b", "#8a5aa8")
"""Of the trainings that go on for long."""
FAINT = "#d9d9d9"
LEAST = 1e-3
"""Of the blind loss; what is below is drawn there."""
LIMIT = 0.5
TICKS = (-0.3, -0.1, -0.03, -0.01, 0, 0.01, 0.03, 0.1, 0.3)
APART = 0.17
"""Of the two learned ones of a case, in rows."""
COLUMNS = 4
PANELS = 11
"""Most cases that are drawn; the last place is the legend's."""


def draw(found: Mapping[str, Any], folder: Path) -> None:
    """Write the figures that the result has the sections for."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {"": curves(found["losses"]), "-cases": cases(found["losses"])} if "losses" in found else {}
    if "long" in found:
        made["-long"] = long(found["long"])
    for name, figure in made.items():
        figure.savefig(folder / f"learned-optimizer{name}.png", dpi=120)
        plt.close(figure)


def curves(section: Mapping[str, Any]) -> Any:
    """Training loss against steps, one panel a case: every learning rate faint, the best of each in colour."""
    chosen = list(section["cases"].items())[:PANELS]
    rows = len(chosen) // COLUMNS + 1
    figure, axes = plt.subplots(rows, COLUMNS, figsize=(11, 2.4 * rows), layout="constrained", squeeze=False)
    for axis, (name, case) in zip(axes.flat, chosen, strict=False):
        best = best_tuned(case)
        for optimizer, rate, losses in case["tuned"]:
            mine = rate == best[optimizer][0]
            style = (
                {"color": TUNED[optimizer], "linewidth": 1.3, "zorder": 3}
                if mine
                else {"color": FAINT, "linewidth": 0.6}
            )
            _line(axis, case, losses, label=f"{NAMES[optimizer]}, best of 7" if mine else None, **style)
        for rule, losses in case["learned"].items():
            _line(axis, case, losses, label=NAMES.get(rule, rule), color=LEARNED.get(rule), linewidth=2, zorder=4)
        _dress(axis, name.replace("/", ", "))
    for axis in axes.flat[len(chosen) :]:
        axis.set_axis_off()
    handles, labels = axes[0][0].get_legend_handles_labels()
    axes.flat[-1].legend(handles, labels, frameon=False, fontsize=9, loc="center")
    figure.supylabel("training loss / loss of who does not look", fontsize=9)
    figure.supxlabel("steps", fontsize=9)
    return figure


def cases(section: Mapping[str, Any]) -> Any:
    """How far the learned ones end above the best tuned, case by case; left of 0 they end lower."""
    figure, axis = plt.subplots(figsize=(9, 0.27 * len(section["cases"]) + 1.4), layout="constrained")
    for place, case in enumerate(section["cases"].values()):
        best = min(loss for _, loss in best_tuned(case).values())
        for optimizer, (_, loss) in best_tuned(case).items():
            axis.plot(
                (loss - best) / case["blind"], place, "|", color=TUNED[optimizer], markersize=10, markeredgewidth=1.6
            )
        for (rule, losses), shift in zip(case["learned"].items(), (-APART, APART), strict=False):
            above = (np.array(losses)[:, -1] - best) / case["blind"]
            low, high = _interval(above)
            axis.plot([low, high], [place + shift] * 2, color=LEARNED.get(rule), linewidth=1)
            axis.plot(above.mean(), place + shift, "o", color=LEARNED.get(rule), markersize=4.5)
    axis.axvspan(-LIMIT, ALLOWANCE, color="#eef4ee", zorder=0)
    axis.axvline(0, color="#999999", linewidth=0.8, zorder=1)
    axis.set_yticks(range(len(section["cases"])), [name.replace("/", ", ") for name in section["cases"]], fontsize=9)
    axis.tick_params(axis="y", length=0)
    axis.set_xscale("symlog", linthresh=ALLOWANCE)
    axis.set_xlim(-LIMIT, LIMIT)
    axis.set_xticks(TICKS, [f"{tick:g}".replace("-", "−") for tick in TICKS], fontsize=9)
    axis.set_ylim(len(section["cases"]) - 0.4, -0.6)
    axis.set_xlabel(
        "training loss above the best tuned after the last step, in losses of who does not look", fontsize=9
    )
    for name, color in {**TUNED, **LEARNED}.items():
        axis.plot([], [], "|" if name in TUNED else "o", color=color, label=NAMES[name], markeredgewidth=1.6)
    axis.fill_between([], [], color="#eef4ee", label="as good")
    figure.legend(frameon=False, fontsize=9, ncols=6, loc="outside upper center", columnspacing=1.4, handletextpad=0.4)
    axis.spines[["top", "right", "left"]].set_visible(False)
    axis.grid(color="#e4e4e4", linewidth=0.6)
    axis.set_axisbelow(True)
    return figure


def long(section: Mapping[str, Any]) -> Any:
    """Losses far beyond the steps that rules practised, one colour a case; a faint line is one training."""
    rules = list(next(iter(section["cases"].values()))["relative"])
    figure, axes = plt.subplots(
        1, len(rules), figsize=(4.8 * len(rules), 3.8), layout="constrained", squeeze=False, sharey=True
    )
    for axis, rule in zip(axes[0], rules, strict=True):
        for (name, case), color in zip(section["cases"].items(), CASES, strict=False):
            trainings = np.maximum(np.array(case["relative"][rule]), LEAST)
            axis.plot(case["shown"], trainings.T, color=color, linewidth=0.8, alpha=0.35)
            label = name.replace("/", ", ") if axis is axes[0][0] else None
            mean = np.maximum(np.array(case["relative"][rule]).mean(axis=0), LEAST)
            axis.plot(case["shown"], mean, color=color, linewidth=1.6, label=label)
        axis.axvspan(0, PRACTISED, color="#efefef", zorder=0)
        _dress(axis, NAMES.get(rule, rule))
        axis.set_xlim(0, case["shown"][-1])
        axis.set_xlabel("steps (grey: as many as were practised)", fontsize=9)
    axes[0][0].set_ylabel("training loss / loss of who does not look", fontsize=9)
    figure.legend(frameon=False, fontsize=9, ncols=len(CASES), loc="outside lower center")
    return figure


def _line(axis: Any, case: Mapping[str, Any], losses: Any, **style: Any) -> None:
    mean = np.array(losses).mean(axis=0) / case["blind"]
    axis.plot(case["shown"], np.clip(mean, LEAST, 3), **style)


def _interval(values: np.ndarray) -> tuple[float, float]:
    """95 % bootstrap interval of a mean over seeds."""
    drawn = np.random.default_rng(0).integers(0, len(values), (2_000, len(values)))
    low, high = np.quantile(values[drawn].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def _dress(axis: Any, title: str) -> None:
    axis.set_yscale("log")
    axis.set_title(title, loc="left", fontsize=9)
    axis.tick_params(which="both", labelsize=8)
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(color="#e4e4e4", linewidth=0.6)
    axis.set_axisbelow(True)
