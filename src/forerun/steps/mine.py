"""Step 1, continued: MLflow runs become a trial table, joined with the shipped history."""

from forerun.errors import HistoryError
from forerun.steps.project import Project
from forerun.tracking.mine import mine
from forerun.tracking.store import open_store
from forerun.trials import History


def run(project: Project) -> None:
    """Write data/trials."""
    settings = project.settings.mine
    store = open_store(project.settings.store.uri, project.root)
    mined = mine(store, settings.experiments)
    history = mined
    if settings.history is not None:
        history = mined.join(History.load(project.path(settings.history)))
    if not len(history):
        raise HistoryError(
            f"the experiments {', '.join(settings.experiments)} of {store.label} must hold trials, or mine.history "
            "must name a history; neither does. Run: forerun step collect"
        )
    history.save(project.trials)
    print(f"{len(mined):,} trials mined, {len(history):,} with the history, on {len(history.tasks):,} tasks")
