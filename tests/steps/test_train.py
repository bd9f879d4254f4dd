"""Which meta-learner is used: the default, unless another one is clearly better."""

import pandas as pd
import pytest

from forerun.evaluation import Evaluation
from forerun.steps.report import _why
from forerun.steps.train import choose_default


def judged(default: list[float], other: list[float]) -> Evaluation:
    rows = [
        {"method": method, "family": f"family-{i}", "regret": regret}
        for method, regrets in {"default": default, "other": other}.items()
        for i, regret in enumerate(regrets)
    ]
    best = "default" if sum(default) <= sum(other) else "other"
    return Evaluation(pd.DataFrame(rows), {}, best)


@pytest.mark.parametrize(
    ("default", "other", "chosen"),
    [
        ([0.1, 0.2, 0.3], [0.2, 0.3, 0.4], "default"),
        ([0.1, 0.3, 0.3], [0.2, 0.1, 0.3], "default"),  # ahead by 0.03, give or take 0.09
        ([0.2, 0.3, 0.4], [0.1, 0.21, 0.3], "other"),
        ([0.2], [0.1], "default"),  # of one family nothing can be told
    ],
)
def test_another_meta_learner_is_used_exactly_when_it_is_clearly_better(
    default: list[float], other: list[float], chosen: str
) -> None:
    assert choose_default(judged(default, other), "default") == chosen


def test_the_page_says_why_one_is_used_that_has_not_the_lowest_regret() -> None:
    regrets = {"random": 0.3, "average": 0.01, "mixture": 0.064, "relative": 0.061}
    assert _why("relative", regrets).startswith("the lowest mean regret")
    assert "the default" in _why("mixture", regrets)
    assert "relative is lower (0.061), by no more than a standard error" in _why("mixture", regrets)
