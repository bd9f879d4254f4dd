from collections import Counter

import numpy as np
import pytest

from forerun.errors import SpaceError
from forerun.learners import LEARNERS
from forerun.learners.joint import (
    completed,
    default_configuration,
    default_space,
    random_configurations,
    shared_configurations,
)
from forerun.learners.mlp import stack_key
from forerun.space import SearchSpace


@pytest.mark.parametrize("kind", ["binary", "regression"])
def test_the_space_has_more_than_a_billion_configurations_and_survives_json(kind: str) -> None:
    space = default_space(kind)
    assert space.grid().size > 10**9
    assert SearchSpace.from_dict(space.to_dict()) == space


def test_binary_and_multiclass_tasks_share_one_space() -> None:
    assert default_space("binary") == default_space("multiclass")
    assert default_space("binary").name == "forerun-classification-v1"
    assert default_space("regression").name == "forerun-regression-v1"


def test_only_the_chosen_learner_is_active() -> None:
    for configuration in random_configurations("binary", 50, seed=0):
        prefixes = {name.partition(".")[0] for name in configuration if "." in name}
        assert prefixes == {configuration["learner"]}


def test_momentum_is_active_under_sgd_only_and_widths_up_to_the_depth() -> None:
    for c in random_configurations("binary", 300, seed=1):
        if c["learner"] == "mlp":
            assert ("mlp.momentum" in c) == (c["mlp.optimizer"] == "sgd")
            assert [f"mlp.width_{i}" in c for i in range(1, 5)] == [i <= c["mlp.depth"] for i in range(1, 5)]


def test_features_are_a_domain_where_the_columns_are_known() -> None:
    space = default_space("binary", columns=["a", "b"])
    assert space.name == "forerun-classification-v1-features"
    space.check({**default_configuration("knn", "binary"), "features": ("a",)})
    assert "features" not in default_space("binary").domains


@pytest.mark.parametrize("kind", ["binary", "regression"])
def test_the_portfolio_is_as_described(kind: str) -> None:
    portfolio = shared_configurations(kind, 250, seed=1)  # a draw repeats itself under this seed
    space = default_space(kind)
    for configuration in portfolio:
        space.check(configuration)
    assert len({repr(sorted(c.items())) for c in portfolio}) == 250
    assert portfolio[: len(LEARNERS)] == [default_configuration(name, kind) for name in LEARNERS]
    counts = Counter(c["learner"] for c in portfolio)
    assert counts["mlp"] == 100
    # a repetition is replaced by a draw of any of them
    assert all(abs(counts[name] - 30) <= 1 for name in LEARNERS if name != "mlp")
    stacks = Counter(stack_key(c) for c in portfolio if c["learner"] == "mlp")
    assert sorted(stacks.values())[-19:] == [5] * 19
    full = sum(c["sample_fraction"] == 1.0 for c in portfolio)
    assert 0.3 < full / 250 < 0.7


def test_same_seed_same_portfolio_and_another_seed_another_one() -> None:
    assert shared_configurations("binary", 40, seed=1) == shared_configurations("binary", 40, seed=1)
    assert shared_configurations("binary", 40, seed=1) != shared_configurations("binary", 40, seed=2)


def test_a_configuration_of_a_smaller_space_is_filled_with_defaults() -> None:
    filled = completed({"learner": "svm", "svm.kernel": "linear"}, "binary")
    assert filled == {
        "learner": "svm",
        "preprocessing": (),
        "sample_fraction": 1.0,
        "svm.kernel": "linear",
        "svm.C": 1.0,
        "svm.class_weight": "none",
    }


@pytest.mark.parametrize("kind", ["multiclass", "regression"])
def test_a_configuration_of_the_joint_space_is_complete(kind: str) -> None:
    for configuration in random_configurations(kind, 100, seed=2):
        assert completed(configuration, kind) == configuration


def test_features_stay_when_defaults_are_filled_in() -> None:
    assert completed({"learner": "knn", "features": ("a",)}, "binary")["features"] == ("a",)


def test_a_configuration_without_a_learner_is_refused() -> None:
    with pytest.raises(SpaceError, match="must name its learner"):
        completed({"svm.C": 1.0}, "binary")


def test_an_unknown_kind_or_learner_is_named() -> None:
    with pytest.raises(SpaceError, match="binary, multiclass, regression; got 'ranking'"):
        default_space("ranking")
    with pytest.raises(SpaceError, match="got 'perceptron'"):
        default_configuration("perceptron", "binary")


def test_other_optimizers_make_another_space_where_a_rate_belongs_to_those_that_have_one() -> None:
    space = default_space("binary", optimizers=("adam", "learned"))
    assert "mlp.momentum" not in space.domains
    assert "mlp.learning_rate" not in default_space("binary", optimizers=("learned",)).domains
    assert space.name != default_space("binary").name
    for configuration in space.sample(np.random.default_rng(0), 100):
        assert completed(configuration, "binary") == configuration
        if configuration["learner"] == "mlp":
            assert ("mlp.learning_rate" in configuration) == (configuration["mlp.optimizer"] == "adam")


def test_an_optimizer_that_there_is_not_is_refused() -> None:
    with pytest.raises(SpaceError, match=r"optimizers must be among sgd, .*; got lion"):
        default_space("binary", optimizers=("adam", "lion"))
