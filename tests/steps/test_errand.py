"""An errand is trainings that any process with the same store and the same data can do, and go on with."""

import platform
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from forerun.errors import DataError, StoreError
from forerun.learners.joint import default_configuration, default_space
from forerun.steps.errand import Errand, reach
from forerun.steps.settings import TuneSettings
from forerun.steps.training import Trainer
from forerun.tasks import Task
from forerun.tracking import names
from forerun.tracking.records import all_runs
from forerun.tracking.store import Store
from forerun.trials import Trial
from tests.projects import Here
from tests.steps.conftest import make_rings

pytestmark = pytest.mark.slow  # models are trained, or many stores made

KNN, LINEAR = (default_configuration(name, "binary") for name in ("knn", "linear"))


@pytest.fixture
def errands() -> list[Errand]:
    """What was sent."""
    return []


@pytest.fixture
def trained_all(trained_here: list[Trial], monkeypatch: pytest.MonkeyPatch) -> list[Trial]:
    monkeypatch.setattr("forerun.steps.errand.TrainingPool", Here)
    return trained_here


@pytest.fixture
def trainer(store: Store, rings: Task, errands: list[Errand], tmp_path: Path, trained_all: list[Trial]) -> Trainer:
    def elsewhere(sent: Sequence[Errand]) -> Iterator[Errand]:
        for errand in sent:
            errands.append(errand)
            errand.run()
            yield errand

    return Trainer(
        store, names.TUNE, rings, default_space(rings.kind), TuneSettings(timeout_s=30), tmp_path, elsewhere=elsewhere
    )


def test_trainings_elsewhere_give_the_trials_that_trainings_here_give_and_each_is_done_once(
    trainer: Trainer, trained_all: list[Trial], store: Store, errands: list[Errand]
) -> None:
    with trainer as train:
        first = list(train([LINEAR, KNN, LINEAR]))
        again = list(train([KNN, LINEAR]))
        for errand in errands:
            errand.run()  # as on another worker, after the first one was killed: nothing is left to do
    expected = {t.key: t.loss for t in trained_all}
    assert [dict(t.configuration) for t in first] == [LINEAR, KNN, LINEAR]
    assert all(t.loss == expected[t.key] for t in (*first, *again))
    assert len(trained_all) == len(errands) == len(all_runs(store, store.experiment(names.TUNE))) == 2


def test_a_file_is_no_store_for_several_machines(store: Store) -> None:
    with pytest.raises(StoreError, match=r"several machines need a store with a server.*is a file on elsewhere"):
        reach(store.uri, "elsewhere")


def test_a_worker_that_does_not_see_the_file_makes_none(tmp_path: Path) -> None:
    nowhere = f"sqlite:///{tmp_path}/nowhere/mlflow.db"
    with pytest.raises(StoreError, match="must be there for every worker"):
        reach(nowhere, platform.node())
    assert not (tmp_path / "nowhere").exists()


@pytest.fixture
def errand(trainer: Trainer) -> Errand:
    with trainer as train:
        return train._errand(KNN)


def test_a_store_that_knows_nothing_of_the_campaign_is_refused(errand: Errand) -> None:
    other = replace(errand, record=replace(errand.record, digest="0" * 64))
    with pytest.raises(StoreError, match="must be the same store on every machine"):
        other.run()


def test_other_data_under_the_same_name_is_refused(errand: Errand, store: Store) -> None:
    with pytest.raises(DataError, match="must be made of the same data on every machine"):
        replace(errand, data=lambda: make_rings(seed=1)).run()
    assert all_runs(store, store.experiment(names.TUNE)) == []


def test_what_is_told_of_an_errand_holds_no_password(errand: Errand) -> None:
    secret = replace(errand, store=Store("postgresql://me:hunter2@db/mlflow"))
    assert "hunter2" not in repr(secret)
