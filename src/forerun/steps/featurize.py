"""Step 1, done: the trial table becomes the meta-dataset."""

from forerun.metadata import featurize
from forerun.metadata.datasheet import datasheet
from forerun.steps.project import Project
from forerun.steps.target import target_family
from forerun.trials import History


def run(project: Project) -> None:
    """Write data/meta: meta.parquet and its datasheet. The target's family is left out: it is to be unseen."""
    history = History.load(project.trials)
    family = target_family(project)
    unseen = history.tasks.index[history.tasks["family"] != family]
    history = history.of_tasks(unseen)
    meta = featurize(history, min_trials=project.settings.featurize.min_trials)
    project.meta.mkdir(parents=True, exist_ok=True)
    meta.save(project.meta / "meta.parquet")
    (project.meta / "DATASHEET.md").write_text(datasheet(meta, history), encoding="utf-8")
    print(f"{len(meta):,} trials of {len(meta.tasks):,} tasks in {meta.X.shape[1]} + {meta.features.shape[1]} columns")
