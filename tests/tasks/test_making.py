import os
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forerun.tasks import make_task
from forerun.tasks.columns import tidy


def frame(rows: int = 60, **columns: object) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame({"x": rng.normal(size=rows), "y": np.arange(rows) % 2, **columns})


def make(frame: pd.DataFrame, **options: object):
    return make_task(frame, "y", name="t", **options)


def whole(task) -> pd.DataFrame:
    return pd.concat([part.X.assign(y=part.y) for part in (task.train, task.validation, task.test)])


@given(st.integers(0, 2**32 - 1), st.integers(10, 80))
def test_the_parts_of_a_task_hold_every_row_once(seed, rows):
    task = make(frame(rows), seed=seed)
    pd.testing.assert_frame_equal(
        whole(task).sort_values("x").reset_index(drop=True),
        frame(rows).sort_values("x").reset_index(drop=True),
    )


def test_the_same_arguments_give_the_same_task_and_another_seed_another_split():
    one, same, other = (make(frame(), seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one.train.X, same.train.X)
    assert not one.train.X.equals(other.train.X)
    assert one.digest == same.digest == other.digest


@pytest.mark.parametrize(
    "changed",
    [
        frame(x=np.arange(60.0)),
        frame(y=np.arange(60) % 3),
        frame().rename(columns={"x": "z"}),
        frame(y=np.where(np.arange(60) % 2, "a", "b")),
    ],
)
def test_the_digest_tells_other_data_apart(changed):
    assert make(changed).digest != make(frame()).digest


@pytest.mark.slow
def test_the_digest_is_the_same_in_another_process():
    code = "import test_making as t; print(t.make(t.frame(c=['u', 'v'] * 30)).digest)"
    environment = os.environ | {"PYTHONHASHSEED": "7", "PYTHONPATH": os.path.dirname(__file__)}  # noqa: PTH120
    answer = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == make(frame(c=["u", "v"] * 30)).digest


def test_a_task_travels_to_worker_processes():
    task = make(frame())
    assert pickle.loads(pickle.dumps(task)).digest == task.digest  # noqa: S301


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        (np.arange(60) % 2, "binary"),
        (np.arange(60) % 2 == 0, "binary"),
        (np.where(np.arange(60) % 2, "yes", "no"), "binary"),
        (np.arange(60) % 20, "multiclass"),
        (np.arange(60) % 5 * 1.0, "multiclass"),
        (np.arange(60) % 21, "regression"),
        (np.arange(60) % 3 / 2, "regression"),
        ([str(number) for number in range(60)], "regression"),
        (pd.Categorical(np.arange(60) % 4), "multiclass"),
    ],
)
def test_the_kind_is_inferred_from_the_target(target, kind):
    task = make(frame(y=target))
    assert task.kind == kind
    assert task.metric.name == ("nrmse" if kind == "regression" else "balanced_accuracy")


def test_the_kind_can_be_said():
    assert make(frame(y=np.arange(60) % 5), kind="regression").kind == "regression"
    assert make(frame(y=np.arange(60) % 2), kind="regression").classes == ()


def test_codes_are_positions_in_the_classes_and_labels_keep_their_type():
    target = np.array([10, 9, 2] * 20)
    task = make(frame(y=target))
    assert task.classes == ("2", "9", "10")
    assert task.labels == (2, 9, 10)
    assert set(map(type, task.labels)) == {int}
    rows = whole(task).set_index("x")["y"]
    expected = pd.Series(target, index=frame()["x"]).map({2: 0, 9: 1, 10: 2})
    assert (rows.sort_index().to_numpy() == expected.sort_index().to_numpy()).all()


def test_whole_numbers_made_floats_by_missing_values_are_named_as_whole_numbers():
    target = np.where(np.arange(60) < 5, np.nan, np.arange(60) % 3)
    task = make(frame(y=target))
    assert task.classes == ("0", "1", "2")
    assert len(whole(task)) == 55


def test_a_class_of_two_rows_stays_in_train():
    task = make(frame(y=["a"] * 29 + ["b"] * 29 + ["c"] * 2))
    assert [(part.y == 2).sum() for part in (task.train, task.validation, task.test)] == [2, 0, 0]


def test_a_sample_is_stratified_and_changes_the_digest():
    task = make(frame(1000, y=["a"] * 900 + ["b"] * 100), max_rows=100)
    assert np.bincount(whole(task)["y"].astype(int)).tolist() == [90, 10]
    assert task.digest != make(frame(1000, y=["a"] * 900 + ["b"] * 100)).digest


def test_a_regression_is_scored_in_units_of_the_spread_of_its_training_target():
    task = make(frame(y=np.arange(60) * 7.0))
    assert task.metric.scale == pytest.approx(np.std(task.train.y))
    assert task.with_all_training_data().metric.scale == task.metric.scale


def test_columns_become_numbers_or_categories_with_missing_values_kept():
    rows = frame(
        flag=[True, False, None] * 20,
        text=["a", "b", None] * 20,
        coded=["1", "2.5", None] * 20,
        whole=pd.array([1, 2, None] * 20, dtype="Int64"),
        when=pd.to_datetime(["1970-01-02", "1970-01-03 12:00", None] * 20, format="mixed"),
        zoned=pd.to_datetime(["1970-01-02", "1970-01-03", None] * 20, utc=True),
        written=["1970-01-02", "1970-01-03", None] * 20,
        lasting=pd.to_timedelta([1, 2, None] * 20, unit="D"),
        named=pd.Categorical([3, 1, None] * 20),
    ).drop(columns="y")
    tidied = tidy(rows).frame
    expected = {
        "flag": ["True", "False"],
        "text": ["a", "b"],
        "coded": [1.0, 2.5],
        "whole": [1.0, 2.0],
        "when": [1.0, 2.5],
        "zoned": [1.0, 2.0],
        "written": [1.0, 2.0],
        "lasting": [1.0, 2.0],
        "named": ["3", "1"],
    }
    for column, values in expected.items():
        assert tidied[column].iloc[:2].tolist() == values, column
        assert tidied[column].isna().sum() == 20
        assert (tidied[column].dtype == "float64") == isinstance(values[0], float)
    assert tidied["named"].cat.categories.tolist() == ["1", "3"]


def test_columns_that_tell_nothing_are_left_out_and_named_in_the_source():
    rows = frame(
        nothing=[None] * 60,
        constant=[4] * 60,
        words=[f"person {row}" for row in range(60)],
        given=["x", None] * 30,
    )
    task = make(rows, source="a book")
    assert task.columns == ["x", "given"]
    assert task.source == (
        "a book; column 'nothing' left out: all missing; column 'constant' left out: constant; "
        "column 'words' left out: text that hardly ever repeats"
    )


def test_parts_share_the_categories_of_the_whole():
    task = make(frame(c=["rare"] + ["common"] * 59))
    for part in (task.train, task.validation, task.test):
        assert part.X["c"].cat.categories.tolist() == ["common", "rare"]


def test_the_frame_handed_in_is_not_changed():
    rows = frame(c=["u", "v"] * 30)
    before = rows.copy(deep=True)
    make(rows)
    pd.testing.assert_frame_equal(rows, before)


def test_columns_with_numbers_for_names_are_called_by_their_text():
    task = make_task(pd.DataFrame(np.arange(60).reshape(30, 2) % 7).assign(y=np.arange(30) % 2), "y", name="t")
    assert task.columns == ["0", "1"]


def test_labels_that_look_like_special_numbers_are_ordinary_text():
    assert make(frame(y=["nan", "inf", "1"] * 20)).classes == ("1", "inf", "nan")
