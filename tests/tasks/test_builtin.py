import numpy as np
import pytest

from forerun.tasks import KINDS, builtin_task, builtin_tasks

RECORDED = {"wine", "wdbc", "optdigits", "diabetes_progression", "auto_mpg"}
"""Data sets that the shipped history was recorded on, and that libraries bring too."""


@pytest.mark.parametrize("name", builtin_tasks())
def test_a_builtin_task_is_ready_to_train_on(name):
    task = builtin_tasks()[name]()
    assert task.name == name
    assert task.kind in KINDS
    assert min(map(len, (task.train, task.validation, task.test))) >= 4
    assert len(task.train) <= 1200
    assert task.source
    for part in (task.train, task.validation, task.test):
        assert list(part.X.columns) == task.columns
        assert task.target not in part.X
        assert np.isfinite(part.y).all()
        if task.classes:
            assert 2 <= len(np.unique(part.y)) <= len(task.classes)


@pytest.mark.slow
def test_there_are_builtin_tasks_of_every_kind_in_many_families():
    tasks = [make() for make in builtin_tasks().values()]
    kinds = [task.kind for task in tasks]
    assert len(tasks) >= 30
    assert all(kinds.count(kind) >= 10 for kind in KINDS)
    assert len({task.family for task in tasks}) >= 20


def test_tasks_of_one_data_set_are_one_family():
    assert {builtin_task(name).family for name in ("digits", "digits_3v8", "digits_parity")} == {"optdigits"}
    assert {builtin_task(name).family for name in ("fair_affair", "fair_rating")} == {"fair"}
    assert builtin_task("cars_mpg").family == "auto_mpg"


def test_no_builtin_task_takes_the_name_of_a_recorded_data_set():
    assert not RECORDED & set(builtin_tasks())


@pytest.mark.slow
def test_no_task_is_predicted_by_a_copy_of_its_target():
    for name in builtin_tasks():
        task = builtin_task(name)
        for column in set(task.columns) - set(task.categorical):
            values = task.train.X[column].to_numpy()
            if np.isfinite(values).all() and values.std() > 0 and len(task.classes) <= 2:
                assert abs(np.corrcoef(values, task.train.y)[0, 1]) < 0.999, (name, column)


def test_targets_are_what_their_names_say():
    parity, below = builtin_task("digits_parity"), builtin_task("digits_below_five")
    assert (parity.classes, below.classes) == (("even", "odd"), ("0-4", "5-9"))
    assert builtin_task("modechoice").classes == ("air", "bus", "car", "train")
    assert builtin_task("digits_3v8").classes == ("3", "8")
    assert builtin_task("elnino").columns == [f"lag_{lag}" for lag in range(6, 0, -1)]
