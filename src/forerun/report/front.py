"""What a lower loss costs in training time: the front of both predictions in a table, a figure and a sentence."""

import math

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from forerun.report import drawing, sentences, wording
from forerun.report.story import Front, Story


def told(front: Front) -> str:
    """Say what the choices are, and whether any is missing."""
    those = (
        f"These are {len(front.options)} of {len(front.curve):,} choices" if _thinned(front) else "These are choices"
    )
    said = f"{those} between a low loss and a short training, as both are predicted."
    took, size = wording.seconds(front.seconds), wording.count(front.size)
    if front.proven:
        return (
            f"{said} Of {size} configurations no other is both better and faster than one of them, proven, in {took}."
        )
    return (
        f"{said} No proof after {took}: of {size} configurations some may be both better and faster than one of them."
    )


def _thinned(front: Front) -> bool:
    return len(front.options) < len(front.curve)


def front_table(story: Story) -> str:
    """Return the choices as plain text lines, fastest first; empty where they were not asked for."""
    if story.front is None:
        return ""
    rows = [("training", "predicted loss", "")]
    for option in story.front.options:
        spread = f"{wording.loss(option.loss)} ± {wording.loss(option.std, like=option.loss)}"
        rows.append((wording.seconds(option.seconds), spread, wording.brief(option.configuration, 400)))
    lines = [f"  {time:>10}  {loss:>17}  {configuration}".rstrip() for time, loss, configuration in rows]
    return "\n".join([f"Time against loss ({sentences.unit(story.task)}). {told(story.front)}", *lines])


@drawing.drawn
def front_figure(front: Front, unit: str) -> Figure:
    """Predicted loss against predicted training time of every choice; those of the table are marked."""
    made = drawing.figure(430, 290)
    axes = drawing.axes_of(made, f"Predicted validation loss ({wording.clean(unit)})", "Predicted training time")
    times, losses = np.array(front.curve, float).T
    axes.step(times, losses, where="post", color=drawing.BLUE, linewidth=1.6)
    shown = [(option.seconds, option.loss) for option in front.options]
    axes.plot(*np.array(shown, float).T, "o", color=drawing.BLUE, markersize=5)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(_ticks(float(times.min()), float(times.max()))))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: wording.seconds(v)))
    return made


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers of seconds: powers of ten, finer where there are few of them."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1,), (1, 3), (1, 2, 5)):
        ticks = [step * 10.0**power for power in powers for step in steps]
        inside = [t for t in ticks if low <= t <= high]
        if len(inside) >= 3:
            return inside
    return [low, high]
