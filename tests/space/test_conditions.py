"""Conditions: reading, holding, joining."""

from typing import Any

import pytest
from hypothesis import given

from forerun.errors import SpaceError
from forerun.space import ALWAYS, Categorical, Condition, Integer, SearchSpace, Subset
from tests.space.strategies import spaces


@pytest.mark.parametrize(
    ("when", "configuration", "holds"),
    [
        ({"kernel": "rbf"}, {"kernel": "rbf"}, True),
        ({"kernel": "rbf"}, {"kernel": "poly"}, False),
        ({"kernel": "rbf"}, {}, False),
        ({"kernel": ["rbf", "poly"]}, {"kernel": "poly"}, True),
        ({"depth": ">= 3"}, {"depth": 3}, True),
        ({"depth": "> 3"}, {"depth": 3}, False),
        ({"depth": "<= 3"}, {"depth": 3}, True),
        ({"depth": "< 3"}, {"depth": 3}, False),
        ({"steps": "has pca"}, {"steps": ("scale", "pca")}, True),
        ({"steps": "has pca"}, {"steps": ()}, False),
        ({"bootstrap": True}, {"bootstrap": 1}, False),
        ({"bootstrap": True}, {"bootstrap": True}, True),
        ({"a": 1, "b": 2}, {"a": 1, "b": 2}, True),
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, False),
        ({}, {}, True),
    ],
)
def test_a_condition_holds_when_all_of_its_clauses_do(when: Any, configuration: Any, holds: bool) -> None:
    assert Condition.of(when).holds(configuration) is holds


@pytest.mark.parametrize("value", ["has", ">=", "<", "has pca", ">= 3", "has  x", "plain"])
def test_a_category_that_looks_like_a_comparison_survives_a_round_trip(value: str) -> None:
    condition = Condition.of({"a": [value]})
    assert Condition.of(condition.to_dict()) == condition


@given(spaces())
def test_conditions_survive_a_round_trip(space: SearchSpace) -> None:
    for condition in space.conditions.values():
        assert Condition.of(condition.to_dict()) == condition


def test_joined_conditions_must_both_hold() -> None:
    both = Condition.of({"learner": "svm"}) & Condition.of({"kernel": "rbf"})
    assert both.holds({"learner": "svm", "kernel": "rbf"})
    assert not both.holds({"learner": "svm", "kernel": "poly"})
    assert (ALWAYS & both) == both
    with pytest.raises(SpaceError, match="both speak of"):
        _ = both & Condition.of({"kernel": "poly"})


@pytest.mark.parametrize(
    ("when", "words"),
    [
        ({"x": []}, "at least one value"),
        ({"x": ">= many"}, "compare with a number"),
        ({"x": ">= nan"}, "compare with a number"),
        ({"x": None}, "a value, a list or a comparison"),
        ({"x": {"y": 1}}, "a value, a list or a comparison"),
        ({"x": [[1]]}, "a value, a list or a comparison"),
    ],
)
def test_a_malformed_condition_names_its_parent(when: Any, words: str) -> None:
    with pytest.raises(SpaceError, match=rf"'x'.*{words}"):
        Condition.of(when)


def test_a_condition_takes_the_type_of_its_parent() -> None:
    """YAML may write 1 where the parent holds '1'; a condition that never holds would go unnoticed."""
    space = SearchSpace(
        "s",
        {"p": Categorical(("1", "2")), "q": Integer(1, 3), "c": Integer(0, 1), "d": Integer(0, 1)},
        {"c": Condition.of({"p": 1}), "d": Condition.of({"q": "2"})},
    )
    assert space.active({"p": "1", "q": 2, "c": 0, "d": 1}) == ["p", "q", "c", "d"]


@pytest.mark.parametrize(
    ("when", "words"),
    [
        ({"nobody": 1}, "nobody"),
        ({"kernel": "linear"}, "kernel.*linear.*rbf"),
        ({"kernel": ">= 3"}, "kernel.*number"),
        ({"kernel": "has rbf"}, "only a subset.*kernel"),
        ({"steps": "pca"}, "steps.*'has'.*pca"),
        ({"steps": "has ica"}, "steps.*ica"),
        ({"depth": 9}, "depth.*9"),
        ({"depth": ["one"]}, "depth.*one"),
    ],
)
def test_a_condition_that_does_not_fit_its_parent_is_refused(when: Any, words: str) -> None:
    domains = {"kernel": Categorical(("rbf", "poly")), "steps": Subset(("pca",)), "depth": Integer(1, 4)}
    with pytest.raises(SpaceError, match=rf"'child'.*{words}"):
        SearchSpace("s", {**domains, "child": Integer(0, 1)}, {"child": Condition.of(when)})
