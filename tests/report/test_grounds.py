"""What the prediction rests on, in a sentence, a figure and the numbers of a run."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from forerun.report import Grounds, drawing, grounds, render
from tests.report import example

pytestmark = pytest.mark.slow  # models are trained

PRIOR = {"tasks": 0.5, "last_layer": 0.18, "scratch": 0.32}
AFTER = {"tasks": 0.12, "last_layer": 0.004, "scratch": 0.876}


def told(found: Grounds) -> str:
    return grounds.told(found).replace("\xa0", " ")


def words(found: Grounds) -> list[str]:
    root = ET.fromstring(drawing.svg(grounds.grounds_figure(found), "grounds", "grounds"))  # noqa: S314  our own
    return ["".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}text")]


def test_before_any_trial_what_was_seen_is_weighed_against_what_was_not() -> None:
    assert told(Grounds([PRIOR])) == (
        "What the prediction rests on, before any trial: "
        "past data sets 50 %, nothing that was seen 32 %, the last layer family 18 %."
    )


def test_after_trials_the_likeliest_comes_first_and_what_is_negligible_is_not_named() -> None:
    assert told(Grounds([PRIOR, AFTER], {"iris": 0.09, "wine": 0.001})) == (
        "What the prediction rests on, after 1 trial: "
        "nothing but its own trials 88 %, past data sets 12 % (closest by these trials: iris 9 %)."
    )
    assert "after 2 trials" in told(Grounds([PRIOR, AFTER, AFTER]))


def test_without_trials_no_past_data_set_is_called_close() -> None:
    assert "iris" not in told(Grounds([PRIOR], {"iris": 0.02}))


def test_the_meaning_of_the_shares_is_told() -> None:
    assert "past data sets taught" in grounds.meant(Grounds([PRIOR]))
    assert "Bayes' rule" in grounds.meant(Grounds([PRIOR, AFTER]))


def test_the_figure_names_every_hypothesis_where_its_bar_ends() -> None:
    assert {"past data sets", "last layer", "own trials only"} <= set(words(Grounds([PRIOR, AFTER])))


@pytest.mark.parametrize("name", example.HOSTILE)
def test_the_name_of_a_family_may_be_anything(name: str) -> None:
    shown = words(Grounds([{"tasks": 0.5, name: 0.5}, {"tasks": 1.0}]))
    assert "past data sets" in shown


def test_a_hypothesis_that_appears_later_has_a_bar_from_then_on() -> None:
    assert {"linear", "network"} <= set(words(Grounds([{"linear": 1.0}, {"linear": 0.4, "network": 0.6}])))


def test_the_page_shows_what_the_prediction_rests_on_exactly_where_that_is_known() -> None:
    story = example.tuned()
    page = render(story)
    assert "What it rests on" in page
    assert "closest by these trials: adult-census-income 41" in page
    assert "What the prediction rests on" in page
    assert 'id="grounds-' in page or 'aria-label="What the prediction rests on"' in page
    without = render(replace(story, grounds=None))
    assert "What it rests on" not in without
    assert "rests on" not in without


def test_a_page_of_a_prior_alone_has_a_sentence_and_no_figure() -> None:
    page = render(replace(example.zero_shot(), grounds=Grounds([PRIOR])))
    assert "before any trial: past data sets" in page
    assert 'aria-label="What the prediction rests on"' not in page


def test_shares_are_numbers_of_a_run() -> None:
    assert example.tuned().shares.keys() == {"share.tasks", "share.linear", "share.scratch"}
    assert sum(example.tuned().shares.values()) == pytest.approx(1)
    assert example.zero_shot().shares == {}
