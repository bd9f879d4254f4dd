"""The figures of docs/search.md, from a result of the benchmark."""

from pathlib import Path
from typing import Any

import matplotlib as mpl

from forerun.metalearners.shallow import Settings

mpl.use("Agg")

import matplotlib.pyplot as plt

OURS, OTHER, FAINT = "#1b5e8c", "#c2571a", "#8a8a8a"
PEERS = {
    "torch": "torch, batches of 100,000",
    "numpy": "numpy, batches of 100,000",
    "pandas": "pandas and scikit-learn",
}
PEERS |= {"optuna": "Optuna, random sampler"}
SIZES = ("1e9_h32", "1e12_h32", "1e15_h32", "1e20_h32")


def draw(found: dict[str, Any], folder: Path) -> None:
    """Write all figures into a folder."""
    for name, figure in (("rate", rate(found)), ("certificate", certificate(found)), ("penalty", penalty(found))):
        figure.savefig(folder / f"search-{name}.png", dpi=150)
        plt.close(figure)


def _axes(width: float = 7, height: float = 4.2) -> tuple[Any, Any]:
    figure, axes = plt.subplots(figsize=(width, height), layout="constrained")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e4e4e4", linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def rate(found: dict[str, Any]) -> Any:
    """Candidates a second against the size of the space; peers do not depend on it."""
    figure, axes = _axes()
    rows = list(found["memory"].values())
    sizes = [row["configurations"] for row in rows]
    axes.plot(sizes, [row["rate"] for row in rows], "o-", color=OURS)
    axes.annotate(
        "forerun, exhaustive",
        (sizes[-1], rows[-1]["rate"]),
        (0, -14),
        textcoords="offset points",
        color=OURS,
        ha="right",
    )
    h32 = found["exhaustive"]["h32"]
    lines = {"peak: the arithmetic alone": h32["peak"]} | {PEERS[name]: h32[f"{name}_rate"] for name in PEERS}
    apart = {"torch, batches of 100,000": 4, "numpy, batches of 100,000": -11}
    if h32["torch_rate"] < h32["numpy_rate"]:
        apart = {name: 4 - 11 - shift for name, shift in apart.items()}
    for name, value in lines.items():
        axes.axhline(value, color=FAINT, linewidth=1, linestyle="--")
        axes.annotate(
            name, (sizes[1], value), (0, apart.get(name, 4)), textcoords="offset points", color="#555555", fontsize=9
        )
    axes.set(xscale="log", yscale="log", xlabel="configurations in the space", ylabel="candidates a second, 2 cores")
    axes.set_title("Scoring every configuration, network of 32 units", loc="left")
    axes.set_ylim(min(lines.values()) / 3, max(lines.values()) * 4)
    return figure


def certificate(found: dict[str, Any]) -> Any:
    """Seconds to a certificate against the size of the space, with the penalty and without.

    What ended at the limit is no measurement: it is drawn hollow, and no line leads there.
    """
    figure, axes = _axes()
    kinds = (
        ("certified", OURS, -14, "trained with the penalty (the default)"),
        ("plain", OTHER, 18, "trained without"),
    )
    for section, color, below, label in kinds:
        rows = [found[section][name] for name in SIZES]
        known = [row for row in rows if row["share"] > 0.5]
        axes.plot(
            [row["configurations"] for row in known],
            [row["median_s"] for row in known],
            "o-",
            color=color,
            label=f"{label}: median",
        )
        ended = [row for row in rows if row["share"] == 1]
        axes.plot(
            [row["configurations"] for row in ended],
            [row["worst_s"] for row in ended],
            "v:",
            color=color,
            label=f"{label}: worst",
        )
        for row in rows:
            size, all_of_them = row["configurations"], row["share"] == 1
            said = f"{row['share']:.0%} of {row['networks']}" + ("" if all_of_them else f" in {row['worst_s']:.0f} s")
            if not all_of_them:
                axes.plot(size, row["worst_s"], "^", color=color, markerfacecolor="white")
            height, shift = (row["median_s"], below) if all_of_them else (row["worst_s"], -below / 1.5)
            axes.annotate(said, (size, height), (0, shift), **_small(color))
    axes.set(xscale="log", yscale="log", xlabel="configurations in the space", ylabel="seconds, one thread")
    axes.margins(x=0.1)
    low, high = axes.get_ylim()
    axes.set_ylim(low / 2, high * 2)
    axes.set_title("Proving which configuration is best, network of 32 units", loc="left")
    axes.plot([], [], "^", color="#555555", markerfacecolor="white", label="not all were certified within the limit")
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    return figure


def _small(color: str) -> dict[str, Any]:
    return {"textcoords": "offset points", "ha": "center", "color": color, "fontsize": 8}


def penalty(found: dict[str, Any]) -> Any:
    """Accuracy on tasks left out and seconds to a certificate against the weight of the penalty."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    rows = found["trade"]
    at = range(len(rows))
    left.plot(at, [row["spearman"] for row in rows], "o-", color=OURS)
    left.set_ylim(0, 1)
    left.set_title("Accuracy: rank correlation on tasks left out", loc="left", fontsize=10)
    known = [i for i in at if rows[i]["share"] > 0.5]
    right.plot(known, [rows[i]["median_s"] for i in known], "o-", color=OTHER)
    for i, row in enumerate(rows):
        if i not in known:
            right.plot(i, row["median_s"], "^", color=OTHER, markerfacecolor="white")
        said = f"{row['share']:.0%}" + ("" if row["share"] == 1 else f" in {row['worst_s']:.0f} s")
        right.annotate(said, (i, row["median_s"]), (0, 7), **_small("#555555"))
    right.set_yscale("log")
    right.margins(x=0.12, y=0.15)
    right.set_title("Median seconds to a certificate of 10¹², share certified", loc="left", fontsize=10)
    for axes in (left, right):
        axes.set_xticks(list(at), [f"{row['weight']:g}" for row in rows])
        axes.set_xlabel(f"weight of the penalty (default {Settings().gap:g})")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="#e4e4e4", linewidth=0.6)
    return figure
