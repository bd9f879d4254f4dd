"""Domains: values, levels, encoding and joins."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forerun.errors import SpaceError
from forerun.space import Categorical, Domain, Integer, Ordinal, Real, Subset
from forerun.space.domains import REACH
from tests.space.strategies import domains, integers, reals


@given(domains, st.integers(0, 100))
def test_samples_are_allowed_values(domain: Domain, seed: int) -> None:
    for value in domain.sample(np.random.default_rng(seed), 10):
        assert not domain.check(value)


@given(domains.filter(lambda d: not isinstance(d, Subset)), st.integers(2, 9))
def test_levels_are_allowed_distinct_and_hold_both_ends(domain: Domain, resolution: int) -> None:
    levels = domain.levels(resolution)
    assert all(not domain.check(v) for v in levels)
    assert len(set(map(str, levels))) == len(levels)
    if isinstance(domain, (Real, Integer)):
        assert (levels[0], levels[-1]) == (domain.low, domain.high)
        assert len(levels) <= resolution
        assert levels == sorted(levels)


@given(domains, st.integers(0, 100))
def test_decode_is_the_inverse_of_encode(domain: Domain, seed: int) -> None:
    values = domain.sample(np.random.default_rng(seed), 10)
    back = domain.decode(domain.encode(values))
    if isinstance(domain, Real):
        np.testing.assert_allclose(back, values, rtol=1e-9, atol=1e-9 * (domain.high - domain.low))
    else:
        assert back == values


@given(domains, st.integers(0, 100))
def test_encodings_are_finite_and_of_the_declared_width(domain: Domain, seed: int) -> None:
    values = domain.sample(np.random.default_rng(seed), 5)
    rows = domain.encode(values)
    assert rows.shape == (5, len(domain.columns))
    assert np.isfinite(rows).all()
    assert np.abs(rows).max() <= 1
    assert domain.encode([]).shape == (0, len(domain.columns))


@given(domains, st.integers(0, 100))
def test_decoding_anything_gives_an_allowed_value(domain: Domain, seed: int) -> None:
    rows = np.random.default_rng(seed).normal(0, 2, (10, len(domain.columns)))
    assert not any(domain.check(v) for v in domain.decode(rows))


@given(domains, st.integers(0, 100))
def test_values_survive_json_and_strings(domain: Domain, seed: int) -> None:
    """MLflow keeps a parameter as a string, Parquet a tuple as a list, JSON both as they are."""
    for value in domain.sample(np.random.default_rng(seed), 5):
        for loose in (json.loads(json.dumps(value)), str(value)):
            restored = domain.restore(loose)
            assert restored == value
            assert type(restored) is type(value)
        assert (
            domain.restore(np.array([value], dtype=object)[0] if not isinstance(value, tuple) else list(value)) == value
        )


@given(reals | integers, st.floats(-1e9, 1e9))
def test_numbers_beyond_the_range_are_refused_but_encoded_within_reach(domain: Real, value: float) -> None:
    if domain.low <= value <= domain.high:
        return
    assert domain.check(value)
    row = domain.encode([value])[0]
    assert np.isfinite(row).all()
    assert 1 <= abs(row[0]) <= REACH


def test_a_log_domain_places_factors_evenly() -> None:
    domain = Real(1e-4, 1.0, log=True)
    np.testing.assert_allclose(domain.place([1e-4, 1e-2, 1.0]), [-1, 0, 1], atol=1e-12)
    assert domain.levels(5) == [1e-4, 1e-3, 1e-2, 1e-1, 1.0]


def test_levels_of_a_narrow_range_stay_inside_it() -> None:
    domain = Real(1.0000001, 1.0000002)
    levels = domain.levels(5)
    assert levels == sorted(set(levels))
    assert all(domain.low <= v <= domain.high for v in levels)


def test_decoded_numbers_never_leave_the_range_by_rounding() -> None:
    domain = Real(0.1234567890126, 0.2345678901236)
    assert not any(domain.check(v) for v in domain.decode(np.array([[-1.0, 1.0], [1.0, 1.0]])))


def test_ordinals_between_the_listed_ones_encode_between_them() -> None:
    domain = Ordinal((16, 32, 128))
    assert domain.check(48) == ""
    assert domain.check(np.int64(48)) == ""
    assert domain.check(129)
    low, between, high = domain.encode([32, 48, 128])[:, 0]
    assert low < between < high
    assert domain.encode([np.int64(48)])[0, 0] == between
    assert domain.restore("48") == 48
    assert domain.encode([domain.restore("48")])[0, 0] == between


def test_an_unknown_category_is_refused_and_encodes_as_zeros() -> None:
    domain = Categorical(("a", "b"))
    assert domain.check("c") == "one of ['a', 'b']"
    assert not domain.encode(["c"]).any()


def test_booleans_numbers_and_strings_are_kept_apart() -> None:
    domain = Categorical((True, 1 + 1, "x"))
    assert domain.restore("True") is True
    assert domain.restore("2") == 2
    assert domain.restore(2.0) == 2
    assert domain.restore("2.0") == 2
    assert domain.check(1)


@given(domains, domains, st.integers(0, 20))
def test_a_join_allows_what_either_allows(one: Domain, other: Domain, seed: int) -> None:
    try:
        joined = one.join(other)
    except SpaceError:
        assert type(one) is not type(other)
        return
    rng = np.random.default_rng(seed)
    for value in one.sample(rng, 5) + other.sample(rng, 5):
        assert not joined.check(value), (joined, value)


@given(domains)
def test_a_join_with_itself_changes_nothing(domain: Domain) -> None:
    assert domain.join(domain) == domain


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Real(1, 1), "low must be below high"),
        (lambda: Real(2, 1), "low must be below high"),
        (lambda: Real(0, 1, log=True), "above 0"),
        (lambda: Real(-1, 1, log=True), "above 0"),
        (lambda: Real(float("nan"), 1), "real numbers"),
        (lambda: Real(0, float("inf")), "real numbers"),
        (lambda: Real(-1e308, 1.7e308), "too far apart"),
        (lambda: Real("a", 1), "real numbers"),
        (lambda: Real(None, 1), "real numbers"),
        (lambda: Real(False, True), "real numbers"),
        (lambda: Real(0, 1, log="yes"), "log must be true or false"),
        (lambda: Integer(0.5, 3), "integer numbers"),
        (lambda: Integer(0, 10**30), "integer numbers"),
        (lambda: Integer(3, 3), "low must be below high"),
        (lambda: Categorical(()), "at least one value"),
        (lambda: Categorical("abc"), "must be a list"),
        (lambda: Categorical(None), "must be a list"),
        (lambda: Categorical(("a", "a")), "differ"),
        (lambda: Categorical((1, 1.0)), "differ"),
        (lambda: Categorical((1, "1")), "differ"),
        (lambda: Categorical((None, "a")), "numbers, strings or booleans"),
        (lambda: Categorical(([1], "a")), "numbers, strings or booleans"),
        (lambda: Categorical((float("nan"), 1.0)), "finite"),
        (lambda: Ordinal((2, 1)), "must rise"),
        (lambda: Ordinal(()), "at least one value"),
        (lambda: Subset(()), "at least one value"),
        (lambda: Subset("abc"), "must be a list"),
        (lambda: Subset((1, 2)), "must be strings"),
        (lambda: Subset(("a", "a")), "differ"),
        (lambda: Subset(([], "a")), "must be strings"),
    ],
)
def test_a_malformed_domain_is_refused_with_words(make: object, words: str) -> None:
    with pytest.raises(SpaceError, match=words):
        make()  # type: ignore[operator]


@pytest.mark.parametrize("value", ["a", 3, None, [["a"]], ("a", "a"), ("z",)])
def test_what_is_no_set_of_the_elements_is_refused(value: object) -> None:
    assert "set of values" in Subset(("a", "b")).check(value)


@pytest.mark.parametrize("value", [None, "x", float("nan"), True, [1]])
def test_what_is_no_number_is_refused(value: object) -> None:
    assert Real(0, 1).check(value) == "real in [0.0, 1.0]"
    assert Integer(0, 1).check(value) == "integer in [0, 1]"
