"""The report: one page that tells what was recommended, why, how sure, and what it was worth."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from forerun.errors import FormatError
from forerun.evaluation import BASELINES, RANDOM
from forerun.metadata import MetaDataset
from forerun.report import Estimate, MethodScore, Past, Story, write
from forerun.report.story import Lineage
from forerun.steps.forgetting import load_drift
from forerun.steps.project import Project
from forerun.steps.tell import load_story
from forerun.tracking import names
from forerun.tracking.log import log_summary
from forerun.tracking.store import open_store

SHARES = {50: 0.5, 80: 0.8, 95: 0.95}
TRIALS = (1, 3, 5, 10)


def run(project: Project) -> None:
    """Write data/reports/report.html and log it to MLflow."""
    story = full_story(project)
    write(story, project.page)
    log_summary(
        open_store(project.settings.store.uri, project.root),
        names.META,
        f"report {story.task.name}",
        params={"task": story.task.name},
        metrics={
            "test_loss": story.recommendation.test_loss,
            "validation_loss": story.recommendation.validation_loss,
            **story.shares,
        },
        files=[project.page],
    )


def full_story(project: Project) -> Story:
    """The pipeline's story, with what is known of the meta-learner and of what was registered."""
    story = load_story(project.recommendation / "story.json")
    told = json.loads(project.registered.read_text()) if project.registered.is_file() else None
    # the scores on tasks left out are of the joint space's meta-learner, which chose no architecture
    known = past(project) if story.architectures is None else None
    return replace(story, past=known, lineage=_lineage(story.lineage, told))


def _lineage(known: Lineage, told: Mapping[str, Any] | None) -> Lineage:
    if told is None:
        return known
    model = told["champion"]
    serve = f"mlflow models predict -m models:/{model['name']}@{model['alias']} -i rows.csv -t csv --env-manager local"
    return replace(
        known,
        commands=("forerun run", serve),
        meta_hash=told["meta_hash"],
        model=model["name"],
        version=str(model["version"]),
        alias=model["alias"],
    )


def past(project: Project) -> Past:
    """The history behind the recommendation, and how each meta-learner did on tasks left out."""
    meta = MetaDataset.load(project.meta / "meta.parquet")
    found = evaluation(project)
    methods = [_method(name, scores) for name, scores in found["methods"].items()]
    return Past(
        trials=len(meta),
        tasks=len(set(meta.data_sets)),
        families=len(set(meta.families)),
        methods=methods,
        chosen=found["best"],
        why=_why(found["best"], {m: s["regret"]["mean"] for m, s in found["methods"].items()}),
        drift=load_drift(project.drift),
    )


def _why(chosen: str, regrets: Mapping[str, float]) -> str:
    """Why a method was chosen of all with a mean regret."""
    among = {name: regret for name, regret in regrets.items() if name not in (RANDOM, *BASELINES)}
    best, known = min(among, key=lambda name: among[name]), "mean regret over the first ten trials on tasks left out"
    if among[chosen] <= among[best]:
        return f"the lowest {known} ({among[chosen]:.3f})"
    return (
        f"the default, with a {known} of {among[chosen]:.3f}; that of {best} is lower ({among[best]:.3f}), "
        "by no more than a standard error"
    )


def evaluation(project: Project) -> dict[str, Any]:
    """What the step `train` found: the best method, and the scores of all. Raises FormatError."""
    path = project.reports / "evaluation.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        float(found["methods"][found["best"]]["regret"]["mean"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{path} must hold the scores of meta-learners: {error!r}. Run: forerun run") from error
    return dict(found)


def _method(name: str, scores: Mapping[str, Mapping[str, float]]) -> MethodScore:
    def estimate(score: str) -> Estimate:
        value = scores.get(score)
        return Estimate(value["mean"], value["low"], value["high"]) if value else Estimate(float("nan"))

    return MethodScore(
        name=name,
        rank_correlation=estimate("spearman"),
        regret={t: estimate(f"regret_{t}") for t in TRIALS},
        coverage={
            share: scores[f"raw_coverage_{percent}"]["mean"]
            for percent, share in SHARES.items()
            if f"raw_coverage_{percent}" in scores
        },
        baseline=name in (RANDOM, *BASELINES),
    )
