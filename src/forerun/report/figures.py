"""The figures of the page; each is a function of plain values that returns a matplotlib Figure.

Use `drawing.svg` to put one in a page and `drawing.save_png` to write one to a file. Lines carry their
names where they end, so that no legend has to be looked up.
"""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from forerun.report.drawing import BLUE, GREEN, GREY, INK, MUTED, ORANGE, PURPLE, VERMILION, axes_of, drawn, figure
from forerun.report.labels import label_ends
from forerun.report.story import MethodScore, Past, Progress, Recommendation, Training
from forerun.report.wording import clean, loss, number, shorten

METHOD_COLOURS = (ORANGE, GREEN, PURPLE, VERMILION)


@drawn
def progress_figure(progress: Progress, unit: str) -> Figure:
    """Best validation loss so far against the number of trainings: ours, random search, the two baselines."""
    drawing = figure(430, 290)
    axes = axes_of(drawing, f"Best validation loss so far ({clean(unit)})", "Trainings on this data set")
    ours = np.asarray(progress.forerun, float)
    trained = np.arange(1, len(ours) + 1)
    labels: list[tuple[float, str, str]] = []
    if progress.random:
        mean, low, high = np.array([(e.mean, e.low, e.high) for e in progress.random], float).T
        steps = np.arange(1, len(mean) + 1)
        axes.fill_between(steps, low, high, step="post", color=GREY, alpha=0.22, linewidth=0)
        axes.step(steps, mean, where="post", color=GREY, linewidth=1.6)
        labels.append((mean[-1], "random search", MUTED))
    for level, name, colour in (
        (progress.defaults, "learner's defaults", ORANGE),
        (progress.average_best, "best on average", GREEN),
    ):
        if math.isfinite(level):
            axes.axhline(level, color=colour, linewidth=1.2, linestyle=(0, (4, 2)))
            labels.append((level, name, colour))
    axes.step(trained, ours, where="post", color=BLUE)
    axes.plot(trained, ours, "o", color=BLUE, markersize=4.5)
    labels.append((ours[-1], "forerun", BLUE))
    last = max(len(ours), len(progress.random))
    axes.set_xlim(0.8, max(last, 2) + 0.15)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=9))
    label_ends(axes, labels)
    return drawing


@drawn
def agreement_figure(trainings: Sequence[Training], unit: str) -> Figure:
    """Predicted against real loss of every training that ended, with 80 % intervals; the diagonal is a perfect one."""
    drawing = figure(430, 360)
    axes = axes_of(
        drawing, f"Real validation loss ({clean(unit)})", "Predicted before training, with its 80 % interval"
    )
    done = [(i, t) for i, t in enumerate(trainings, 1) if math.isfinite(t.loss) and math.isfinite(t.predicted)]
    predicted = np.array([t.predicted for _, t in done])
    real = np.array([t.loss for _, t in done])
    spread = np.nan_to_num(np.array([t.spread for _, t in done]))
    inside = np.abs(real - predicted) <= spread
    low = min((predicted - spread).min(), real.min())
    high = max((predicted + spread).max(), real.max())
    margin = 0.06 * ((high - low) or abs(high) or 1.0)
    ends = (low - margin, high + margin)
    axes.plot(ends, ends, color=GREY, linewidth=1, zorder=1)
    axes.text(ends[1], ends[1], "as predicted ", color=MUTED, fontsize=8, ha="right", va="bottom", rotation=0)
    for chosen, colour in ((inside, BLUE), (~inside, VERMILION)):
        axes.errorbar(
            predicted[chosen],
            real[chosen],
            xerr=spread[chosen],
            fmt="o",
            color=colour,
            markersize=5,
            elinewidth=1.2,
            capsize=0,
            alpha=0.85,
            zorder=3,
        )
    best = int(np.argmin(real))
    marked = range(len(done)) if len(done) <= 12 else [best]
    for index in marked:
        text = f"{done[index][0]}" if len(done) <= 12 else f"best (training {done[index][0]})"
        axes.annotate(
            text,
            (predicted[index], real[index]),
            xytext=(4, 4),
            textcoords="offset points",
            fontsize=8,
            fontweight="bold" if index == best else "normal",
            color=INK if index == best else MUTED,
        )
    axes.set_xlim(ends)
    axes.set_ylim(ends)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6))
    return drawing


@drawn
def outlook_figure(recommendation: Recommendation, unit: str) -> Figure:
    """The predicted loss with its 50, 80 and 95 % intervals on a line, and what came of it."""
    measured = math.isfinite(recommendation.validation_loss)
    drawing = figure(430, 150 if measured else 120)
    axes = drawing.add_subplot()
    mean = recommendation.loss
    for percent, alpha in ((95, 0.18), (80, 0.28), (50, 0.4)):
        half = recommendation.widths[percent] * recommendation.std
        axes.plot(
            [mean - half, mean + half],
            [0, 0],
            color=BLUE,
            alpha=alpha,
            linewidth=13,
            solid_capstyle="butt",
        )
    axes.plot([mean], [0], "|", color=BLUE, markersize=15, markeredgewidth=2.2)
    axes.text(mean, 0.42, f"predicted {loss(mean)}", color=BLUE, ha="center", va="bottom", fontweight="bold")
    points = [(recommendation.validation_loss, "validation", "o"), (recommendation.test_loss, "test", "D")]
    known = sorted(point for point in points if math.isfinite(point[0]))
    for place, (level, name, marker) in enumerate(known):
        leftmost = place == 0 and len(known) > 1  # each name stands on its own side, so that they cannot meet
        axes.plot([level, level], [-0.25, -0.75], color=INK, linewidth=0.9)
        axes.plot([level], [-0.75], marker, color=INK, markersize=6)
        axes.annotate(
            f"{name} {loss(level)}",
            (level, -0.75),
            xytext=(-7 if leftmost else 7, 0),
            va="center",
            textcoords="offset points",
            ha="right" if leftmost else "left",
            color=INK,
        )
    axes.set_ylim(-1.2 if measured else -0.6, 1.2)
    axes.margins(x=0.18)
    axes.yaxis.set_visible(False)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(f"Loss ({clean(unit)}); bands hold 50, 80 and 95 %", loc="left")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6))
    return drawing


@drawn
def curves_figure(trainings: Sequence[Training], unit: str) -> Figure:
    """Learning curves of the trainings that have epochs; the best one of all trainings stands out."""
    drawing = figure(430, 290)
    axes = axes_of(drawing, f"Validation loss ({clean(unit)})", "Epoch")
    finished = [t.loss for t in trainings if math.isfinite(t.loss)]
    best = min(finished, default=math.nan)
    labels: list[tuple[float, str, str]] = []
    shown = [(i, t) for i, t in enumerate(trainings, 1) if len(t.curve) > 1]
    for index, training in shown:
        epochs, losses = np.array(training.curve, float).T
        failed, winner = bool(training.reason), training.loss == best
        colour = BLUE if winner else VERMILION if failed else GREY
        axes.plot(
            epochs,
            losses,
            color=colour,
            linewidth=2.2 if winner else 1.2,
            alpha=1 if winner else 0.8,
            linestyle=":" if failed else "-",
            zorder=3 if winner else 2,
        )
        if np.isfinite(losses[-1]) and (winner or failed or len(shown) <= 8):
            name = f"{index}, the best" if winner else f"{index}, failed" if failed else f"{index}"
            axes.plot(epochs[-1:], losses[-1:], "o", color=colour, markersize=3.5)
            labels.append((losses[-1], name, MUTED if colour == GREY else colour))
    _clip_outliers(axes, [v for _, t in shown for _, v in t.curve])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7))
    label_ends(axes, labels)
    return drawing


@drawn
def regret_figure(past: Past) -> Figure:
    """Normalised regret of each method after 1, 3, 5, 10 trials on past tasks it had not seen."""
    drawing = figure(430, 290)
    axes = axes_of(drawing, "Normalised regret (0 is the best known)", "Trials on the held-out data set")
    ticks = sorted({k for method in past.methods for k in method.regret})
    labels: list[tuple[float, str, str]] = []
    for place, (method, colour) in enumerate(_coloured(past)):
        if not method.regret:
            continue
        trials = np.array(sorted(method.regret), float)
        estimates = [method.regret[int(k)] for k in trials]
        mean, low, high = np.array([(e.mean, e.low, e.high) for e in estimates]).T
        x = np.log(trials) + 0.035 * (place - (len(past.methods) - 1) / 2)  # side by side, so intervals stay apart
        axes.vlines(x, low, high, color=colour, linewidth=1.1, alpha=0.55)
        chosen = method.name == past.chosen
        axes.plot(
            x,
            mean,
            marker="o",
            color=colour,
            linewidth=2.4 if chosen else 1.4,
            markersize=4.5 if chosen else 3.5,
            linestyle=(0, (3, 1.5)) if method.baseline else "-",
            zorder=4 if chosen else 3,
        )
        labels.append((mean[-1], shorten(method.name, 22), MUTED if colour == GREY else colour))
    axes.xaxis.set_major_locator(FixedLocator(list(np.log(ticks))))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: number(float(round(math.exp(v))))))
    axes.set_ylim(bottom=0)
    label_ends(axes, labels)
    return drawing


@drawn
def coverage_figure(past: Past) -> Figure:
    """How many real losses fell inside intervals that promised to hold 50, 80 and 95 % of them."""
    drawing = figure(430, 290)
    axes = axes_of(drawing, "Held in truth (%)", "Promised to hold (%)")
    axes.plot([40, 100], [40, 100], color=GREY, linewidth=1)
    promised = sorted({share for method in past.methods for share in method.coverage})
    labels: list[tuple[float, str, str]] = []
    for method, colour in _coloured(past):
        if method.coverage:
            nominal = sorted(method.coverage)
            held = [100 * method.coverage[share] for share in nominal]
            chosen = method.name == past.chosen
            axes.plot(
                [100 * s for s in nominal],
                held,
                "o-",
                color=colour,
                linewidth=2.4 if chosen else 1.4,
                markersize=5 if chosen else 4,
            )
            labels.append((held[-1], shorten(method.name, 22), colour))
    axes.text(43.5, 41, "honest", color=MUTED, fontsize=8, ha="left", va="center")
    axes.xaxis.set_major_locator(FixedLocator([100 * share for share in promised]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:.0f}"))
    axes.set_xlim(40, 97)
    axes.set_ylim(top=104)
    label_ends(axes, labels)
    return drawing


def _coloured(past: Past) -> list[tuple[MethodScore, str]]:
    """Methods with their colours: blue for the chosen one, grey for baselines."""
    others = iter(METHOD_COLOURS * (1 + len(past.methods) // len(METHOD_COLOURS)))
    return [(m, BLUE if m.name == past.chosen else GREY if m.baseline else next(others)) for m in past.methods]


def _clip_outliers(axes: Axes, losses: Sequence[float]) -> None:
    """Keep one exploding curve from flattening all others."""
    finite = np.array([v for v in losses if math.isfinite(v)])
    if len(finite) > 4:
        low, usual = finite.min(), np.quantile(finite, 0.9)
        top = min(finite.max(), low + 1.6 * (usual - low))
        if top > low:
            axes.set_ylim(low - 0.05 * (top - low), top + 0.05 * (top - low))
