"""A recommendation for anyone's data: zero-shot from the registered meta-learner, or with a few real trainings."""

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from forerun.errors import SettingsError
from forerun.report import Front, Lineage, Story, final_table, front_table, grounds, searching, write
from forerun.report.wording import brief
from forerun.steps.architectures import target_of
from forerun.steps.finetune import FineTuned, fine_tune
from forerun.steps.forbidden import parse_forbidden
from forerun.steps.knowledge import Knowledge, Target
from forerun.steps.project import Project
from forerun.steps.report import past
from forerun.steps.target import read_task
from forerun.steps.tell import front_of, tuned_story, zero_shot_story
from forerun.tasks import Task
from forerun.tracking.models import Scores, load_metalearner, register_champion
from forerun.tracking.registry import Registered
from forerun.tracking.store import open_store
from forerun.trials import Trial
from forerun.tuning import Suggestion, trade_off


@dataclass(frozen=True)
class Advice:
    """What to train on a task."""

    suggestions: list[Suggestion]
    """Best first; after real trainings only the winner."""
    story: Story
    """Everything there is to tell, for `forerun.report`."""
    seconds: float
    """Wall clock it took."""
    tuned: FineTuned | None = None
    registered: Registered | None = None


def recommend(
    task: Task,
    *,
    project: Project | None = None,
    budget: int = 0,
    top: int = 3,
    fixed: Mapping[str, Any] | None = None,
    forbidden: Sequence[Mapping[str, Any]] = (),
    seconds: float | None = None,
    front: bool = False,
    seed: int = 0,
) -> Advice:
    """Say what to train on a task.

    budget: real trainings to spend; 0 trains nothing and answers from the registered meta-learner. With a
    budget the winner is registered. fixed: values that must be used. forbidden: combinations that must not
    be, as {"learner": "mlp", "mlp.depth": ">= 3"}. seconds: only what is predicted to train in this time.
    front: find too what a lower predicted loss costs in predicted training time, which may take a minute.
    Raises HistoryError or StoreError where the project has learned nothing yet.
    """
    began = time.monotonic()
    check(budget, top, seconds, seed)
    project = project or Project.find()
    store = open_store(project.settings.store.uri, project.root)
    knowledge = Knowledge.load(project, load_metalearner(store))
    settings = replace(
        project.settings.tune,
        trials=max(budget, 1),
        fixed=dict(fixed or {}),
        forbidden=tuple(forbidden),
        architectures=project.settings.tune.architectures if budget else None,
        seed=seed,
    )
    target = target_of(store, project, knowledge, task, settings)
    lineage, known = Lineage(tracking_uri=store.label), past(project) if target.shared is None else None
    if not budget:
        suggested = target.tuner.suggest([], top, limit_s=seconds)
        if not suggested.suggestions:
            allowed = "nothing that may be used" if forbidden else "nothing"
            raise SettingsError(
                f"seconds must leave something to train; {allowed} is predicted to train in {seconds} s"
            )
        story = zero_shot_story(target, suggested.suggestions[0], suggested, lineage)
        story = replace(story, past=known, front=_front(target, [], seconds) if front else None)
        return Advice(suggested.suggestions, story, time.monotonic() - began)
    result = fine_tune(store, target, project.root, limit_s=seconds)
    story = tuned_story(target, result, replace(lineage, run_id=result.run_id))
    registered = _register(store, task, result, story)
    named = replace(story.lineage, model=registered.name, version=str(registered.version), alias=registered.alias)
    ahead = _front(target, result.tuned.trials, seconds) if front else None
    story = replace(story, past=known, lineage=named, front=ahead)
    winner = [
        s for r in result.tuned.rounds for s in r.suggestions if s.configuration == story.recommendation.configuration
    ]
    return Advice(winner[:1], story, time.monotonic() - began, result, registered)


def _front(target: Target, trials: Sequence[Trial], limit_s: float | None) -> Front:
    return front_of(trade_off(target.tuner, trials, limit_s=limit_s))


def check(budget: int, top: int, seconds: float | None, seed: int) -> None:
    """Raise SettingsError for a number that is out of range."""
    for name, value, least in (("budget", budget, 0), ("top", top, 1), ("seed", seed, 0)):
        if value < least:
            raise SettingsError(f"{name} of a recommendation must be at least {least}; got {value}")
    if seconds is not None and not seconds > 0:
        raise SettingsError(f"seconds of a recommendation must be above 0; got {seconds}. Leave it out for no limit")


def _register(store: Any, task: Task, result: FineTuned, story: Story) -> Registered:
    found, final = story.recommendation, result.winner.final
    assert final is not None  # noqa: S101 - fine_tune raises otherwise
    scores = Scores(found.validation_loss, found.test_loss, found.loss, found.std)
    lineage = {"winner_run": result.run_id}
    return register_champion(
        store,
        task,
        final.model,
        found.configuration,
        scores,
        metrics={**final.metrics, **story.shares},
        lineage=lineage,
    )


# -- command line -----------------------------------------------------------------------------------


def command(project: Project, options: argparse.Namespace) -> None:
    """`forerun recommend`: print the advice, and write the page where one is wanted."""
    # before anything is read or trained
    check(options.budget, options.top, options.seconds, options.seed)
    fixed = dict(_fixed(text) for text in options.fix)
    forbidden = [parse_forbidden(text) for text in options.forbid]
    page = _page(options.report)
    task = read_task(
        options.data,
        options.target,
        kind=options.kind,
        metric=options.metric,
        max_rows=options.max_rows,
        seed=options.seed,
    )
    advice = recommend(
        task,
        project=project,
        budget=options.budget,
        top=options.top,
        fixed=fixed,
        forbidden=forbidden,
        seconds=options.seconds,
        front=options.front,
        seed=options.seed,
    )
    print(describe(advice))
    if page is not None:
        write(advice.story, page)
        print(f"Report: {page}")


def _page(given: Path | None) -> Path | None:
    page = None if given is None else given.resolve()
    if page is not None and (page.is_dir() or any(above.is_file() for above in page.parents)):
        raise SettingsError(f"--report must be a file that can be written, as report.html; got {str(given)!r}")
    return page


def _fixed(text: str) -> tuple[str, Any]:
    import yaml

    name, equals, value = text.partition("=")
    if not equals or not name:
        raise SettingsError(f"--fix must be NAME=VALUE, as learner=mlp; got {text!r}")
    try:
        return name.strip(), yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise SettingsError(f"the value of --fix must be one of YAML, as mlp or [a, b]; got {text!r}") from error


def describe(advice: Advice) -> str:
    """The advice in lines for a terminal."""
    lines = [final_table(advice.story)]
    for suggestion in advice.suggestions[1:]:
        known = " (the best on average in the history)" if suggestion.source == "history" else ""
        lines.append(
            f"  or {brief(suggestion.configuration, 400)}: "
            f"predicted {suggestion.loss:.3f} ± {suggestion.std:.3f}{known}"
        )
    if advice.story.front is not None:
        lines += ["", front_table(advice.story)]
    lines += ["", *_why(advice.story)]
    if advice.registered is not None:
        lines.append(
            f"Registered: {advice.registered.name} version {advice.registered.version}, {advice.registered.alias}"
        )
    lines.append(searched(advice))
    return "\n".join(lines)


def searched(advice: Advice) -> str:
    """Of how many configurations the recommendation is the best, whether that is proven, and what it took."""
    took = f"{advice.seconds:.1f} s in all."
    tuning, search = advice.story.tuning, advice.story.search
    if tuning is not None and tuning.searches:
        return f"{searching.batches(tuning.searches)}; {took}"
    doubt = searching.doubt(search)
    said = f"{searching.best_of(search, first=len(advice.suggestions) > 1)}; {took}"
    return f"{said} {doubt[0].upper()}{doubt[1:]}." if doubt else said


def _why(story: Story) -> list[str]:
    lines = []
    if story.explanation is not None and len(story.explanation):
        domains = story.explanation.drop_duplicates("domain").head(3)
        said = ", ".join(
            f"{d} ({share:.0%})" for d, share in zip(domains["domain"], domains["importance"], strict=True)
        )
        lines.append(f"What matters most here: {said} of what is predicted to vary over the space.")
    if story.grounds is not None:
        lines.append(grounds.told(story.grounds))
    if story.neighbours:
        lines.append("Most alike in the history: " + ", ".join(n.name for n in story.neighbours[:3]) + ".")
    return lines
