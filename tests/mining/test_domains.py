"""Domains are told from values: types, ranges, scales."""

from collections.abc import Sequence

import numpy as np
import pytest

from forerun.errors import SpaceError
from forerun.mining.domains import infer
from forerun.mining.optuna import from_optuna
from forerun.space import Categorical, Domain, Integer, Ordinal, Real, Subset, Value

rng = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("values", "domain"),
    [
        ([16, 32, 64, 128, 256], Integer(16, 256, log=True)),
        ([1, 2, 3, 8], Integer(1, 8)),
        ([0.001, 0.01, 0.1], Real(0.001, 0.1, log=True)),
        ([0.1, 0.2, 0.5, 0.9], Real(0.1, 0.9)),
        ([1, 2.5], Real(1, 2.5)),
        ([0, 0.0001, 0.001, 0.01], Ordinal((0.0, 0.0001, 0.001, 0.01))),
        ([0, 1, 2], Integer(0, 2)),
        ([True, False, True], Categorical((False, True))),
        (["relu", "tanh", "tanh"], Categorical(("tanh", "relu"))),
        (["None", 5, 10, "None"], Categorical((5, 10, "None"))),
        ([("pca",), ("pca", "scale"), "[]"], Subset(("pca", "scale"))),
        (["[64]", "[64, 32]"], Categorical(("[64, 32]", "[64]"))),
        ([("a", "b"), "all"], Categorical(("a, b", "all"))),
    ],
)
def test_a_domain_is_told_from_values(values: Sequence[Value], domain: Domain) -> None:
    found = infer(values)
    assert found == domain or (isinstance(found, Categorical) and set(found.values) == set(domain.values))  # type: ignore[attr-defined]


@pytest.mark.parametrize("decades", [1.5, 3, 6])
def test_what_was_drawn_on_a_log_scale_is_seen_to_be(decades: float) -> None:
    found = infer((10 ** rng.uniform(-decades, 0, 30)).tolist())
    assert isinstance(found, Real)
    assert found.log


def test_what_was_drawn_on_a_plain_scale_is_seen_to_be() -> None:
    # 30 draws from [0, 1]: their smallest is far below the largest, and yet they are not log-spaced
    assert not infer(rng.uniform(0.001, 1, 30).tolist()).log  # type: ignore[attr-defined]
    assert not infer(rng.integers(1, 1000, 30).tolist()).log  # type: ignore[attr-defined]


def test_a_domain_needs_two_values_and_few_words() -> None:
    with pytest.raises(SpaceError, match=r"always 0\.1"):
        infer([0.1, 0.1])
    with pytest.raises(SpaceError, match="60 different words"):
        infer([f"word{i}" for i in range(60)])


def test_optunas_own_words_are_read_exactly() -> None:
    distributions = pytest.importorskip("optuna").distributions
    for distribution, domain in (
        (distributions.FloatDistribution(1e-5, 0.1, log=True), Real(1e-5, 0.1, log=True)),
        (distributions.FloatDistribution(0, 1, step=0.1), Real(0, 1)),
        (distributions.IntDistribution(1, 30), Integer(1, 30)),
        (distributions.IntDistribution(4, 256, log=True), Integer(4, 256, log=True)),
        (distributions.CategoricalDistribution(["rbf", None, True, 3]), Categorical(("rbf", "None", True, 3))),
    ):
        assert from_optuna(str(distribution)) == domain


@pytest.mark.parametrize(
    "text",
    [
        "",
        "FloatDistribution",
        "FloatDistribution(high=1.0, low=__import__('os').getpid())",
        "FloatDistribution(high=0, low=1)",
        "CategoricalDistribution(choices=('a',))",
        "IntDistribution(" + "(" * 5000,
        "é\x00",
    ],
)
def test_what_is_no_distribution_is_none(text: str) -> None:
    assert from_optuna(text) is None
