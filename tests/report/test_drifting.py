"""Whether the history has drifted, as the page and the terminal say it."""

from dataclasses import replace

import pytest

from forerun.report import Drift, Estimate, drifting, render
from tests.report import example

NAN = float("nan")
STAYED = Drift(Estimate(-0.02, -0.06, 0.01), 0.29, 0.31, "2026-04-02 03:00 UTC", 12, 0.1, NAN, 100, 100)


def told(found: Drift) -> str:
    return drifting.told(found).replace("\xa0", " ")


def test_what_was_forgotten_and_why_is_told() -> None:
    assert told(example.drifted()) == (
        "The history has drifted, so old trials were forgotten, half of them every 9.4 days: "
        "5,301 of 16,420 trials are left. On the latest trials, of 12 families since 2026-04-02 03:00 UTC, "
        "remembering everything costs 0.31 in rank correlation (95 % interval 0.20 to 0.43); "
        "the past alone ranks itself at 0.71 and them at 0.29."
    )
    assert "half of them every 3 h:" in told(replace(example.drifted(), half_life_days=0.125))


def test_where_nothing_was_forgotten_that_is_told_with_what_it_was_measured_by() -> None:
    assert "has not drifted" in told(STAYED)
    assert "remembering everything gains 0.02 in rank correlation (95 % interval −0.01 to 0.06)" in told(STAYED)
    costly = replace(STAYED, cost=Estimate(0.02, -0.01, 0.06))
    assert "remembering everything costs 0.02 in rank correlation (95 % interval −0.01 to 0.06)" in told(costly)


def test_drift_that_the_settings_let_pass_is_told() -> None:
    ignored = replace(example.drifted(), threshold=NAN, half_life_days=NAN)
    assert "may have drifted; nothing was forgotten, as the settings say" in told(ignored)


def test_where_nothing_can_be_told_the_reason_is() -> None:
    blind = replace(STAYED, untold="the times of trials are not known")
    assert told(blind) == "Whether the history has drifted cannot be told: the times of trials are not known."


@pytest.mark.slow
def test_the_page_says_it_exactly_where_it_was_measured() -> None:
    story = example.tuned()
    assert "The history has drifted" in render(story)
    assert "drifted" not in render(replace(story, past=replace(story.past, drift=None)))
