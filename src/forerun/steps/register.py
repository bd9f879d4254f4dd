"""Step 3, done: the winner and the meta-learner become MLflow models."""

import json
from dataclasses import asdict
from pathlib import Path

from forerun.learners.saved import load_model
from forerun.metalearners import Forecaster
from forerun.steps.project import Project
from forerun.steps.report import evaluation
from forerun.steps.target import load_target
from forerun.steps.tell import load_story
from forerun.tracking.models import Scores, register_champion, register_metalearner
from forerun.tracking.store import open_store


def run(project: Project) -> None:
    """Write data/reports/registered.json."""
    store = open_store(project.settings.store.uri, project.root)
    story = load_story(project.recommendation / "story.json")
    found = story.recommendation
    lineage = {"meta_hash": meta_hash(project.root)}
    judged = evaluation(project)
    scores = {name: value["mean"] for name, value in judged["methods"][judged["best"]].items()}
    metalearner = register_metalearner(store, Forecaster.load(project.models), scores=scores, lineage=lineage)
    champion = register_champion(
        store,
        load_target(project),
        load_model(project.recommendation / "model"),
        found.configuration,
        Scores(found.validation_loss, found.test_loss, found.loss, found.std),
        metrics={**found.test_metrics, **story.shares},
        lineage={
            **lineage,
            "winner_run": story.lineage.run_id,
            "metalearner": f"{metalearner.name}/{metalearner.version}",
        },
    )
    told = {"champion": asdict(champion), "metalearner": asdict(metalearner), **lineage}
    project.registered.write_text(json.dumps(told, indent=1) + "\n")
    print(f"{champion.name} version {champion.version} is {champion.alias}")


def meta_hash(root: Path) -> str:
    """DVC's hash of the meta-dataset; empty where DVC has not committed it."""
    import yaml

    try:
        locked = yaml.safe_load((root / "dvc.lock").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ""
    outs = locked.get("stages", {}).get("featurize", {}).get("outs", [])
    return next((str(out["md5"]) for out in outs if out["path"] == "data/meta"), "")
