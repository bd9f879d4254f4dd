"""Data that no task can be made of: each says which value, of what, what is allowed and what to do."""

import numpy as np
import pandas as pd
import pytest

from forerun.errors import DataError
from forerun.tasks import builtin_task, make_task

N = 60
GOOD = pd.DataFrame({"x": np.arange(N) * 0.5, "y": np.arange(N) % 2})
NUMBERS = np.arange(N) + 0.5
TYPED = pd.Series([str(number) for number in NUMBERS])

FRAMES = {
    "no such column": (GOOD.rename(columns={"y": "z"}), {}, r"one of the columns 'x', 'z'; got 'y'"),
    "columns of the same name": (GOOD.set_axis(["y", "y"], axis=1), {}, r"different names; got more than one 'y'"),
    "no rows": (GOOD.iloc[:0], {}, r"at least 10 rows with a value in 'y'; got 0 of 0"),
    "one row": (GOOD.iloc[:1], {}, r"at least 10 rows with a value in 'y'; got 1 of 1"),
    "target all missing": (GOOD.assign(y=np.nan), {}, r"got 0 of 60 rows"),
    "one class": (GOOD.assign(y="a"), {}, r"at least two classes; got only 'a' in 60 rows"),
    "classes too small": (GOOD.assign(y=["a"] * 58 + ["b"] * 2), {}, r"two classes of at least 3 rows"),
    "every row its class": (GOOD.assign(y=[f"id {i}" for i in range(N)]), {}, r"60 classes of 1 to 1 rows"),
    "too many classes for binary": (GOOD.assign(y=np.arange(N) % 3), {"kind": "binary"}, r"two classes; 'y' has 3"),
    "too few classes for multiclass": (GOOD, {"kind": "multiclass"}, r"three or more classes; 'y' has 2"),
    "an unknown kind": (GOOD, {"kind": "ranking"}, r"one of binary, multiclass, regression; got 'ranking'"),
    "an unknown metric": (GOOD, {"metric": "rmse"}, r"one of balanced_accuracy, .*; got 'rmse'"),
    "text in a numeric target": (GOOD.assign(y=TYPED.where(TYPED.index != 7, "n/k")), {}, r"'y' has text in 1 of 60"),
    "text as a regression": (GOOD.assign(y="many"), {"kind": "regression"}, r"numbers alone; 'y' has text in 60 of 60"),
    "infinite target": (GOOD.assign(y=np.where(np.arange(N) == 3, np.inf, NUMBERS)), {}, r"'y' must be finite"),
    "constant target": (GOOD.assign(y=1.5), {}, r"'y' must vary; got 1.5 in all 60 rows"),
    "infinities": (GOOD.assign(w=np.inf, v=-np.inf), {}, r"finite or missing; got infinities in 'w', 'v'"),
    "infinity as text": (GOOD.assign(w=["inf", "1"] * 30), {}, r"infinities in 'w'"),
    "text among numbers": (GOOD.assign(w=TYPED.where(TYPED.index != 7, "n/k")), {}, r"'w' .*'n/k', in data row 8"),
    "text below dropped rows": (
        GOOD.assign(y=GOOD["y"].where(GOOD.index > 3), w=TYPED.where(TYPED.index != 7, "n/k")),
        {},
        "in data row 8",
    ),
    "lists in cells": (GOOD.assign(w=[[1]] * N), {}, r"'w' must hold numbers or text; got list '\[1\]'"),
    "complex numbers": (GOOD.assign(w=1j), {}, r"'w' must hold numbers or names; got complex"),
    "nothing but the target": (GOOD[["y"]], {}, r"at least one column that varies besides 'y'"),
    "nothing that varies": (GOOD.assign(x=1), {}, r"at least one column that varies besides 'y'"),
    "max_rows too small": (GOOD, {"max_rows": 5}, r"max_rows must be at least 10; got 5"),
    "max_rows too small for the classes": (GOOD.assign(y=np.arange(N) % 20), {"max_rows": 30}, r"60 are needed"),
    "fractions": (GOOD, {"fractions": (0.5, 0.4, 0.2)}, r"must be positive and sum to 1"),
}


@pytest.mark.parametrize("case", FRAMES)
def test_bad_data_says_what_is_wrong(case):
    frame, options, message = FRAMES[case]
    with pytest.raises(DataError, match=message):
        make_task(frame, "y", name="t", **options)


def test_the_good_frame_is_good():
    assert make_task(GOOD, "y", name="t").kind == "binary"


@pytest.mark.parametrize("name", ["", "a b", "a/b", "ü"])
def test_a_name_that_is_no_file_name_is_refused(name):
    with pytest.raises(DataError, match="must consist of letters, digits"):
        make_task(GOOD, "y", name=name)


def test_an_unknown_builtin_task_names_the_known_ones():
    with pytest.raises(DataError, match=r"one of iris, .*; got 'irsi'"):
        builtin_task("irsi")
