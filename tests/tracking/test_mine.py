"""What was logged is mined again, to the last bit, by either route."""

import math
from dataclasses import replace

import pandas as pd
import pytest

from forerun.errors import HistoryError
from forerun.space import Ordinal, SearchSpace
from forerun.tracking import names
from forerun.tracking.log import log_trial
from forerun.tracking.mine import fingerprint, from_fact, from_text, mine
from forerun.tracking.records import TaskRecord, all_runs, log_space, log_task
from forerun.tracking.store import Store
from forerun.trials import History
from tests.tracking.conftest import EXPERIMENT, make_trial

pytestmark = pytest.mark.slow  # it fills and reads whole stores


through_mlflow = pytest.mark.filterwarnings("ignore:the schema of .* is none that forerun reads directly:UserWarning")


def by_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    """No schema is known: all goes through MLflow's own client."""
    for module in ("database", "reading.sqlite"):
        monkeypatch.setattr(f"forerun.tracking.{module}.REVISIONS", frozenset())


def test_a_history_survives_the_store(filled: Store, space: SearchSpace) -> None:
    trials = [make_trial(space, i, failed=i % 4 == 3) for i in range(8)]
    mined = mine(filled, [EXPERIMENT])
    expected = History.of(trials, mined.tasks, {space.name: space})
    pd.testing.assert_frame_equal(
        mined.trials.sort_values("seed", ignore_index=True), expected.trials, check_like=True, check_exact=True
    )
    assert mined.spaces == expected.spaces
    by_seed = [mined.configurations(mined.trials[mined.trials["seed"] == t.seed])[0] for t in trials]
    assert by_seed == [dict(t.configuration) for t in trials]


def test_facts_and_metafeatures_of_tasks_are_mined(filled: Store, record: TaskRecord) -> None:
    tasks = mine(filled, [EXPERIMENT]).tasks
    assert list(tasks.index) == ["boxes"]
    row = tasks.loc["boxes"]
    assert (row["family"], row["kind"], row["source"]) == ("boxes", "binary", "made up, 2026")
    assert row["digest"] == record.digest
    assert row["mf_rows"] == 36.0
    assert math.isnan(row["mf_skewness"])


@through_mlflow
def test_mining_through_the_interface_gives_the_same_history(filled: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    by_sql, summary = mine(filled, [EXPERIMENT]), fingerprint(filled, [EXPERIMENT])
    by_interface(monkeypatch)
    other = mine(filled, [EXPERIMENT])
    pd.testing.assert_frame_equal(by_sql.trials, other.trials, check_exact=True)
    pd.testing.assert_frame_equal(by_sql.tasks, other.tasks, check_exact=True)
    assert by_sql.spaces == other.spaces
    assert fingerprint(filled, [EXPERIMENT]) == summary


def test_running_deleted_and_foreign_runs_are_left_out(filled: Store) -> None:
    experiment = filled.experiment(EXPERIMENT)
    filled.client.create_run(experiment, tags={names.TRIAL: "half"})
    foreign = filled.client.create_run(experiment).info.run_id
    filled.client.set_terminated(foreign)
    filled.client.delete_run(all_runs(filled, experiment)[0].info.run_id)
    assert len(mine(filled, [EXPERIMENT])) == 7


def test_of_two_runs_of_a_trial_the_one_that_finished_first_counts(
    filled: Store, space: SearchSpace, record: TaskRecord
) -> None:
    again = replace(make_trial(space, 0), loss=99.0)
    cured = replace(make_trial(space, 3), loss=0.5)  # number 3 had failed
    for trial in (again, cured):
        log_trial(filled, EXPERIMENT, trial, record)
    trials = mine(filled, [EXPERIMENT]).trials.set_index("seed")
    assert len(trials) == 8
    assert trials.loc[0, "loss"] == make_trial(space, 0).loss
    assert (trials.loc[3, "status"], trials.loc[3, "loss"]) == ("finished", 0.5)


def test_infinities_come_back(filled: Store, space: SearchSpace, record: TaskRecord) -> None:
    log_trial(filled, EXPERIMENT, replace(make_trial(space, 50), metrics={"train_r2": -math.inf}), record)
    assert mine(filled, [EXPERIMENT]).trials.set_index("seed").loc[50, "metric_train_r2"] == -math.inf


def test_a_curve_that_ends_in_nan_comes_back(filled: Store, space: SearchSpace, record: TaskRecord) -> None:
    log_trial(filled, EXPERIMENT, replace(make_trial(space, 50), curve=((1, 0.5), (2, math.nan))), record)
    curve = mine(filled, [EXPERIMENT]).trials.set_index("seed").loc[50, "curve_loss"]
    assert curve[0] == 0.5
    assert math.isnan(curve[1])


def test_a_long_set_comes_back(filled: Store, space: SearchSpace, record: TaskRecord) -> None:
    columns = tuple(f"a_column_with_a_long_name_{i:04d}" for i in range(500))
    wide = SearchSpace("wide", {"features": type(space.domains["features"])(columns)}, {})  # type: ignore[call-arg]
    log_space(filled, wide)
    trial = replace(make_trial(space, 60), configuration={"features": columns}, space="wide")
    log_trial(filled, EXPERIMENT, trial, record)
    history = mine(filled, [EXPERIMENT])
    assert history.configurations(history.trials[history.trials["seed"] == 60]) == [{"features": columns}]


def test_experiments_that_do_not_exist_hold_no_trials(store: Store) -> None:
    assert len(mine(store, ["forerun/nothing"])) == 0
    assert fingerprint(store, ["forerun/nothing"]) == {}


def test_a_trial_without_its_task_or_space_is_an_error(store: Store, space: SearchSpace, record: TaskRecord) -> None:
    log_trial(store, EXPERIMENT, make_trial(space), record)
    with pytest.raises(HistoryError, match="missing \\['tiny'\\]"):
        mine(store, [EXPERIMENT])
    log_space(store, space)
    with pytest.raises(HistoryError, match="missing \\['boxes'\\]"):
        mine(store, [EXPERIMENT])
    log_task(store, record, {})
    assert len(mine(store, [EXPERIMENT])) == 1


def test_the_fingerprint_changes_with_every_run_that_comes_or_goes(
    filled: Store, space: SearchSpace, record: TaskRecord
) -> None:
    seen = [fingerprint(filled, [EXPERIMENT])]
    assert fingerprint(filled, [EXPERIMENT]) == seen[0]
    run = log_trial(filled, EXPERIMENT, make_trial(space, 9), record)
    seen.append(fingerprint(filled, [EXPERIMENT]))
    filled.client.delete_run(run)
    seen.append(fingerprint(filled, [EXPERIMENT]))
    log_task(filled, record, {"rows": 37.0})
    seen.append(fingerprint(filled, [EXPERIMENT]))
    assert all(a != b for i, a in enumerate(seen) for b in seen[:i])


def test_a_number_between_the_values_of_an_ordinal_stays_a_number() -> None:
    space = SearchSpace("s", {"width": Ordinal((8, 16, 32)), "size": Ordinal(("small", "big"))}, {})
    assert [from_text(t, "width", space) for t in ("16", "20", "20.5")] == [16, 20, 20.5]
    assert from_text("big", "size", space) == "big"
    with pytest.raises(HistoryError, match="width of search space 's' cannot be 'wide'"):
        from_text("wide", "width", space)


def test_versions_that_look_like_numbers_stay_text() -> None:
    assert from_fact('"2.13"') == "2.13"
    assert from_fact("2.0") == 2.0
    assert from_fact("3.11.7") == "3.11.7"
    assert math.isnan(float(from_fact(None)))


@through_mlflow
@pytest.mark.parametrize("route", ["sql", "interface"])
def test_a_task_that_only_a_recommendation_was_asked_for_leaves_the_fingerprint_alone(
    filled: Store, record: TaskRecord, monkeypatch: pytest.MonkeyPatch, route: str
) -> None:
    if route == "interface":
        by_interface(monkeypatch)
    before = fingerprint(filled, [EXPERIMENT])
    log_task(filled, replace(record, name="another"), {"rows": 3.0})
    assert fingerprint(filled, [EXPERIMENT]) == before
    assert before[names.TASKS]["runs"] == 1
