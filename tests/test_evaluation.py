"""Leave-one-task-out: what is measured is what it says, and nothing of what is held out is seen."""

from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any, Self

import numpy as np
import pandas as pd
import pytest
import torch

from forerun.checks.world import history, with_losses
from forerun.errors import HistoryError
from forerun.evaluation import TRIALS, choose, evaluate, evaluate_makers, summarise
from forerun.evaluation import draw as draw_trials
from forerun.evaluation import split as split_families
from forerun.evaluation.baselines import Average, Nearest
from forerun.evaluation.replay import Recorded, ordered_regret, random_regret, spearman
from forerun.metadata import MetaDataset
from forerun.metalearners import METALEARNERS, Context, Linear


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def meta() -> MetaDataset:
    return history(tasks=16, trials=40)


@pytest.fixture(scope="module")
def found(meta: MetaDataset) -> Any:
    return evaluate(meta, ["linear"], folds=4, seeds=2)


def test_expected_regret_of_random_order_is_the_mean_over_all_orders() -> None:
    regret = np.random.default_rng(0).random(7)
    exact = [np.mean([min(c) for c in combinations(regret, t)]) for t in range(1, 8)]
    np.testing.assert_allclose(random_regret(regret, 9), [*exact, regret.min(), regret.min()])


def test_ties_are_broken_at_random_and_not_by_the_order_of_recording() -> None:
    """The best trial is recorded first and nothing is known of any: the order must not find it at once."""
    regret = np.array([0.0] + [1.0] * 99)
    rng = np.random.default_rng(0)
    for score in (np.zeros(100), np.full(100, np.nan)):
        # 16 shuffles: it comes first in one or none of them but for one case in a hundred
        assert ordered_regret(regret, score, 3, rng)[0] >= 14 / 16


@pytest.mark.slow
def test_a_meta_learner_without_an_opinion_is_as_good_as_random(meta: MetaDataset) -> None:
    class Blank(Linear):
        def adapt(self, context: Context) -> Any:
            adapted = super().adapt(Context.empty(context.features, context.X.shape[1]))
            blank = tuple(replace(b, mean=0 * b.mean, covariance=0 * b.covariance) for b in adapted.beliefs)
            return replace(adapted, beliefs=blank)

    means = evaluate_makers(meta, {"blank": Blank}, folds=2, seeds=6).summary
    for t in (1, 5):
        # 96 replays with a standard deviation of at most 0.35: more than four standard errors
        assert abs(means["blank"][f"regret_{t}"]["mean"] - means["random"][f"regret_{t}"]["mean"]) < 0.15


def test_regret_counts_failures_as_worst_and_one_explosion_hides_nothing(meta: MetaDataset) -> None:
    losses = np.linspace(0, 1, 21)
    losses[20] = 1e9
    losses[3] = np.nan
    rows = np.flatnonzero(meta.task == 0)[:21]
    task = Recorded.of(replace(meta.of_rows(rows), loss=losses), 0)
    assert task.regret[0] == 0
    assert task.regret[3] == 1
    assert 0.4 < task.regret[10] < 0.65


@pytest.mark.slow
def test_the_scores_have_a_row_for_every_method_task_and_seed(found: Any, meta: MetaDataset) -> None:
    scores = found.scores
    assert not scores.duplicated(["method", "task", "seed"]).any()
    assert scores.groupby("method").size().to_dict() == dict.fromkeys(["random", "average", "nearest", "linear"], 32)
    linear = scores[scores["method"] == "linear"]
    shares = linear[["coverage_80", "raw_coverage_80", "coverage_after_5_80", "seconds_coverage_80"]].to_numpy()
    shares = shares[np.isfinite(shares)]  # times are judged in the first seed only
    assert shares.size == 32 * 3 + 16
    assert ((shares >= 0) & (shares <= 1)).all()
    steps = linear[[f"regret_{t}" for t in range(1, TRIALS + 1)]].to_numpy()
    assert (np.diff(steps, axis=1) <= 0).all()
    np.testing.assert_allclose(steps.mean(axis=1), linear["regret"])


@pytest.mark.slow
def test_learning_pays_where_tasks_are_alike(found: Any) -> None:
    means = {name: scores["regret"]["mean"] for name, scores in found.summary.items()}
    assert means["linear"] < 0.6 * means["random"]
    assert found.summary["linear"]["spearman"]["low"] > 0.3
    assert found.summary["linear"]["seconds_spearman"]["low"] > 0.5
    assert found.best == "linear"


@dataclass
class Watched(Linear):
    """Remembers which families it was shown."""

    shown: list[set[str]] = field(default_factory=list)

    def fit(self, meta: MetaDataset) -> Self:
        self.shown.append(set(meta.families))
        return super().fit(meta)


@pytest.mark.slow
def test_no_family_is_parted_and_none_is_seen_that_is_held_out(meta: MetaDataset) -> None:
    seen: list[set[str]] = []
    scores = evaluate_makers(meta, {"watched": lambda: Watched(shown=seen)}, folds=3).scores
    families = set(meta.families)
    held = [families - shown for shown in seen[::2]]  # losses, times, losses, times ...
    assert sum(len(h) for h in held) == len(families)
    assert set.union(*held) == families
    judged = scores[scores["method"] == "watched"].groupby("fold")["family"].agg(set)
    assert all(judged[i] <= held[i] for i in judged.index)


@pytest.mark.slow
def test_tasks_with_few_trials_are_held_out_only_where_there_are_no_others(meta: MetaDataset) -> None:
    few = draw_trials(meta, 9, np.random.default_rng(0))
    assert evaluate(few, ["linear"], folds=2).scores["task"].nunique() == len(meta.tasks)
    rows = np.flatnonzero((meta.task < 6) | (np.arange(len(meta)) % 40 < 9))
    mixed = meta.of_rows(rows)
    assert set(evaluate(mixed, ["linear"], folds=2).scores["task"]) == set(meta.tasks[:6])


def test_without_folds_every_family_is_left_out_alone() -> None:
    fold = split_families(["a", "b", "a", "c"], None, np.random.default_rng(0))
    assert fold[0] == fold[2]
    assert len(set(fold)) == 3


def test_draws_are_bounded_and_of_every_task(meta: MetaDataset) -> None:
    drawn = draw_trials(meta, 13, np.random.default_rng(0))
    assert (np.bincount(drawn.task) == 13).all()
    again = draw_trials(meta, 13, np.random.default_rng(0))
    np.testing.assert_array_equal(drawn.X, again.X)


@pytest.mark.slow
def test_the_same_seeds_give_the_same_scores(meta: MetaDataset) -> None:
    one, two = (evaluate(meta, ["linear"], folds=2).scores for _ in range(2))
    pd.testing.assert_frame_equal(one, two)


def shared(meta: MetaDataset) -> MetaDataset:
    """A history in which all tasks tried the same."""
    count = len(meta) // len(meta.tasks)
    return replace(meta, X=np.tile(meta.X[:count], (len(meta.tasks), 1)))


def test_the_best_on_average_is_what_it_says(meta: MetaDataset) -> None:
    known = shared(meta)
    score = Average().fit(known).score(known.features[0], known.X[:40])
    np.testing.assert_allclose(score, known.y.reshape(16, 40).mean(axis=0))
    assert np.isnan(Average().fit(known).score(known.features[0], known.X[:3] + 0.1)).all()


def test_the_nearest_data_set_lends_its_order(meta: MetaDataset) -> None:
    known = shared(meta)
    score = Nearest().fit(known).score(known.features[3] + 1e-6, known.X[:40])
    np.testing.assert_allclose(score, known.y[known.task == 3])


def test_intervals_hold_the_mean_and_widen_with_fewer_families() -> None:
    rng = np.random.default_rng(0)

    def table(families: int) -> pd.DataFrame:
        rows = [{"method": "m", "task": f"t{i}", "family": f"f{i}", "regret": rng.random()} for i in range(families)]
        return pd.DataFrame(rows)

    few, many = (summarise(table(n))["m"]["regret"] for n in (6, 200))
    for found in (few, many):
        assert found["low"] < found["mean"] < found["high"]
    assert few["high"] - few["low"] > 3 * (many["high"] - many["low"])


def test_the_choice_is_the_lowest_regret_among_what_may_be_chosen() -> None:
    summary = {name: {"regret": {"mean": v}} for name, v in {"random": 0.1, "a": 0.3, "b": 0.2}.items()}
    assert choose(summary, ["a", "b"]) == "b"
    with pytest.raises(HistoryError, match="got none"):
        choose(summary, ["c"])


def test_rank_correlation_leaves_out_what_is_unknown_and_is_zero_for_constants() -> None:
    y = np.arange(5.0)
    assert spearman(np.array([1, 2, np.nan, 3, 4.0]), y) == pytest.approx(1)
    assert spearman(np.zeros(5), y) == 0
    assert np.isnan(spearman(np.zeros(2), np.zeros(2)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: m.of_tasks([0]), "at least 2 families"),
        (lambda m: draw_trials(m, 4, np.random.default_rng(0)), "at least 5 trials of different losses"),
        (lambda m: with_losses(m, np.ones(len(m))), "at least 5 trials of different losses"),
    ],
)
def test_too_little_to_judge_by_is_an_error_that_says_so(change: Any, words: str, meta: MetaDataset) -> None:
    with pytest.raises(HistoryError, match=words):
        evaluate(change(meta), ["linear"], folds=2)


def test_unknown_names_are_refused(meta: MetaDataset) -> None:
    with pytest.raises(HistoryError, match=f"must be among {', '.join(METALEARNERS)}; got \\['oracle'\\]"):
        evaluate(meta, ["oracle"])
    with pytest.raises(HistoryError, match="folds must be at least 2"):
        evaluate(meta, ["linear"], folds=1)


@pytest.mark.slow
def test_meta_learners_beat_random_order_clearly() -> None:
    names = ["linear", "network", "mixture"]
    summary = evaluate(history(seed=4, tasks=24, trials=40), names, folds=2).summary
    for name in names:
        assert summary[name]["regret"]["high"] < summary["random"]["regret"]["low"]
