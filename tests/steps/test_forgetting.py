"""The step `train` forgets where the history has drifted, and says so."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from forerun.checks.world import history, with_losses
from forerun.errors import FormatError
from forerun.evaluation.drift import Drift as Measured
from forerun.metadata import MetaDataset, featurize
from forerun.metadata.recency import DAY, recent
from forerun.metalearners import Forecaster
from forerun.report import Drift, Estimate
from forerun.steps import Project, forgetting, report, train
from forerun.steps.forgetting import load_drift, numbers, recalled, save_drift, to_learn_from
from forerun.steps.knowledge import Knowledge, Target
from forerun.steps.settings import TuneSettings
from forerun.tasks import Task
from forerun.tracking import names
from forerun.tracking.records import all_runs
from forerun.tracking.store import Store
from forerun.trials import History
from forerun.tuning import portfolio
from tests.tuning import fakes

MOVED = Measured(0.3, 0.2, 0.4, 0.1 * DAY, 0.3, 0.8, 1.7e9, 7)
UNTOLD = Measured(untold="the times of trials are not known")
FORGOT = Drift(Estimate(0.3, 0.2, 0.4), 0.3, 0.8, "2026-04-02 03:00 UTC", 7, 0.1, 1.0, 100, 50)


@pytest.fixture(scope="module")
def meta() -> MetaDataset:
    """The last third prefers what the others avoid; of the tasks nothing else is known."""
    made = history(tasks=24, trials=20)
    made = replace(made, features=np.zeros((24, 0)), feature_names=[])
    return with_losses(made, np.where(made.task >= 16, -made.loss, made.loss))


@pytest.mark.parametrize(
    ("found", "threshold", "forgets"),
    [(MOVED, 0.1, True), (MOVED, 0.3, False), (MOVED, None, False), (UNTOLD, 0.1, False)],
)
def test_old_trials_are_forgotten_exactly_when_drift_passes_the_threshold(
    found: Measured, threshold: float | None, forgets: bool, meta: MetaDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "measure_drift", lambda _: found)
    kept, told = to_learn_from(meta, threshold)
    assert (told.trials, told.kept) == (len(meta), len(kept))
    assert len(kept) == (len(recent(meta, 0.1 * DAY)) if forgets else len(meta))
    assert np.isfinite(numbers(told)["drift_half_life_days"]) == forgets
    assert (numbers(told)["drift_kept"] < 1) == forgets


@pytest.mark.parametrize("found", [MOVED, UNTOLD])
def test_what_was_found_is_read_back_as_it_was_written(
    found: Measured, meta: MetaDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "measure_drift", lambda _: found)
    _, told = to_learn_from(meta, None)
    save_drift(told, tmp_path / "drift.json")
    assert repr(load_drift(tmp_path / "drift.json")) == repr(told)
    assert json.loads((tmp_path / "drift.json").read_text())["threshold"] is None


def test_a_project_that_was_trained_before_drift_was_measured_has_none_and_a_damaged_file_is_refused(
    tmp_path: Path,
) -> None:
    path = tmp_path / "drift.json"
    assert load_drift(path) is None
    save_drift(FORGOT, path)
    good = path.read_text()
    for text in ("{", "[]", '{"mean": 1}', good.replace('"half_life_days": 1.0', '"half_life_days": "long"')):
        path.write_text(text)
        with pytest.raises(FormatError, match="must hold the drift"):
            load_drift(path)


def test_all_is_recalled_unless_something_was_forgotten(meta: MetaDataset) -> None:
    made = fakes.history({"a": fakes.true_loss, "b": fakes.true_loss}, [])
    for drift in (None, replace(FORGOT, half_life_days=float("nan"))):
        known, remembered = recalled(meta, made, drift)
        assert known is meta
        assert remembered.all()
        assert len(remembered) == len(made)
    assert len(recalled(meta, made, replace(FORGOT, half_life_days=0.1))[0]) == len(recent(meta, 0.1 * DAY))


@pytest.mark.slow
def test_what_was_forgotten_starts_no_search_and_is_no_neighbour(project: Path, rings: Task) -> None:
    here = Project(project)
    past = History.load(here.trials)
    # two data sets of each kind come long after the others, and prefer what those avoid
    late = list(past.tasks.groupby("kind").tail(2).index)
    is_late = past.trials["task"].isin(late)
    loss = past.trials["loss"].where(~is_late, -past.trials["loss"])
    past = replace(past, trials=past.trials.assign(loss=loss, started=np.where(is_late, 1.7e9, 1.6e9)))
    past.save(here.trials)
    featurize(past).save(here.meta / "meta.parquet")
    before = Target(Knowledge.load(here), rings, TuneSettings())
    save_drift(FORGOT, here.drift)
    after = Target(Knowledge.load(here), rings, TuneSettings())
    assert set(after.knowledge.meta.data_sets) == set(late)
    # as if nothing else had ever been
    alone = portfolio(past.of_tasks(late), after.space, 3, kind=rings.kind)
    assert after.best_on_average(3) == alone != before.best_on_average(3)
    found = after.neighbours()
    assert found
    assert {n.name for n in found} <= set(late)
    assert not {n.name for n in before.neighbours()} <= set(late)
    for neighbour in found:
        own = past.finished[past.finished["task"] == neighbour.name]
        assert neighbour.loss == own["loss"].min()


@pytest.mark.slow
def test_where_all_that_recurs_is_forgotten_a_search_starts_from_nothing(project: Path, rings: Task) -> None:
    here = Project(project)
    target = Target(Knowledge.load(here), rings, TuneSettings())
    nothing = np.zeros_like(target.knowledge.remembered)
    assert replace(target, knowledge=replace(target.knowledge, remembered=nothing)).best_on_average(3) == []


@pytest.mark.slow
def test_the_nightly_step_refits_on_what_is_left_and_says_so(
    meta: MetaDataset, store: Store, tmp_path: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(trained / "dvc.yaml", tmp_path / "dvc.yaml")
    (tmp_path / "params.yaml").write_text("train: {candidates: [linear], folds: 2, candidates_per_task: 12}")
    project = Project(tmp_path)
    meta.save(project.meta / "meta.parquet")
    train.run(project)
    said = capsys.readouterr().out.replace("\xa0", " ")
    assert "The history has drifted, so old trials were forgotten" in said
    told = report.past(project).drift
    assert told is not None
    assert told.kept < 0.6 * told.trials
    # what is fitted is fitted to what is left
    again = Forecaster.load(project.models)
    rest = recent(meta, told.half_life_days * DAY)
    assert len(rest) == told.kept
    place = store.find(names.META)
    assert place is not None
    logged = next(run for run in all_runs(store, place, "") if "drift" in run.data.metrics)
    assert logged.data.metrics["drift"] == pytest.approx(told.cost.mean)
    assert logged.data.metrics["drift_kept"] == pytest.approx(told.kept / told.trials)
    assert again.loss.state()[0] == type(again.loss)().fit(rest).state()[0]
