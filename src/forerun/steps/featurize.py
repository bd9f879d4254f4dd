"""Step 1, done: the trial table becomes the meta-dataset."""

from forerun.learners import ARCHITECTURES
from forerun.metadata import featurize
from forerun.metadata.datasheet import datasheet
from forerun.steps.project import Project
from forerun.steps.target import target_family
from forerun.tasks import KINDS
from forerun.trials import History


def run(project: Project) -> None:
    """Write data/meta: meta.parquet and its datasheet.

    The target's family is left out: it is to be unseen. So are architectures, which share no choice with the learners
    of the joint space and would be noise to them; `steps.architectures` learns from those.
    """
    history = History.load(project.trials)
    family = target_family(project)
    unseen = history.tasks.index[history.tasks["family"] != family]
    history = _of_learners(history.of_tasks(unseen))
    meta = featurize(history, min_trials=project.settings.featurize.min_trials)
    project.meta.mkdir(parents=True, exist_ok=True)
    meta.save(project.meta / "meta.parquet")
    (project.meta / "DATASHEET.md").write_text(datasheet(meta, history), encoding="utf-8")
    print(f"{len(meta):,} trials of {len(meta.tasks):,} tasks in {meta.X.shape[1]} + {meta.features.shape[1]} columns")


def _of_learners(history: History) -> History:
    families = {family.space(kind).name for family in ARCHITECTURES.values() for kind in KINDS}
    trials = history.trials[~history.trials["space"].isin(families)]
    return History(trials.reset_index(drop=True), history.tasks, history.spaces)
