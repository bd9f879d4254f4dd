import doctest
import unicodedata

import hypothesis.strategies as st
from hypothesis import given

from forerun.report import wording

anything = st.text(st.characters(), max_size=60)


def test_examples_in_docstrings_hold():
    tried = doctest.testmod(wording)
    assert tried.attempted > 8
    assert tried.failed == 0


@given(anything)
def test_clean_text_is_one_line_of_encodable_characters(text):
    clean = wording.clean(text)
    clean.encode("utf-8")
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Cn", "Zl", "Zp") for c in clean)


@given(anything)
def test_cleaning_twice_is_cleaning_once(text):
    assert wording.clean(wording.clean(text)) == wording.clean(text)


@given(anything, st.integers(4, 50))
def test_shortened_text_is_no_longer_than_asked(text, length):
    assert len(wording.shorten(text, length)) <= length


@given(st.floats() | st.none())
def test_every_number_can_be_written(value):
    for write in (wording.number, wording.loss, wording.seconds, wording.percent):
        assert write(value) not in ("", "nan", "inf")


@given(st.integers(1, 10**60))
def test_counts_of_any_size_keep_their_magnitude(value):
    shown = wording.count(value)
    if "×" in shown:
        digits = shown.split("10")[-1].translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789"))
        assert abs(int(digits) - (len(str(value)) - 1)) <= 1
    else:
        assert int(shown.replace(",", "")) == value
