from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from forerun.errors import DataError
from forerun.tasks.splits import apportion, sample, split, strata_of

FRACTIONS = (0.6, 0.2, 0.2)
strata = hnp.arrays(np.intp, st.integers(10, 200), elements=st.integers(0, 6))
seeds = st.integers(0, 2**32 - 1)
fractions = st.tuples(*[st.floats(0.05, 1)] * 3).map(lambda parts: tuple(part / sum(parts) for part in parts))


@given(strata, fractions, seeds)
def test_parts_are_disjoint_and_together_all_rows(strata, fractions, seed):
    rows = np.concatenate(split(strata, fractions, seed))
    assert sorted(rows) == list(range(len(strata)))


@given(strata, fractions, seeds)
def test_a_class_of_three_rows_is_in_every_part_and_a_smaller_one_in_train_alone(strata, fractions, seed):
    counts = np.bincount(strata)
    for part, rows in enumerate(split(strata, fractions, seed)):
        present = set(strata[rows])
        wanted = {code for code, count in enumerate(counts) if count >= (1 if part == 0 else 3)}
        assert present == wanted


@given(strata, fractions, seeds)
def test_the_same_seed_gives_the_same_split(strata, fractions, seed):
    for one, other in zip(split(strata, fractions, seed), split(strata, fractions, seed), strict=True):
        np.testing.assert_array_equal(one, other)


def test_another_seed_gives_another_split():
    strata = np.arange(100) % 3
    assert not np.array_equal(split(strata, FRACTIONS, 0)[0], split(strata, FRACTIONS, 1)[0])


@given(st.lists(st.integers(10, 60), min_size=1, max_size=8), seeds)
def test_every_class_keeps_its_share_within_two_rows(counts, seed):
    strata = np.repeat(np.arange(len(counts)), counts)
    parts = split(strata, FRACTIONS, seed)
    for code, count in enumerate(counts):
        for rows, fraction in zip(parts, FRACTIONS, strict=True):
            assert abs((strata[rows] == code).sum() - fraction * count) <= 2


@given(st.integers(1, 40), st.integers(5, 30))
def test_rounding_does_not_add_up_over_many_classes(classes, size):
    parts = split(np.repeat(np.arange(classes), size), FRACTIONS, 0)
    for rows, fraction in zip(parts, FRACTIONS, strict=True):
        assert abs(len(rows) - fraction * classes * size) <= 1


@pytest.mark.parametrize("fractions", [(0.5, 0.5, 0.5), (1.0, 0.0, 0.0), (0.8, 0.2), (0.9, 0.3, -0.2)])
def test_fractions_that_are_none_are_refused(fractions):
    with pytest.raises(DataError, match="must be positive and sum to 1"):
        split(np.zeros(10, dtype=np.intp), fractions, 0)


@given(strata, st.integers(25, 250), seeds)
def test_a_sample_has_the_size_asked_for_and_loses_no_class(strata, size, seed):
    rows = sample(strata, size, seed)
    assert len(rows) == min(size, len(strata)) == len(set(rows))
    assert (np.diff(rows) > 0).all()
    assert set(strata[rows]) == set(strata)


@given(seeds)
def test_a_sample_keeps_shares_and_three_rows_of_a_rare_class(seed):
    strata = np.repeat([0, 1, 2], [600, 397, 3])
    assert np.bincount(strata[sample(strata, 100, seed)]).tolist() == [59, 38, 3]


def test_a_sample_too_small_for_the_classes_is_refused():
    with pytest.raises(DataError, match="10 rows are too few: 78 are needed"):
        sample(np.repeat(np.arange(26), 10), 10, seed=0)


@given(hnp.arrays(np.float64, st.integers(10, 100), elements=st.floats(-1e6, 1e6)))
def test_strata_of_a_regression_are_equally_large_and_ordered(y):
    strata = strata_of(y, "regression")
    counts = np.bincount(strata)
    assert counts.max() - counts.min() <= 1
    assert counts.min() >= 3
    bounds = [(y[strata == code].min(), y[strata == code].max()) for code in range(len(counts))]
    assert all(below[1] <= above[0] for below, above in pairwise(bounds))


@given(st.lists(st.floats(0.1, 50), min_size=1, max_size=12))
def test_apportioning_moves_no_share_by_a_whole_one(shares):
    shares = np.array(shares)
    exact = shares * np.ceil(shares.sum()) / shares.sum()
    counts = apportion(exact, np.zeros(len(shares), dtype=np.intp))
    assert counts.sum() == round(exact.sum())
    assert (np.abs(counts - exact) < 1 + 1e-6).all()
