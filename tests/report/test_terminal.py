from dataclasses import replace

from forerun.report import final_table
from tests.report import example

TABLE = """\
  forerun                                 0.2871      0.2915          8
  the learner's defaults                  0.3139      0.3202          1
  the best on average in the history      0.3041      0.3088          1
  random search                           0.3001      0.3049          8
"""


def test_table_shows_ours_against_the_three_baselines():
    told = final_table(example.tuned())
    assert TABLE in told
    assert "Recommended for fair-affairs" in told
    assert "0.2963 ± 0.0184" in told


def test_lines_fit_a_terminal_but_for_the_configuration():
    lines = final_table(example.tuned()).splitlines()
    assert max(len(line) for line in [*lines[:1], *lines[2:]]) <= 88


def test_missing_scores_are_dashes_with_their_reason():
    told = final_table(example.regression())
    assert "failed: timed out after 30 s" in told
    assert any(line.split()[-3:] == ["–", "–", "1"] for line in told.splitlines())


def test_zero_shot_says_that_nothing_was_trained():
    told = final_table(example.zero_shot())
    assert "Nothing was trained" in told
    assert "trainings" not in told


def test_names_from_data_cannot_drive_the_terminal():
    told = final_table(example.hostile())
    assert not [c for c in told if c != "\n" and (ord(c) < 32 or 126 < ord(c) < 160 or 0xD800 <= ord(c) < 0xE000)]
    assert max(map(len, told.splitlines())) < 500


def test_table_without_rows_is_no_error():
    story = example.tuned()
    assert "Recommended" in final_table(replace(story, tuning=replace(story.tuning, comparison=())))
