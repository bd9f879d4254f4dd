"""Trainings on the target are remembered in MLflow: an interrupted campaign goes on, another one starts anew."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from forerun.errors import TrainingError
from forerun.learners import LEARNERS
from forerun.learners.joint import default_configuration, default_space
from forerun.steps.settings import TuneSettings
from forerun.steps.training import Trainer
from forerun.tasks import Task
from forerun.tracking import names
from forerun.tracking.mine import mine
from forerun.tracking.store import Store
from forerun.trials import Status, Trial

pytestmark = pytest.mark.slow  # models are trained, or many stores made

SETTINGS = TuneSettings(timeout_s=30)
KNN, LINEAR, FOREST = (default_configuration(name, "binary") for name in ("knn", "linear", "forest"))


@pytest.fixture
def trainer(store: Store, rings: Task, trained_here: list[Trial], tmp_path: Path) -> Trainer:
    return Trainer(store, names.TUNE, rings, default_space(rings.kind), SETTINGS, tmp_path, basis="one")


def configurations(trials: list[Trial]) -> list[dict[str, Any]]:
    return [dict(t.configuration) for t in trials]


def test_every_training_is_a_run_that_can_be_mined(trainer: Trainer, store: Store, trained_here: list[Trial]) -> None:
    with trainer as train:
        trials = list(train([KNN, LINEAR]))
        runs = {train.run_id(t) for t in trials}
    assert len(runs) == 2
    assert all(t.status == Status.FINISHED for t in trials)
    history = mine(store, [names.TUNE])
    assert {t.key: t.loss for t in history.to_trials()} == {t.key: t.loss for t in trained_here}


def test_a_campaign_that_was_interrupted_goes_on(trainer: Trainer, trained_here: list[Trial]) -> None:
    with trainer as train:
        first = next(iter(train([KNN, LINEAR])))  # and here it was killed
    with trainer as train:
        assert configurations(train.done()) == [KNN]
        again = list(train([KNN, LINEAR, FOREST]))
        assert sorted(t.key for t in train.done()) == sorted(t.key for t in again)
    assert configurations(trained_here) == [KNN, LINEAR, FOREST]
    assert (again[0].key, again[0].loss) == (first.key, first.loss)


@pytest.mark.parametrize(
    "change",
    [
        {"basis": "another meta-learner"},
        {"settings": replace(SETTINGS, acquisition="lcb")},
        {"settings": replace(SETTINGS, seed=1)},
        {"settings": replace(SETTINGS, fixed={"learner": "knn"})},
    ],
)
def test_other_settings_or_knowledge_are_another_campaign(trainer: Trainer, change: dict[str, Any]) -> None:
    assert replace(trainer, **change).campaign != trainer.campaign


def test_another_campaign_starts_anew(trainer: Trainer) -> None:
    with trainer as train:
        list(train([KNN]))
    with replace(trainer, basis="another meta-learner") as other:
        assert other.done() == []


@pytest.mark.parametrize("change", [{"trials": 30}, {"seconds": 5.0}, {"random_seeds": 1}])
def test_a_greater_budget_is_the_same_campaign(trainer: Trainer, change: dict[str, Any]) -> None:
    assert replace(trainer, settings=replace(SETTINGS, **change)).campaign == trainer.campaign


def test_other_data_is_another_campaign(trainer: Trainer, rings: Task) -> None:
    assert replace(trainer, task=replace(rings, digest="0" * 64)).campaign != trainer.campaign


def test_a_failed_training_is_remembered_too(
    trainer: Trainer, trained_here: list[Trial], monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverge(*_: Any, **__: Any) -> None:
        raise TrainingError("diverged at epoch 3: loss is nan")

    monkeypatch.setattr(type(LEARNERS["knn"]), "train", diverge)
    for _ in range(2):
        with trainer as train:
            (trial,) = train([KNN])
            assert trial.status == Status.FAILED
            assert trial.reason == "diverged at epoch 3: loss is nan"
    assert len(trained_here) == 1
