"""Trials become runs, once each, whatever is killed when."""

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mlflow.exceptions import MlflowException

from forerun.errors import StoreError
from forerun.space import SearchSpace
from forerun.tasks import Task
from forerun.tracking import names
from forerun.tracking.log import clear_interrupted, commit, log_summary, log_trial, recorded
from forerun.tracking.mine import fingerprint
from forerun.tracking.records import TaskRecord, all_runs, log_dataset, log_space, log_task, named_apart, read_space
from forerun.tracking.store import Store, open_store
from forerun.trials import Trial
from tests.tracking import processes
from tests.tracking.conftest import EXPERIMENT, close, make_trial

pytestmark = pytest.mark.slow  # it makes MLflow stores


def test_a_trial_is_a_run_with_everything_in_it(store: Store, space: SearchSpace, record: TaskRecord) -> None:
    trial = make_trial(space, 1)
    run = store.client.get_run(log_trial(store, EXPERIMENT, trial, record, {"flow": "test"}))
    params = dict(run.data.params)
    assert int(params.pop("seed")) == trial.seed
    assert float(params.pop("fidelity")) == trial.fidelity
    assert params.keys() == trial.configuration.keys()
    assert run.data.metrics["loss"] == trial.loss
    assert run.data.metrics["train_accuracy"] == trial.metrics["train_accuracy"]
    assert run.data.tags[names.TRIAL] == trial.key
    assert run.data.tags["hw.cpu_model"] == "Abacus 3000"
    assert run.data.tags["flow"] == "test"
    assert run.info.status == "FINISHED"
    assert run.info.start_time == round(trial.started * 1000)
    history = store.client.get_metric_history(run.info.run_id, names.CURVE)
    assert [(m.step, m.value) for m in history] == list(trial.curve)
    (dataset,) = run.inputs.dataset_inputs
    assert (dataset.dataset.name, dataset.dataset.digest) == ("boxes", record.digest[:36])


def test_a_failed_trial_keeps_its_reason_and_has_no_loss(store: Store, space: SearchSpace, record: TaskRecord) -> None:
    run = store.client.get_run(log_trial(store, EXPERIMENT, make_trial(space, 3, failed=True), record))
    assert run.info.status == "FAILED"
    assert run.data.tags[names.REASON].startswith("diverged")
    assert run.data.tags[names.ERROR].endswith("diverged")
    assert names.LOSS not in run.data.metrics


def test_recorded_holds_the_keys_of_finished_and_failed_trials(filled: Store, space: SearchSpace) -> None:
    assert recorded(filled, EXPERIMENT) == {make_trial(space, i, failed=i % 4 == 3).key for i in range(8)}
    assert recorded(filled, "no such experiment") == set()


def test_recorded_reads_the_same_through_mlflow(filled: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    by_sql = recorded(filled, EXPERIMENT)
    monkeypatch.setattr("forerun.tracking.database.REVISIONS", frozenset())
    assert recorded(filled, EXPERIMENT) == by_sql


def test_deleted_runs_are_not_recorded(filled: Store) -> None:
    run = all_runs(filled, filled.experiment(EXPERIMENT))[0]
    filled.client.delete_run(run.info.run_id)
    assert len(recorded(filled, EXPERIMENT)) == 7


def test_a_long_set_survives_the_limit_of_a_parameter(store: Store, record: TaskRecord, space: SearchSpace) -> None:
    columns = tuple(f"a_column_with_a_long_name_{i:04d}" for i in range(500))
    trial = replace(make_trial(space), configuration={"features": columns})
    params = store.client.get_run(log_trial(store, EXPERIMENT, trial, record)).data.params
    assert {"features", "features:2", "features:3"} < params.keys()


def test_numpy_floats_are_written_like_pythons(store: Store, record: TaskRecord, space: SearchSpace) -> None:
    trial = replace(make_trial(space), configuration={"svm.C": np.float64(0.1)})
    assert store.client.get_run(log_trial(store, EXPERIMENT, trial, record)).data.params["svm.C"] == "0.1"


def test_reserved_names_are_refused(store: Store, record: TaskRecord, space: SearchSpace) -> None:
    with pytest.raises(StoreError, match="domain must not be called 'seed'"):
        log_trial(store, EXPERIMENT, replace(make_trial(space), configuration={"seed": 1}), record)
    with pytest.raises(StoreError, match="must not be called 'loss'"):
        log_trial(store, EXPERIMENT, replace(make_trial(space), metrics={"loss": 1.0}), record)


def test_a_task_is_written_once_and_its_metafeatures_can_be_renewed(store: Store, record: TaskRecord) -> None:
    for metafeatures in ({"rows": 36.0}, {"rows": 36.0}, {"rows": 36.0, "skewness": float("nan")}):
        log_task(store, record, metafeatures)
    (run,) = all_runs(store, store.experiment(names.TASKS))
    assert run.data.metrics["mf.rows"] == 36.0
    assert np.isnan(run.data.metrics["mf.skewness"])


def test_other_data_under_a_known_name_is_refused(store: Store, record: TaskRecord) -> None:
    log_task(store, record, {})
    with pytest.raises(StoreError, match="Give the new data another name"):
        log_task(store, replace(record, digest="0" * 64), {})


def test_a_space_comes_back_from_its_tags(store: Store, space: SearchSpace) -> None:
    wide = SearchSpace.union([space.with_domain(f"extra.{i}", space.domains["features"]) for i in range(200)], "tiny")
    log_space(store, wide)
    log_space(store, wide)
    (run,) = all_runs(store, store.experiment(names.SPACES))
    assert names.SPACE_JSON + "001" in run.data.tags
    assert read_space(run.data.tags) == wide
    with pytest.raises(StoreError, match="Give the new space another name"):
        log_space(store, space)


@pytest.mark.parametrize("name", ["o'hara", 'the "best"', """5' by 6\"""", "back\\slash", "a`b"])
def test_a_task_of_any_name_is_found_again(store: Store, record: TaskRecord, name: str) -> None:
    for _ in range(2):
        log_task(store, replace(record, name=name), {})
    (run,) = all_runs(store, store.experiment(names.TASKS))
    assert run.data.tags[names.TASK] == name


def test_the_record_of_a_task_is_small_and_does_not_look_at_test_data(task: Task) -> None:
    class Untouchable:
        def __getattr__(self, name: str) -> object:
            raise AssertionError("the test part was touched")

    made = TaskRecord.of(replace(task, test=Untouchable()))  # type: ignore[arg-type]
    assert '"colour"' in made.schema
    assert '"validation_rows": 12' in made.profile


def test_the_commit_is_known_inside_a_repository_only(tmp_path: Path) -> None:
    assert set(commit(tmp_path)) == {"forerun.version"}
    subprocess.run(["git", "init", "-q", str(tmp_path / "r")], check=True)
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run(["git", "-C", str(tmp_path / "r"), *identity, "commit", "-qm", "x", "--allow-empty"], check=True)
    assert len(commit(tmp_path / "r")["mlflow.source.git.commit"]) == 40


@pytest.mark.slow
def test_killed_writers_leave_neither_duplicates_nor_gaps(root: Path, space: SearchSpace) -> None:
    rng = np.random.default_rng(0)
    for _ in range(4):
        process = processes.logging(root, 60)
        time.sleep(rng.uniform(0.02, 0.4))
        process.kill()
        process.join()
    last = processes.logging(root, 60)
    last.join(60)
    assert last.exitcode == 0
    store = open_store(None, root)
    runs = all_runs(store, store.experiment(EXPERIMENT))
    assert sorted(r.data.tags[names.TRIAL] for r in runs) == sorted(make_trial(space, i).key for i in range(60))
    assert {r.info.status for r in runs} == {"FINISHED"}
    close(store)


def interrupted(store: Store, trial: Trial, writer: str) -> str:
    tags = {names.TRIAL: trial.key, names.WRITER: writer}
    return str(store.client.create_run(store.experiment(EXPERIMENT), tags=tags).info.run_id)


def test_half_written_runs_of_the_dead_are_deleted_and_of_the_living_are_not(store: Store, space: SearchSpace) -> None:
    from forerun.tracking.log import _writer

    host, pid, born = _writer().split(":")
    now = int(time.time())
    trial = make_trial(space)
    dead = [
        interrupted(store, trial, f"{host}:{pid}:12.34:{now}"),  # its number was given to another process
        interrupted(store, trial, f"{host}:99999999:12.34:{now}"),
        interrupted(store, trial, f"elsewhere:{pid}:{born}:{now - 3600}"),
    ]
    living = [
        interrupted(store, trial, f"{host}:{pid}:{born}:{now}"),
        interrupted(store, trial, f"elsewhere:{pid}:{born}:{now}"),
    ]
    assert recorded(store, EXPERIMENT) == set()
    assert clear_interrupted(store, EXPERIMENT) == len(dead)
    left = {r.info.run_id for r in all_runs(store, store.experiment(EXPERIMENT))}
    assert left == set(living)


def test_four_threads_may_log_at_once(store: Store, space: SearchSpace, record: TaskRecord) -> None:
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda i: log_trial(store, EXPERIMENT, make_trial(space, i), record), range(80)))
    assert len(set(runs)) == 80
    assert len(recorded(store, EXPERIMENT)) == 80


@pytest.mark.slow
def test_four_processes_may_log_at_once(root: Path, space: SearchSpace) -> None:
    writers = [processes.logging(root, 80) for _ in range(4)]
    for writer in writers:
        writer.join(120)
    assert [writer.exitcode for writer in writers] == [0] * 4
    store = open_store(None, root)
    assert recorded(store, EXPERIMENT) == {make_trial(space, i).key for i in range(80)}
    assert fingerprint(store, [EXPERIMENT])[EXPERIMENT]["runs"] >= 80
    close(store)


def test_a_summary_is_a_run_with_its_files(store: Store, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<p>")
    metrics = {"regret": 0.1, "unknown": float("nan")}
    run = log_summary(
        store, names.META, "evaluation", params={"best": "linear"}, metrics=metrics, files=[tmp_path / "page.html"]
    )
    found = store.client.get_run(run)
    assert (found.info.run_name, found.info.status) == ("evaluation", "FINISHED")
    assert (found.data.params, found.data.metrics) == ({"best": "linear"}, {"regret": 0.1})
    assert [each.path for each in store.client.list_artifacts(run)] == ["page.html"]


def test_a_data_set_that_another_process_adds_at_the_same_moment_is_no_error(
    store: Store, record: TaskRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = store.client.create_run(store.experiment(EXPERIMENT)).info.run_id
    log_inputs, calls = store.client.log_inputs, []

    def first_too_late(*given: object) -> None:
        calls.append(given)
        if len(calls) == 1:
            raise MlflowException("(sqlite3.IntegrityError) UNIQUE constraint failed: datasets.name")
        log_inputs(*given)

    monkeypatch.setattr(store.client, "log_inputs", first_too_late)
    log_dataset(store, run, record.dataset)
    assert len(store.client.get_run(run).inputs.dataset_inputs) == 1
    monkeypatch.setattr(store.client, "log_inputs", lambda *_: raise_other())
    with pytest.raises(MlflowException, match="another"):
        log_dataset(store, run, record.dataset)


def raise_other() -> None:
    raise MlflowException("another error")


def test_data_that_changed_under_a_known_name_is_told_apart(store: Store, task: Task, record: TaskRecord) -> None:
    assert named_apart(store, task) is task
    log_task(store, record, {})
    assert named_apart(store, task) is task
    changed = replace(task, digest="f" * 64)
    assert named_apart(store, changed).name == f"{task.name}-ffffff"
