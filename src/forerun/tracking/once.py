"""A trial is kept once, though two machines may train it.

A worker that has lost touch with its cluster may still be training what another one was given in its place,
and the last call of a worker that was killed may arrive after another one has looked. Nobody can keep either
from being written; so whoever has written a trial looks for others of it, and deletes all but the first.
All agree on which one is first, and whoever writes last sees them all: one is left, in whatever order.
"""

from collections.abc import Mapping

from mlflow.entities import Run

from forerun.tracking import names
from forerun.tracking.log import log_trial
from forerun.tracking.records import TaskRecord, all_runs
from forerun.tracking.store import Store
from forerun.trials import Trial

ENDED = ("FINISHED", "FAILED")


def log_once(store: Store, experiment: str, trial: Trial, record: TaskRecord, tags: Mapping[str, str]) -> None:
    """Write a trial as a run, unless another machine has written it in the meantime. Raises StoreError."""
    log_trial(store, experiment, trial, record, tags)
    keep_first(store, experiment, f"tags.`{names.TRIAL}` = '{trial.key}'")


def keep_first(store: Store, experiment: str, condition: str = "", *, remains: bool = False) -> int:
    """Keep one run of each trial of a campaign, the one that mining counts; returns how many were deleted.

    condition: MLflow's filter, which runs are looked at.
    remains: delete also what was begun and never ended, of trials that have ended in another run; only when
    nobody should be writing any more.
    """
    place = store.experiment(experiment)
    with store.guard(f"look for trials that {experiment!r} holds twice"):
        runs = [run for run in all_runs(store, place, condition) if names.TRIAL in run.data.tags]
        first: dict[tuple[str, str], Run] = {}
        for run in sorted((run for run in runs if run.info.status in ENDED), key=_order):
            first.setdefault(_identity(run), run)
        held = {identity: run.info.run_id for identity, run in first.items()}
        others = [
            run.info.run_id
            for run in runs
            if held.get(_identity(run), run.info.run_id) != run.info.run_id and (remains or run.info.status in ENDED)
        ]
        for run_id in others:
            store.client.delete_run(run_id)
    return len(others)


def ended(store: Store, experiment: str, task: str, campaign: str = "") -> set[str]:
    """Keys of the trials of one task, and of one campaign of fine-tuning, that have ended."""
    place = store.experiment(experiment)
    condition = "attributes.status != 'RUNNING'"
    # MLflow's filters know no way to write a quote
    condition += "" if "'" in task else f" and tags.`{names.TASK}` = '{task}'"
    condition += f" and tags.`{names.CAMPAIGN}` = '{campaign}'" if campaign else ""
    with store.guard(f"read the trials of {task!r}"):
        tags = [run.data.tags for run in all_runs(store, place, condition) if run.info.status in ENDED]
    return {each[names.TRIAL] for each in tags if each.get(names.TASK) == task and names.TRIAL in each}


def holds_task(store: Store, record: TaskRecord) -> bool:
    """Whether the store describes this task, made of the same data."""
    place = store.find(names.TASKS)
    if place is None:
        return False
    with store.guard(f"look up task {record.name!r}"):
        runs = all_runs(store, place, f"tags.`{names.DIGEST}` = '{record.digest}'")
    return any(run.data.tags.get(names.TASK) == record.name for run in runs)


def _identity(run: Run) -> tuple[str, str]:
    return run.data.tags[names.TRIAL], run.data.tags.get(names.CAMPAIGN, "")


def _order(run: Run) -> tuple[bool, int, str]:
    # of what never changes again once a run has ended
    return run.info.status == "FAILED", run.info.end_time, run.info.run_id
