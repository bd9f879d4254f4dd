"""The search space: checking, encoding, joining, files."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from forerun.errors import ForerunError, FormatError, SpaceError
from forerun.space import Categorical, Condition, Integer, Ordinal, Real, SearchSpace, Subset
from tests.space.strategies import drawn, spaces

SVM = """
name: svm
domains:
  kernel: {type: categorical, values: [linear, rbf]}
  C: {type: real, low: 1e-3, high: 1e3, log: true}
  gamma: {type: real, low: 1e-4, high: 10, log: true, when: {kernel: rbf}}
  steps: {type: subset, values: [scale, pca]}
  components: {type: integer, low: 1, high: 9, when: {steps: has pca}}
  rate: {type: ordinal, values: [1e-4, 1e-3, 1e-2]}
"""


@pytest.fixture
def svm(tmp_path: Path) -> SearchSpace:
    path = tmp_path / "svm.yaml"
    path.write_text(SVM)
    return SearchSpace.from_yaml(path)


@given(spaces(), st.integers(0, 50))
def test_samples_belong_to_the_space(space: SearchSpace, seed: int) -> None:
    for configuration in drawn(space, seed=seed):
        space.check(configuration)
        assert space.active(configuration) == list(configuration)


@given(spaces(), st.integers(0, 50))
def test_decode_is_the_inverse_of_encode(space: SearchSpace, seed: int) -> None:
    configurations = drawn(space, seed=seed)
    for given_, back in zip(configurations, space.decode(space.encode(configurations)), strict=True):
        assert list(back) == list(given_)
        for name, value in given_.items():
            assert back[name] == (pytest.approx(value, rel=1e-6, abs=1e-6) if isinstance(value, float) else value)


@given(spaces())
def test_columns_have_distinct_names_and_one_owner(space: SearchSpace) -> None:
    assert len(set(space.columns)) == len(space.columns)
    owners = np.zeros(len(space.columns))
    for group in space.groups.values():
        owners[group] += 1
    assert (owners == 1).all()


@given(spaces(), st.integers(0, 50))
def test_an_encoding_is_additive_over_domains(space: SearchSpace, seed: int) -> None:
    """The group of a domain depends on that domain alone, or the fast search would be wrong."""
    one, other = drawn(space, 2, seed)
    X = space.encode([one, other])
    for name, group in space.groups.items():
        same = one.get(name) == other.get(name) and type(one.get(name)) is type(other.get(name))
        if same:
            np.testing.assert_array_equal(X[0, group], X[1, group])


@given(spaces())
def test_a_space_survives_json_and_yaml(space: SearchSpace) -> None:
    raw = space.to_dict()
    assert SearchSpace.from_dict(raw) == space
    again = SearchSpace.from_dict(yaml.safe_load(yaml.safe_dump(raw, sort_keys=False)))
    assert again == space
    assert list(again.domains) == list(space.domains)


def test_a_space_survives_its_file(svm: SearchSpace, tmp_path: Path) -> None:
    svm.save(tmp_path / "svm.json")
    again = SearchSpace.load(tmp_path / "svm.json")
    assert again == svm
    assert '"format": 1' in (tmp_path / "svm.json").read_text()


def test_a_space_that_a_person_wrote_means_what_it_says(svm: SearchSpace) -> None:
    assert svm.name == "svm"
    assert svm.domains["C"] == Real(1e-3, 1e3, log=True)
    assert svm.domains["rate"] == Ordinal((1e-4, 1e-3, 1e-2))  # YAML 1.1 would read 1e-4 as a string
    assert svm.active({"kernel": "linear", "C": 1.0, "steps": (), "rate": 1e-3}) == ["kernel", "C", "steps", "rate"]
    svm.check({"kernel": "rbf", "C": 1.0, "gamma": 0.1, "steps": ("pca",), "components": 2, "rate": 1e-3})


def test_parents_stand_before_their_children_whatever_the_order() -> None:
    space = SearchSpace("s", {"b": Integer(0, 1), "a": Categorical(("x", "y"))}, {"b": Condition.of({"a": "x"})})
    assert list(space.domains) == ["a", "b"]


@pytest.mark.parametrize(
    ("configuration", "words"),
    [
        ({"kernel": "linear", "C": 1.0, "steps": ()}, "'rate'.*must have a value"),
        ({"kernel": "rbf", "C": 1.0, "steps": (), "rate": 1e-3}, "'gamma'.*must have a value"),
        ({"kernel": "linear", "C": 1.0, "gamma": 1.0, "steps": (), "rate": 1e-3}, "'gamma'.*left out.*rbf"),
        ({"kernel": "linear", "C": 1.0, "steps": (), "rate": 1e-3, "components": 2}, "'components'.*left out"),
        ({"kernel": "poly"}, "'kernel'.*linear.*poly"),
        ({"kernel": "linear", "C": 1e9, "steps": (), "rate": 1e-3}, r"'C'.*real in \[0.001, 1000.0\].*1000000000"),
        ({"kernel": "linear", "C": 1.0, "steps": ("ica",), "rate": 1e-3}, "'steps'.*ica"),
        ({"depth": 3}, "'svm'.*kernel.*'depth'"),
    ],
)
def test_what_does_not_belong_is_refused_with_its_name(svm: SearchSpace, configuration: Any, words: str) -> None:
    with pytest.raises(SpaceError, match=words):
        svm.check(configuration)


def test_loosely_typed_values_are_restored(svm: SearchSpace) -> None:
    row = {"kernel": "rbf", "C": "0.5", "gamma": 1, "steps": "['pca']", "components": 3.0, "rate": "0.001"}
    restored = svm.restore(row)
    assert restored == {"kernel": "rbf", "C": 0.5, "gamma": 1.0, "steps": ("pca",), "components": 3, "rate": 1e-3}
    svm.check(restored)
    with pytest.raises(SpaceError, match=r"'C'.*'svm'.*much"):
        svm.restore({"C": "much"})
    with pytest.raises(SpaceError, match="'depth'"):
        svm.restore({"depth": 3})


# -- union ---------------------------------------------------------------------------------------


def test_absent_inactive_and_zero_are_three_things() -> None:
    one = SearchSpace("one", {"k": Categorical(("a", "b")), "x": Real(-1, 1)}, {"x": Condition.of({"k": "a"})})
    other = SearchSpace("other", {"k": Categorical(("a", "c"))})
    union = SearchSpace.union([one, other])
    zero = union.encode([{"k": "a", "x": 0.0}], own=one)[0]
    inactive = union.encode([{"k": "b"}], own=one)[0]
    absent = union.encode([{"k": "a"}], own=other)[0]
    rows = [tuple(row[union.groups["x"]]) for row in (zero, inactive, absent)]
    assert rows == [(0.0, -0.5, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0)]


@given(spaces(name="one"), spaces(name="other"))
def test_a_union_encodes_the_configurations_of_all_its_spaces(one: SearchSpace, other: SearchSpace) -> None:
    try:
        union = SearchSpace.union([one, other])
    except SpaceError:
        return
    for own in (one, other):
        configurations = drawn(own)
        X = union.encode(configurations, own=own)
        flags = {name: X[:, group][:, -2:] for name, group in union.groups.items()}
        for i, configuration in enumerate(configurations):
            for name in union.domains:
                state = [float(name in own.domains and name not in configuration), float(name not in own.domains)]
                assert list(flags[name][i]) == state
            assert not any(union.domains[n].check(v) for n, v in configuration.items())


@given(spaces())
def test_a_union_with_itself_changes_nothing(space: SearchSpace) -> None:
    assert SearchSpace.union([space, space], name=space.name) == space


# -- malformed -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must be a mapping"),
        ("[1, 2]", "must be a mapping"),
        ("domains: {a: [", "readable YAML"),
        ("\tdomains: 1", "readable YAML"),
        ("name: s", "domains.*at least one"),
        ("domains: {}", "domains.*at least one"),
        ("domains: 3", "domains.*at least one"),
        ("domains: {a: 3}", "'a'.*type"),
        ("domains: {a: {low: 1, high: 2}}", "type of domain 'a'.*real, integer"),
        ("domains: {a: {type: normal}}", "type of domain 'a'.*'normal'"),
        ("domains: {a: {type: [real]}}", "type of domain 'a'"),
        ("domains: {a: {type: real, low: 1}}", "'a'.*must give"),
        ("domains: {a: {type: real, low: 1, high: 2, step: 3}}", "'a'.*step"),
        ("domains: {a: {type: real, low: 2, high: 1}}", "'a'.*low must be below high"),
        ("domains: {a: {type: real, low: 0, high: 1, log: true}}", "'a'.*above 0"),
        ("domains: {a: {type: real, low: x, high: 1}}", "'a'.*'x'"),
        ("domains: {a: {type: categorical, values: []}}", "'a'.*empty"),
        ("domains: {a: {type: categorical, values: abc}}", "'a'.*list.*'abc'"),
        ("domains: {a: {type: categorical, values: [[1]]}}", "'a'.*numbers, strings"),
        ("domains: {a: {type: categorical, values: [x, x]}}", "'a'.*differ"),
        ("domains: {a: {type: ordinal, values: [2, 1]}}", "'a'.*rise"),
        ("domains: {a: {type: subset, values: [1]}}", "'a'.*strings"),
        ("domains: {a: {type: integer, low: 1, high: 2, when: rbf}}", "'when' of domain 'a'"),
        ("domains: {a: {type: integer, low: 1, high: 2, when: {b: 1}}}", "'a'.*'b'"),
        ("domains: {a: {type: integer, low: 1, high: 2, when: {a: 1}}}", "cycle.*a -> a"),
        (
            "domains: {a: {type: integer, low: 1, high: 2, when: {b: 1}},"
            " b: {type: integer, low: 1, high: 2, when: {a: 1}}}",
            "cycle.*a -> b -> a",
        ),
        ("domains: {a: {type: integer, low: 1, high: 2}, a: {type: integer, low: 1, high: 3}}", "'a'.*twice"),
        ("domains: {'a=b': {type: integer, low: 1, high: 2}}", "'a=b'"),
        ("domains: {'': {type: integer, low: 1, high: 2}}", "name"),
        ("extra: 1\ndomains: {a: {type: integer, low: 1, high: 2}}", "extra"),
        ("format: 99\ndomains: {a: {type: integer, low: 1, high: 2}}", "format.*99.*[Uu]pgrade"),
        ("format: new\ndomains: {a: {type: integer, low: 1, high: 2}}", "format.*'new'"),
    ],
)
def test_a_malformed_file_is_refused_with_words(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "space.yaml"
    path.write_text(text)
    with pytest.raises((SpaceError, FormatError), match=words) as caught:
        SearchSpace.from_yaml(path)
    assert isinstance(caught.value, ForerunError)


def test_unreadable_files_are_refused_with_their_path(tmp_path: Path) -> None:
    missing, latin, damaged = tmp_path / "missing.yaml", tmp_path / "latin.yaml", tmp_path / "damaged.json"
    latin.write_bytes(b"name: caf\xe9")
    damaged.write_text("{")
    for path in (missing, latin):
        with pytest.raises(SpaceError, match=path.name):
            SearchSpace.from_yaml(path)
    for path in (missing, damaged):
        with pytest.raises(SpaceError, match=path.name):
            SearchSpace.load(path)


def test_a_space_without_domains_and_a_condition_without_a_child_are_refused() -> None:
    with pytest.raises(SpaceError, match="at least one domain"):
        SearchSpace("s", {})
    with pytest.raises(SpaceError, match="'c'"):
        SearchSpace("s", {"a": Integer(0, 1)}, {"c": Condition.of({"a": 1})})
    with pytest.raises(SpaceError, match=r"new name.*'a'"):
        SearchSpace("s", {"a": Integer(0, 1)}).with_domain("a", Subset(("x",)))
