"""Step 3: the best of the space for the target, fine-tuned with a few real trainings."""

import json

from forerun.learners.saved import save_model
from forerun.report import Lineage
from forerun.steps.architectures import target_of
from forerun.steps.errand import Elsewhere
from forerun.steps.finetune import fine_tune
from forerun.steps.knowledge import Knowledge
from forerun.steps.project import Project
from forerun.steps.target import load_target
from forerun.steps.tell import save_story, tuned_story
from forerun.tracking.store import open_store


def run(project: Project, elsewhere: Elsewhere | None = None) -> None:
    """Write data/reports/recommendation: the story, the winner's configuration and its model.

    elsewhere: trains on other machines; None trains here.
    """
    store = open_store(project.settings.store.uri, project.root)
    target = target_of(store, project, Knowledge.load(project), load_target(project), project.settings.tune)
    result = fine_tune(store, target, project.root, elsewhere=elsewhere)
    story = tuned_story(target, result, Lineage(run_id=result.run_id, tracking_uri=store.label))
    folder = project.recommendation
    save_story(story, folder / "story.json")
    assert result.winner.final is not None  # noqa: S101 - fine_tune raises otherwise
    save_model(result.winner.final.model, folder / "model")
    (folder / "configuration.json").write_text(json.dumps(dict(story.recommendation.configuration), indent=1) + "\n")
