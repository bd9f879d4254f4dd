from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forerun.report import Comparison, Estimate, sentences
from tests.report import example


def compared(*losses: float | None) -> list[Comparison]:
    names = ("forerun", "the defaults", "the average best", "random search")
    return [
        Comparison(name, None, None if level is None else Estimate(level), 1)
        for name, level in zip(names, losses, strict=False)
    ]


def test_verdict_admits_what_was_not_beaten():
    told = sentences.verdict(compared(0.2, 0.3, 0.1, 0.2))
    assert told == (
        "That is lower than the defaults (0.3000), equal to random search (0.2000) "
        "and higher than the average best (0.1000)."
    )


def test_verdict_leaves_out_what_is_not_known():
    assert sentences.verdict(compared(0.2, None, 0.4)) == "That is lower than the average best (0.4000)."
    assert sentences.verdict(compared(None, 0.2, 0.4)) == ""
    assert sentences.verdict(compared(0.2, float("nan"))) == ""
    assert sentences.verdict([]) == ""


def effect(levels: list[float], position: list[float] | None) -> pd.DataFrame:
    places = position or [np.nan] * len(levels)
    return pd.DataFrame({"level": [f"L{i}" for i in range(len(levels))], "position": places, "mean": levels})


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (effect([1, 2, 3, 4], [0, 1, 2, 3]), "lower is better"),
        (effect([4, 3, 2.5, 1], [0, 1, 2, 3]), "higher is better"),
        (effect([4, 1, 2, 5], [0, 1, 2, 3]), "best near L1"),
        (effect([4, 1, 2, 5], None), "best: L1"),
        (effect([2, 1], [0, 1]), "best: L1"),
        (effect([2, 2, 2], [0, 1, 2]), "best near L0"),
    ],
)
def test_direction_of_an_effect(rows, told):
    assert sentences.direction(rows) == told


def test_effects_come_most_important_first_with_the_chosen_value():
    found = sentences.effects(example.explanation(), example.BOOSTING)
    assert [e.domain for e in found][:3] == ["learner", "sample_fraction", "preprocessing"]
    assert {e.domain: e.chosen for e in found}["boosting.learning_rate"] == "0.08254"
    assert {e.chosen for e in sentences.effects(example.explanation(), {"learner": "knn"})} == {"knn", ""}


def test_surprise_counts_losses_inside_their_interval():
    training = example.tuning().trainings[0]
    hit = replace(training, predicted=0.3, std=0.01, loss=0.31)
    miss = replace(training, predicted=0.3, std=0.01, loss=0.32)
    failed = replace(training, loss=float("nan"))
    assert sentences.surprise([hit, miss, failed]).startswith("1 of 2 real losses")
    assert "So few" in sentences.surprise([hit])
    assert "So few" not in sentences.surprise([hit] * 10)


def test_headline_without_a_test_score_promises_none():
    story = example.tuned()
    found = replace(story.recommendation, test_loss=float("nan"))
    assert "not been scored on test data" in sentences.headline(replace(story, recommendation=found))
