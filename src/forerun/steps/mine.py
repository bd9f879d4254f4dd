"""Step 1, continued: MLflow runs become a trial table, joined with other histories."""

from forerun.errors import HistoryError
from forerun.mining.reconcile import join
from forerun.steps.project import Project
from forerun.tracking.mine import mine
from forerun.tracking.store import open_store
from forerun.trials import History


def run(project: Project) -> None:
    """Write data/trials."""
    settings = project.settings.mine
    store = open_store(project.settings.store.uri, project.root)
    mined = mine(store, settings.experiments)
    history, told = join([mined, *(History.load(project.path(folder)) for folder in settings.histories)])
    if not len(history):
        raise HistoryError(
            f"the experiments {', '.join(settings.experiments)} of {store.label} must hold trials, or mine.history "
            "must name a history; neither does. Run: forerun step collect"
        )
    history.save(project.trials)
    print(f"{len(mined):,} trials mined, {len(history):,} with the history, on {len(history.tasks):,} tasks")
    for sentence in told:
        print(f"  {sentence}")
