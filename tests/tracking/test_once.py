"""Two machines may train the same trial; the store keeps it once, whoever writes first, last or at the same time."""

import itertools
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from forerun.space import SearchSpace
from forerun.tracking import names, once
from forerun.tracking.log import log_trial, recorded
from forerun.tracking.once import ended, keep_first, log_once
from forerun.tracking.records import TaskRecord, all_runs
from forerun.tracking.store import Store, open_store
from forerun.trials import Trial
from tests.tracking.conftest import EXPERIMENT, make_trial


@pytest.fixture
def trial(space: SearchSpace) -> Trial:
    return make_trial(space)


def active(store: Store) -> list[str]:
    return [run.info.status for run in all_runs(store, store.experiment(EXPERIMENT))]


def test_of_two_machines_that_write_a_trial_one_run_is_left(store: Store, trial: Trial, record: TaskRecord) -> None:
    for _ in range(2):
        log_once(store, EXPERIMENT, trial, record, {})
    assert active(store) == ["FINISHED"]
    assert recorded(store, EXPERIMENT) == {trial.key}


def test_two_that_write_and_look_at_the_same_moment_agree_on_which_run_is_left(
    store: Store, root: Path, trial: Trial, record: TaskRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.experiment(EXPERIMENT)
    both, errors = threading.Barrier(2), []
    looked = once.all_runs

    def look(*arguments: object) -> object:
        # both have written, neither has looked; then both have looked, neither has deleted
        both.wait(300)
        found = looked(*arguments)  # type: ignore[arg-type]
        both.wait(300)
        return found

    monkeypatch.setattr(once, "all_runs", look)

    def write() -> None:
        try:
            log_once(open_store(None, root), EXPERIMENT, trial, record, {})
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert errors == []
    assert active(store) == ["FINISHED"]


def test_what_a_killed_worker_sent_last_may_arrive_after_another_one_has_logged_the_trial(
    store: Store, trial: Trial, record: TaskRecord
) -> None:
    place = store.experiment(EXPERIMENT)
    late = store.client.create_run(place, tags={names.TRIAL: trial.key}).info.run_id
    log_once(store, EXPERIMENT, trial, record, {})
    assert sorted(active(store)) == ["FINISHED", "RUNNING"]
    store.client.set_terminated(late, "FINISHED")
    assert keep_first(store, EXPERIMENT, remains=True) == 1
    assert active(store) == ["FINISHED"]
    assert late not in {run.info.run_id for run in all_runs(store, place)}


def test_in_the_end_nothing_half_written_is_left_of_trials_that_are_there(
    store: Store, trial: Trial, space: SearchSpace, record: TaskRecord
) -> None:
    place = store.experiment(EXPERIMENT)
    other = make_trial(space, 1)
    for each in (trial, other):
        store.client.create_run(place, tags={names.TRIAL: each.key})
    log_trial(store, EXPERIMENT, trial, record)
    assert keep_first(store, EXPERIMENT, remains=True) == 1
    # what is under way of another trial may be anybody's
    assert sorted(active(store)) == ["FINISHED", "RUNNING"]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_run_that_is_left_is_the_one_that_mining_counts(
    store: Store, trial: Trial, record: TaskRecord, order: tuple[int, ...]
) -> None:
    place = store.experiment(EXPERIMENT)
    facts = (("FAILED", 1), ("FINISHED", 2), ("FINISHED", 3))
    for i in order:
        status, end = facts[i]
        run = store.client.create_run(place, tags={names.TRIAL: trial.key}).info.run_id
        store.client.set_terminated(run, status, end)
    assert keep_first(store, EXPERIMENT) == 2
    (left,) = all_runs(store, place)
    assert (left.info.status, left.info.end_time) == ("FINISHED", 2)


def test_the_same_training_in_another_campaign_is_another_run(store: Store, trial: Trial, record: TaskRecord) -> None:
    for campaign in ("one", "two", "one"):
        log_once(store, EXPERIMENT, trial, record, {names.CAMPAIGN: campaign})
    runs = all_runs(store, store.experiment(EXPERIMENT))
    assert sorted(run.data.tags[names.CAMPAIGN] for run in runs) == ["one", "two"]
    assert ended(store, EXPERIMENT, trial.task, "one") == {trial.key}
    assert ended(store, EXPERIMENT, trial.task, "three") == set()


def test_what_has_ended_is_told_task_by_task_whatever_their_names(
    store: Store, trial: Trial, record: TaskRecord
) -> None:
    quoted = replace(trial, task="it's")
    log_trial(store, EXPERIMENT, quoted, replace(record, name="it's"))
    store.client.create_run(store.experiment(EXPERIMENT), tags={names.TRIAL: "x", names.TASK: "it's"})
    assert ended(store, EXPERIMENT, "it's") == {quoted.key}
    assert ended(store, EXPERIMENT, trial.task) == set()
