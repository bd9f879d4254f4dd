"""What the prediction rests on: past data sets, families of meta-learners, or nothing but trials on the data set."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from forerun.report import drawing, wording
from forerun.report.drawing import BLUE, GREY, MUTED
from forerun.report.labels import label_ends
from forerun.report.story import Grounds

TASKS, OPPOSITE, SCRATCH = "tasks", "opposite", "scratch"
FAMILY_COLOURS = (drawing.ORANGE, drawing.GREEN, drawing.PURPLE, drawing.VERMILION)
LEAST = 0.005
"""Smaller shares are not worth a word."""


def told(grounds: Grounds) -> str:
    """Say how likely each hypothesis is after the last trial, the likeliest first."""
    last, trials = grounds.shares[-1], len(grounds.shares) - 1
    named = [name for name in sorted(last, key=lambda n: -last[n]) if last[name] >= LEAST]
    parts = [
        f"{_said(name, trials)} {wording.percent(last[name])}{_alike(grounds) if name == TASKS and trials else ''}"
        for name in named
    ]
    when = f"after {trials} trial{'s' if trials != 1 else ''}" if trials else "before any trial"
    return f"What the prediction rests on, {when}: {', '.join(parts)}."


def meant(grounds: Grounds) -> str:
    """Say what the shares are shares of."""
    known = "as past data sets taught that it usually is" if len(grounds.shares) == 1 else "by Bayes' rule"
    return (
        "These are the probabilities of what this data set may be, "
        f"{known}: like one that was seen before, as a family of meta-learners predicts it from its meta-features, "
        "or unlike all that was seen."
    )


def _alike(grounds: Grounds) -> str:
    known = {name: share for name, share in grounds.alike.items() if share >= LEAST}
    said = ", ".join(f"{wording.shorten(name, 40)} {wording.percent(share)}" for name, share in known.items())
    return f" (closest by these trials: {said})" if said else ""


def _said(name: str, trials: int) -> str:
    """A hypothesis in words."""
    alone = "nothing but its own trials" if trials else "nothing that was seen"
    family = f"the {wording.shorten(name, 40).replace('_', ' ')} family"
    return {TASKS: "past data sets", OPPOSITE: "the opposite of past data sets", SCRATCH: alone}.get(name, family)


@drawing.drawn
def grounds_figure(grounds: Grounds) -> Figure:
    """How likely each hypothesis was after so many trials: bars of shares that make up a whole."""
    made = drawing.figure(430, 240)
    axes = drawing.axes_of(made, "How likely (%)", "Trials on this data set")
    trials = np.arange(len(grounds.shares))
    floor = np.zeros(len(trials))
    labels: list[tuple[float, str, str]] = []
    for name, colour in _coloured(grounds):
        share = 100 * np.array([step.get(name, 0.0) for step in grounds.shares])
        axes.bar(trials, share, bottom=floor, color=colour, width=0.82, alpha=0.85, linewidth=0)
        labels.append((float(floor[-1] + share[-1] / 2), _short(name), MUTED if colour == GREY else colour))
        floor += share
    _whole(axes, len(trials))
    label_ends(axes, labels)
    return made


def _coloured(grounds: Grounds) -> list[tuple[str, str]]:
    """Hypotheses from the ground up: past data sets, families, nothing."""
    names = list(dict.fromkeys(name for step in grounds.shares for name in step))
    families = sorted(name for name in names if name not in (TASKS, SCRATCH))
    paint = FAMILY_COLOURS * (1 + len(families) // len(FAMILY_COLOURS))
    found = [(TASKS, BLUE), *zip(families, paint, strict=False), (SCRATCH, GREY)]
    return [(name, colour) for name, colour in found if name in names]


def _short(name: str) -> str:
    known = {TASKS: "past data sets", OPPOSITE: "their opposite", SCRATCH: "own trials only"}
    return known.get(name, wording.shorten(name, 22).replace("_", " "))


def _whole(axes: Axes, bars: int) -> None:
    axes.set_ylim(0, 100)
    axes.set_xlim(-0.6, bars - 0.4)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=9))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
