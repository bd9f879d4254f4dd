"""Stories are files between two steps: what is told stays the same, whatever it holds."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from forerun.errors import FormatError
from forerun.report import Story, final_table
from forerun.report.page import render
from forerun.steps.tell import load_story, save_story
from tests.report.example import hostile, regression, tuned, zero_shot


@pytest.mark.parametrize("make", [zero_shot, tuned, regression, hostile])
def test_a_story_tells_the_same_after_loading(make: Callable[[], Story], tmp_path: Path) -> None:
    story = make()
    save_story(story, tmp_path / "deep" / "story.json")
    loaded = load_story(tmp_path / "deep" / "story.json")
    assert final_table(loaded) == final_table(story)
    save_story(loaded, tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "deep" / "story.json").read_bytes()


@pytest.mark.slow
def test_a_loaded_story_makes_the_same_page(tmp_path: Path) -> None:
    save_story(hostile(), tmp_path / "story.json")
    assert render(load_story(tmp_path / "story.json")) == render(hostile())


def test_what_is_unknown_and_what_is_a_set_come_back_as_they_were(tmp_path: Path) -> None:
    story = zero_shot()
    save_story(story, tmp_path / "story.json")
    loaded = load_story(tmp_path / "story.json").recommendation
    assert math.isnan(loaded.validation_loss)
    assert loaded.configuration == story.recommendation.configuration
    assert loaded.configuration["preprocessing"] == ("impute_indicator", "drop_rare")


def test_a_story_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "story.json"
    save_story(zero_shot(), path)
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 99}))
    with pytest.raises(FormatError, match=r"story.json must be at most 1; got 99. Upgrade forerun"):
        load_story(path)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": 1}', '{"format": 1, "story": {"task": 3}}', '{"format": "1"}']
)
def test_a_damaged_story_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "story.json").write_text(text)
    with pytest.raises(FormatError, match=r"story.json must hold a recommendation: .*Run: forerun run"):
        load_story(tmp_path / "story.json")
