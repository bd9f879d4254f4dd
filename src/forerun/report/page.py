"""The page: a story and its figures in one self-contained HTML text.

Every text from data passes three gates: control characters are replaced (`wording.clean`, as Jinja's
finalize), markup is escaped (autoescape), and the page's own Content-Security-Policy forbids scripts and
every request.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from matplotlib.figure import Figure

from forerun.report import architectures, drawing, drifting, figures, front, grounds, searching, sentences, wording
from forerun.report.effects import effect_figure
from forerun.report.sentences import Effect
from forerun.report.story import Estimate, Story, Training

EFFECTS_DRAWN = 6
EFFECTS_LISTED = 10


def write(story: Story, path: Path) -> None:
    """Render the page into a file; it is complete before it takes its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(render(story), encoding="utf-8")
    partial.replace(path)


def render(story: Story) -> str:
    """Make the page. The same story gives the same text, to the byte."""
    effects = []
    if story.explanation is not None and len(story.explanation):
        effects = sentences.effects(story.explanation, story.recommendation.configuration)
    listed = [effect for effect in effects if effect.importance >= 0.0005][:EFFECTS_LISTED]
    template = _environment().get_template("template.html")
    return template.render(
        story=story,
        task=story.task,
        found=story.recommendation,
        tuning=story.tuning,
        past=story.past,
        unit=sentences.unit(story.task),
        learner=sentences.learner(story.recommendation),
        effects=listed,
        effects_left=len(effects) - len(listed),
        effect_charts=list(_effect_charts(story, effects)),
        charts=dict(_charts(story)),
        yaml=_yaml(story),
        winner=_winner(story),
    )


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("forerun", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    names = ("number", "loss", "count", "seconds", "percent", "value", "brief", "shorten", "fixed")
    environment.filters |= {name: getattr(wording, name) for name in names}
    environment.filters |= {"block": _block, "range": _range, "known": _known}
    environment.tests["finite"] = _known
    environment.globals |= {
        "told": sentences,
        "searching": searching,
        "front": front,
        "grounds": grounds,
        "drifting": drifting,
        "architectures": architectures,
    }
    return environment


def _finalize(shown: Any) -> Any:
    """Clean whatever the template shows, but markup that we made ourselves."""
    return wording.clean(shown) if isinstance(shown, str) and not isinstance(shown, Markup) else shown


def _block(text: str) -> Markup:
    """Several lines of text, each harmless, with their indentation."""
    lines = (line[: len(line) - len(line.lstrip(" "))] + wording.clean(line) for line in text.splitlines())
    return Markup("\n").join(escape(line) for line in lines)


def _range(estimate: Estimate | None) -> str:
    """Write the interval of an estimate; empty where it has none."""
    if estimate is None or not (math.isfinite(estimate.low) and math.isfinite(estimate.high)):
        return ""
    return f"{wording.loss(estimate.low, estimate.mean)} to {wording.loss(estimate.high, estimate.mean)}"


def _known(number: float | None) -> bool:
    return number is not None and math.isfinite(number)


def _yaml(story: Story) -> str:
    plain = {k: list(v) if isinstance(v, tuple) else v for k, v in story.recommendation.configuration.items()}
    return str(yaml.safe_dump(plain, sort_keys=False, default_flow_style=None, width=100))


def _winner(story: Story) -> int:
    """Position of the training with the lowest real loss; -1 where none ended."""
    trainings = story.tuning.trainings if story.tuning else ()
    losses = [t.loss if math.isfinite(t.loss) else math.inf for t in trainings]
    return losses.index(min(losses)) if losses and min(losses) < math.inf else -1


def _charts(story: Story) -> Iterator[tuple[str, Markup]]:
    """Yield the figures that this story has the numbers for, by name."""
    unit, tuning, past = sentences.unit(story.task), story.tuning, story.past
    if math.isfinite(story.recommendation.loss):
        outlook = figures.outlook_figure(story.recommendation, unit)
        yield "outlook", _svg(outlook, "outlook", "Predicted loss with its intervals, and the real losses")
    if tuning and tuning.progress and any(map(math.isfinite, tuning.progress.forerun)):
        progress = figures.progress_figure(tuning.progress, unit)
        yield "progress", _svg(progress, "progress", "Best validation loss against number of trainings")
    if tuning and any(_compared(t) for t in tuning.trainings):
        agreement = figures.agreement_figure(tuning.trainings, unit)
        yield "agreement", _svg(agreement, "agreement", "Predicted against real validation loss")
    if tuning and any(len(t.curve) > 1 for t in tuning.trainings):
        curves = figures.curves_figure(tuning.trainings, unit)
        yield "curves", _svg(curves, "curves", "Learning curves")
    if story.front and story.front.options:
        yield "front", _svg(front.front_figure(story.front, unit), "front", "Predicted loss against training time")
    if story.grounds and len(story.grounds.shares) > 1:
        yield "grounds", _svg(grounds.grounds_figure(story.grounds), "grounds", "What the prediction rests on")
    if past and any(method.regret for method in past.methods):
        yield "regret", _svg(figures.regret_figure(past), "regret", "Normalised regret of each method")
    if past and any(method.coverage for method in past.methods):
        yield "coverage", _svg(figures.coverage_figure(past), "coverage", "Promised against real coverage")


def _svg(chart: Figure, name: str, title: str) -> Markup:
    return Markup(drawing.svg(chart, name, title))  # noqa: S704  matplotlib escapes what it writes


def _compared(training: Training) -> bool:
    return math.isfinite(training.loss) and math.isfinite(training.predicted)


def _effect_charts(story: Story, effects: list[Effect]) -> Iterator[tuple[str, Markup]]:
    """Yield (domain, figure) of those that move the prediction most, all on one scale."""
    drawn = [e for e in sorted(effects, key=lambda e: (-e.gain, e.domain)) if e.gain > 0][:EFFECTS_DRAWN]
    if not drawn:
        return
    rows = pd.concat([e.rows for e in drawn])
    mean, std = rows["mean"].to_numpy(float), np.nan_to_num(rows["std"].to_numpy(float))
    room = 0.4 * float(np.ptp(mean))  # wide bands may leave the axes, so that they do not flatten the effects
    limits = (max(min(mean - std), min(mean) - room), min(max(mean + std), max(mean) + room))
    margin = 0.06 * (limits[1] - limits[0])
    limits = (float(limits[0] - margin), float(limits[1] + margin))
    for place, effect in enumerate(drawn):
        chart = effect_figure(effect.rows, sentences.unit(story.task), limits)
        title = f"Predicted loss by {wording.shorten(effect.domain)}"
        yield effect.domain, _svg(chart, f"effect{place}", title)
