"""Texts of parameters become values, whoever spelled them, and nothing is executed."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from forerun.mining.runs import Coded, CodedColumns
from forerun.mining.values import DEEPEST, LONGEST, MOST_NAMES, read, read_all, settings


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("-12", -12),
        ("5.0", 5.0),
        ("1e-4", 1e-4),
        (".5", 0.5),
        ("0", 0),
        ("True", True),
        ("false", False),
        ("None", "None"),
        ("null", "None"),
        ("", "None"),
        ("nan", "None"),
        ("inf", "inf"),
        ("1e999", "1e999"),
        ("1_000", "1_000"),
        ("007", "007"),
        ("12345678901234567890", "12345678901234567890"),
        ("relu", "relu"),
        (" adam ", "adam"),
        ("np.float64(0.25)", 0.25),
        ("tensor(0.1000)", 0.1),
        ("tensor(3, dtype=torch.int32)", 3),
        ("<function relu at 0x7f3a55d0>", "<function relu>"),
        ('["pca", "scale"]', ("pca", "scale")),
        ("['pca']", ("pca",)),
        ("(0.9, 0.999)", "[0.9, 0.999]"),
        ("[64,32]", "[64, 32]"),
        ("[]", "[]"),
        ("__import__('os').system('true')", "__import__('os').system('true')"),
    ],
)
def test_a_text_means_what_a_person_would_read(text: str, value: object) -> None:
    found = read(text)
    assert found == value
    assert type(found) is type(value)


def test_what_is_too_long_to_be_a_setting_is_none() -> None:
    assert read("x" * (LONGEST + 1)) is None
    assert read("x" * LONGEST) == "x" * LONGEST
    assert read("[" + "1, " * 6000 + "1]") is None


def columns(*texts: dict[str, str]) -> dict[str, Any]:
    names = sorted({name for each in texts for name in each})
    return {name: np.array([each.get(name) for each in texts], dtype=object) for name in names}


def test_mappings_become_parameters_of_their_own() -> None:
    found = settings(columns({"opt": '{"lr": 0.1, "sched": {"gamma": 0.5}}'}, {"opt": "{'lr': 0.2, 'on': True}"}), 2)
    assert found.columns["opt.lr"].tolist() == [0.1, 0.2]
    assert found.columns["opt.sched.gamma"].tolist() == [0.5, None]
    assert found.columns["opt.on"].tolist() == [None, True]
    assert found.nested == {"opt": ["opt.lr", "opt.sched.gamma", "opt.on"]}


def test_a_runs_own_parameter_goes_before_one_inside_a_mapping() -> None:
    found = settings(columns({"opt": '{"lr": 0.1}', "opt.lr": "0.7"}, {"opt": '{"lr": 0.1}'}), 2)
    assert found.columns["opt.lr"].tolist() == [0.7, 0.1]


def test_over_long_values_are_absent_and_told() -> None:
    found = settings(columns({"lr": "0.1", "prompt": "p" * 6000}, {"lr": "9" * 600}), 2)
    assert found.columns["lr"].tolist() == [0.1, None]
    assert found.too_long == {"lr": 1, "prompt": 1}
    assert "prompt" not in found.columns


def test_of_ten_thousand_parameters_those_that_the_most_runs_have_are_read() -> None:
    many = {f"p{i}": "1" for i in range(10_000)}
    found = settings(columns({"lr": "0.1", **many}, {"lr": "0.2"}), 2)
    assert len(found.columns) == MOST_NAMES
    assert found.columns["lr"].tolist() == [0.1, 0.2]
    assert len(found.too_many) == 10_001 - MOST_NAMES


def kept(columns: dict[str, Any], n: int) -> CodedColumns:
    """The columns as a file keeps them: the first half of the names by a dictionary."""
    found = {}
    for i, (name, column) in enumerate(columns.items()):
        texts = pa.chunked_array([pa.array(column[: n // 2], pa.string()), pa.array(column[n // 2 :], pa.string())])
        codes = np.array([-1 if text is None else row for row, text in enumerate(column)])
        if i * 2 < len(columns):
            coded = texts.combine_chunks().dictionary_encode()
            texts, codes = pa.chunked_array([coded.dictionary]), coded.indices.fill_null(-1).to_numpy()
        found[name] = Coded(texts, codes)
    return CodedColumns(n, {}, found)


def test_columns_as_a_file_keeps_them_mean_what_their_objects_mean() -> None:
    values = ("0.1", "7", None, "007", "None", '{"a": 1}', "x" * 501, "[64, 32]", '["pca"]', "1e-3", "-0", "0.1")
    plain = {name: np.array(values, dtype=object) for name in ("coded", "not coded")}
    there = kept(plain, len(values))
    ours, theirs = settings(there, len(values)), settings(plain, len(values))
    assert {k: v.tolist() for k, v in ours.columns.items()} == {k: v.tolist() for k, v in theirs.columns.items()}
    assert [type(v) for v in ours.columns["coded"]] == [type(v) for v in theirs.columns["coded"]]
    assert (ours.too_long, ours.nested) == (theirs.too_long, theirs.nested)
    # what took the time: an object for every text
    assert not any("column" in vars(each) for each in there.coded.values())
    assert [there[name].tolist() for name in there] == [list(values)] * 2


nested = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@pytest.mark.slow
@given(st.text(max_size=60) | nested.map(str) | st.text("[]{}()'\",:0 ", max_size=30))
def test_any_text_has_a_meaning_that_a_space_can_hold(text: str) -> None:
    found = settings({"a=b": np.array([text, "1"], dtype=object)}, 2)
    for name, values in found.columns.items():
        assert "=" not in name
        name.encode()
        for value in values:
            assert value is None or isinstance(value, (bool, int, float, str, tuple))
            assert not isinstance(value, float) or np.isfinite(value)
            str(value).encode()


@pytest.mark.slow
@given(
    st.from_regex(r"\A[-+ ]?[0-9]{0,19}\.?[0-9]{0,27}([eE][-+]?[0-9]{1,4})?\s?\Z", fullmatch=True)
    | st.floats(allow_nan=False).map(repr)
    | st.integers().map(str)
    | st.text(max_size=20)
)
@example("-0")
@example("1e99")
@example("4.9406564584124654e-24")
@example("١٢")
def test_texts_that_are_read_all_at_once_mean_what_each_means(text: str) -> None:
    (found,) = read_all(pa.chunked_array([pa.array([text], pa.string())]))
    assert repr(found) == repr(read(text))


def test_deep_nesting_ends() -> None:
    text = '{"a": ' * 20 + "1" + "}" * 20
    assert all(name.count(".") <= DEEPEST for name in settings({"x": np.array([text], dtype=object)}, 1).columns)
    assert read("[" * 3000 + "]" * 3000) is None
