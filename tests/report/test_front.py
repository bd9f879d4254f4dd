"""Choices between a low loss and a short training, in words and lines."""

from dataclasses import replace

import pytest

from forerun.report import Front, drawing, front
from tests.report import example


def test_proven_is_said_of_a_front_exactly_when_it_is():
    found = example.front()
    said = front.told(found).replace("\xa0", " ")
    assert "4 of 40 choices" in said
    assert "Of 3.1 × 10²⁰ configurations no other is both better and faster than one of them, proven, in 21 s." in said
    said = front.told(replace(found, proven=False))
    assert "proven" not in said
    assert "No proof" in said
    assert "some may be both better and faster" in said
    assert front.told(replace(found, curve=found.curve[:4])).startswith("These are choices between")


def test_lines_show_time_and_loss_fastest_first():
    lines = front.front_table(example.zero_shot()).replace("\xa0", " ").splitlines()
    assert lines[0].startswith("Time against loss (1 − balanced accuracy).")
    assert lines[1].split() == ["training", "predicted", "loss"]
    assert lines[2].startswith("       11 ms    0.4463 ± 0.0200  mlp: depth 2, ")
    assert len(lines) == 6
    assert front.front_table(replace(example.zero_shot(), front=None)) == ""


def test_configurations_cannot_drive_the_terminal():
    said = front.front_table(example.hostile())
    assert not [c for c in said if c != "\n" and (ord(c) < 32 or 126 < ord(c) < 160 or 0xD800 <= ord(c) < 0xE000)]


@pytest.mark.parametrize("times", [(1e-3, 90.0), (0.2, 0.25), (0.3, 0.3), (1.0, 7.0)])
def test_a_figure_is_drawn_of_any_times(times):
    found: Front = replace(example.front(), curve=[(times[0], 0.4), (times[1], 0.3)])
    assert "Predicted training time" in drawing.svg(front.front_figure(found, "nrmse"), "front", "front")
