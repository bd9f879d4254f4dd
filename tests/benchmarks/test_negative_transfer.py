"""What a misleading history costs: ratios by hand, and the default without history."""

import numpy as np
import pytest

from forerun.checks import world
from judging.base import Candidates, Seen
from judging.simple import Random
from transferring.alone import Alone
from transferring.ratios import Curves, misled_once


def rows(regrets: dict[str, list[list[float]]]) -> list[dict[str, object]]:
    """Two seeds of each task, all tasks groups of their own."""
    return [
        {"task": task, "family": task, "seed": seed, "regret": regret}
        for task, seeds in regrets.items()
        for seed, regret in enumerate(seeds)
    ]


def test_a_ratio_is_that_of_mean_areas_and_lies_within_its_interval():
    mine = Curves.of(rows({"a": [[1.0, 0.5], [0.5, 0.0]], "b": [[1.0, 1.0], [1.0, 1.0]]}))
    theirs = Curves.of(rows({"a": [[0.5, 0.5], [0.5, 0.5]], "b": [[0.5, 0.5], [0.5, 0.5]]}))
    ratio, low, high = mine.over(theirs)
    assert ratio == pytest.approx(0.75 / 0.5)
    # the two groups are drawn twice each, or both
    assert (low, high) == pytest.approx((1.0, 2.0))


def test_who_is_misled_once_is_a_trial_behind_and_keeps_the_first_one_if_it_was_good():
    alone = rows({"a": [[0.8, 0.6, 0.1], [0.8, 0.6, 0.1]]})
    reversed_ = rows({"a": [[1.0, 1.0, 1.0], [0.7, 0.7, 0.7]]})
    found = [row["regret"] for row in misled_once(reversed_, alone)]
    assert found == [[1.0, 0.8, 0.6], [0.7, 0.7, 0.6]]


def played(method: Alone | Random, candidates: Candidates, losses: np.ndarray, trials: int, seed: int) -> list[int]:
    """What a method chooses."""
    tried: list[int] = []
    for _ in range(trials):
        tried.append(method.choose(candidates, Seen(tuple(tried), losses[tried]), np.random.default_rng(seed)))
    return tried


@pytest.mark.slow
def test_without_history_the_default_finds_better_trials_than_random_search_and_knows_no_loss_of_the_history():
    meta = world.history(0, 6, 60)
    learned = Alone().fit(meta, np.random.default_rng(0))
    other = Alone().fit(world.with_losses(meta, -meta.loss), np.random.default_rng(0))
    ours, theirs = [], []
    for seed in range(12):
        task = world.example(np.random.default_rng(100 + seed), 150)
        candidates = Candidates(task.features, task.X, [])
        tried = played(learned, candidates, task.loss, 15, seed)
        assert len(set(tried)) == 15
        if seed == 0:
            assert played(other, candidates, task.loss, 15, seed) == tried
        ours.append(task.z[tried].min() - task.z.min())
        theirs.append(
            task.z[played(Random().fit(meta, np.random.default_rng(0)), candidates, task.loss, 15, seed)].min()
            - task.z.min()
        )
    assert np.mean(ours) < 0.5 * np.mean(theirs)


def test_without_history_failed_trials_and_equal_losses_are_ordinary():
    meta = world.history(0, 3, 40)
    method = Alone().fit(meta, np.random.default_rng(0))
    candidates = Candidates(meta.features[0], meta.X[:40], [])
    for losses in (np.full(40, np.nan), np.full(40, 2.0)):
        assert len(set(played(method, candidates, losses, 10, 0))) == 10
