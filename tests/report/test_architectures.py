"""What a super-network was worth, as the page says it."""

from dataclasses import replace

from forerun.report import Architectures, architectures, render
from tests.report import example

NAN = float("nan")
FOUND = Architectures("dense", 35 * 10**41, 60, 12.4, [(0.5, 0.2), (0.4, 0.1), (0.3, 0.3)], -0.5, 40)


def told(found: Architectures) -> str:
    return architectures.told(found).replace("\xa0", " ")


def test_what_was_searched_and_how_far_scores_could_be_trusted_is_told() -> None:
    assert told(FOUND) == (
        "Of 3.5 × 10⁴² dense architectures, a super-network in which all of them share one set of weights scored 60 "
        "with inherited weights: those that it finds best, and as many random ones. That took 12 s. Trainings were "
        "chosen among them by a meta-learner that knew these scores, and 40 trainings of such networks on other data "
        "sets. Scores and the losses of 3 real trainings agree with a rank correlation of −0.50; by its score the best "
        "of them was number 2."
    )


def test_what_cannot_be_told_is_not() -> None:
    alone = replace(FOUND, earlier=0, pairs=FOUND.pairs[:2], agreement=NAN)
    assert told(alone).endswith(
        "that knew these scores. How well the scores agree with trainings cannot be told from 2."
    )


def test_it_stands_on_the_page_where_architectures_were_searched() -> None:
    assert "a super-network" not in render(example.tuned())
    assert architectures.told(FOUND) in render(replace(example.tuned(), architectures=FOUND))
