"""What there is to tell about one recommendation, as the report's `Story`; and stories as files."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import cattrs
import numpy as np
import pandas as pd

from forerun import __version__
from forerun.errors import FormatError
from forerun.learners.hardware import hardware_facts
from forerun.report import (
    Comparison,
    Estimate,
    Front,
    Grounds,
    Making,
    Option,
    Progress,
    Recommendation,
    SearchFacts,
    Story,
    TaskFacts,
    Training,
    Tuning,
)
from forerun.report.story import Lineage
from forerun.steps.architectures import told
from forerun.steps.finetune import OURS, FineTuned
from forerun.steps.knowledge import Target, family_of
from forerun.tasks import Task
from forerun.trials import Trial
from forerun.tuning import Contender, Suggested, Suggestion, TradeOff, explain, thinned, trace
from forerun.tuning.baselines import progress

FORMAT_VERSION = 1
OPTIONS = 8
"""Choices between loss and time in a table, at most."""


def zero_shot_story(target: Target, chosen: Suggestion, suggested: Suggested, lineage: Lineage) -> Story:
    """Tell of a recommendation for which nothing was trained."""
    rng = np.random.default_rng(target.settings.seed)
    tuner = target.tuner
    return Story(
        task=_facts(target.task),
        making=_making(),
        recommendation=Recommendation(
            chosen.configuration, chosen.loss, chosen.std, Estimate(chosen.seconds), widths=chosen.widths
        ),
        search=_search(target, suggested),
        lineage=lineage,
        explanation=explain(tuner.adapt([]).loss, tuner.grid, chosen.configuration, rng),
        neighbours=target.neighbours(),
        grounds=_grounds(target, []),
    )


def front_of(found: TradeOff) -> Front:
    """The front of predicted losses and times, and a few of it for a table."""
    options = [Option(s.configuration, s.loss, s.std, s.seconds) for s in thinned(found.suggestions, OPTIONS)]
    curve = [(s.seconds, s.loss) for s in found.suggestions]
    return Front(options, curve, found.proven, found.size, found.seconds)


def tuned_story(target: Target, result: FineTuned, lineage: Lineage) -> Story:
    """Tell of a recommendation that real trainings on the target led to."""
    best, final = result.tuned.best, result.winner.final
    assert best is not None  # noqa: S101 - fine_tune raises otherwise
    assert final is not None  # noqa: S101 - the same
    rounds = result.tuned.rounds
    predicted = {t.key: s for r in rounds for s, t in zip(r.suggestions, r.trials, strict=True)}
    tuner, rng = target.tuner, np.random.default_rng(target.settings.seed)
    expected = predicted.get(best.key) or tuner.describe(tuner.adapt([]), [best.configuration])[0]
    # where every training was handed in, the search is the one that would have come next
    suggested = rounds[-1].suggested if rounds else tuner.suggest([], 1)
    story = zero_shot_story(target, expected, suggested, lineage)
    return replace(
        story,
        architectures=told(target, result.tuned.trials),
        recommendation=replace(
            story.recommendation,
            learner=family_of(target.shared.family).title if target.shared else "",
            validation_loss=best.loss,
            test_loss=final.loss,
            fit_seconds=final.outcome.fit_seconds,
            test_metrics=final.metrics,
        ),
        explanation=explain(result.tuned.forecast.loss, tuner.grid, best.configuration, rng),
        grounds=_grounds(target, result.tuned.trials),
        tuning=Tuning(
            comparison=_comparison(result),
            trainings=[_training(t, predicted.get(t.key)) for t in result.tuned.trials],
            progress=_progress(result),
            stopped=result.tuned.stopped_because,
            seconds=result.tuned.seconds,
            searches=[_search(target, r.suggested) for r in rounds],
        ),
    )


def _grounds(target: Target, trials: Sequence[Trial]) -> Grounds | None:
    found = trace(target.tuner, trials)
    return Grounds(tuple(step.shares for step in found), found[-1].alike) if found else None


def _facts(task: Task) -> TaskFacts:
    parts = {"train": len(task.train), "validation": len(task.validation), "test": len(task.test)}
    return TaskFacts(
        name=task.name,
        kind=task.kind,
        target=task.target,
        rows=sum(parts.values()),
        columns=len(task.columns),
        metric=task.metric.name,
        higher_is_better=task.metric.higher_is_better,
        parts=parts,
        classes=task.classes,
        source=task.source,
    )


def _making() -> Making:
    facts = hardware_facts()
    libraries = {name: version(name) for name in ("torch", "scikit-learn", "mlflow")}
    cores, memory = int(float(facts["logical_cores"])), facts["memory_gb"]
    return Making(
        date=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        versions={"forerun": __version__, "python": str(facts["python"]), **libraries},
        hardware=f"{facts['cpu_model']}, {cores} cores, {memory} GB" + (f", {facts['gpu']}" if facts["gpu"] else ""),
    )


def _search(target: Target, suggested: Suggested) -> SearchFacts:
    found = suggested.found
    return SearchFacts(
        space=target.tuner.space.name,
        size=found.size,
        scored=found.scored,
        seconds=found.seconds,
        # an empty search proves something too, but not that what was suggested in its place is the best
        proven=found.proven and bool(found.candidates),
        strategy=found.strategy,
        acquisition=suggested.by,
        limited=suggested.limited,
        gap=found.gap if found.candidates else np.inf,
    )


def _comparison(result: FineTuned) -> list[Comparison]:
    ours = _alone(OURS, result.winner)
    rest = [_alone("the learner's defaults", result.defaults), _alone("best on average in the history", result.average)]
    if result.random:
        chosen = [c.chosen.loss for c in result.random if c.chosen]
        finals = [c.final.loss for c in result.random if c.final]
        note = f"mean of {len(result.random)} seeds"
        trainings = len(result.random[0].trials)
        rest.append(Comparison("random search", _spread(chosen), _spread(finals), trainings, note))
    return [ours, *rest]


def _alone(name: str, found: Contender) -> Comparison:
    validation = Estimate(found.chosen.loss) if found.chosen else None
    test = Estimate(found.final.loss) if found.final else None
    return Comparison(name, validation, test, len(found.trials), found.reason)


def _spread(values: Sequence[float]) -> Estimate | None:
    """Mean, and the range over seeds."""
    known = [v for v in values if np.isfinite(v)]
    return Estimate(float(np.mean(known)), min(known), max(known)) if known else None


def _training(trial: Any, suggestion: Suggestion | None) -> Training:
    known = suggestion or Suggestion(trial.configuration, *(float("nan"),) * 4)
    return Training(
        trial.configuration,
        known.loss,
        known.std,
        trial.loss,
        trial.fit_seconds,
        trial.reason,
        tuple(trial.curve),
        known.widths,
    )


def _progress(result: FineTuned) -> Progress:
    searches = [progress(c.trials) for c in result.random]
    steps = [_spread([s[i] for s in searches]) for i in range(min(map(len, searches), default=0))]
    nothing = Estimate(float("nan"))
    return Progress(
        forerun=progress(result.tuned.trials),
        random=[s or nothing for s in steps],
        defaults=result.defaults.chosen.loss if result.defaults.chosen else float("nan"),
        average_best=result.average.chosen.loss if result.average.chosen else float("nan"),
    )


# -- files ------------------------------------------------------------------------------------------


def _converter() -> cattrs.Converter:
    converter = cattrs.Converter()
    # a value of a configuration is a scalar, or a tuple that JSON holds as a list
    converter.register_structure_hook_func(_is_value, lambda v, _: tuple(v) if isinstance(v, list) else v)
    converter.register_unstructure_hook(pd.DataFrame, lambda frame: frame.to_dict("list"))
    converter.register_structure_hook(pd.DataFrame, lambda raw, _: _frame(raw))
    return converter


def _frame(raw: Mapping[str, list[Any]]) -> pd.DataFrame:
    # object: pandas' own text cannot hold all that Python's can
    kinds = {name: object if any(isinstance(v, str) for v in values) else None for name, values in raw.items()}
    return pd.DataFrame({name: pd.Series(values, dtype=kinds[name]) for name, values in raw.items()})


def _is_value(hint: Any) -> bool:
    return get_origin(hint) in (Union, UnionType) and not {type(None)} & set(get_args(hint))


def save_story(story: Story, path: Path) -> None:
    """Write a story as JSON with a format version."""
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = {"format": FORMAT_VERSION, "story": _converter().unstructure(story)}
    path.write_text(json.dumps(raw, indent=1, default=list) + "\n", encoding="utf-8")


def load_story(path: Path) -> Story:
    """Read what `save_story` wrote. Raises FormatError."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        if raw["format"] > FORMAT_VERSION:
            raise FormatError(
                f"format of {path} must be at most {FORMAT_VERSION}; got {raw['format']}. Upgrade forerun"
            )
        return _converter().structure(raw["story"], Story)
    except (OSError, ValueError, KeyError, TypeError, cattrs.BaseValidationError) as error:
        told = isinstance(error, cattrs.BaseValidationError)
        reason = "; ".join(cattrs.transform_error(error)) if told else repr(error)
        raise FormatError(f"{path} must hold a recommendation: {reason}. Run: forerun run") from error
