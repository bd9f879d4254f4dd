"""Forgetting: which trials fall out of a history, and when."""

from dataclasses import replace

import numpy as np
import pytest

from forerun.checks import FORGETTING_PROMISES, PromiseBroken
from forerun.checks.world import history
from forerun.errors import HistoryError
from forerun.metadata import MetaDataset, featurize
from forerun.metadata.recency import DAY, recent, remembered, weights
from forerun.trials import History, Status
from tests.metadata.test_featurize import FOREST, SVM, make_tasks, make_trial


@pytest.fixture(scope="module")
def meta() -> MetaDataset:
    """Two thousand trials, of which one in ten has no time, over twenty days."""
    made = history(tasks=40, trials=50)
    started = 1.7e9 + 20 * DAY * np.arange(len(made)) / len(made)
    return replace(made, started=np.where(np.arange(len(made)) % 10 == 3, np.nan, started))


def test_a_weight_halves_with_every_half_life_and_what_has_no_time_or_lies_ahead_keeps_its_own() -> None:
    found = weights(np.array([100.0, 90.0, 80.0, np.nan, 130.0]), 10.0, now=100.0)
    np.testing.assert_allclose(found, [1.0, 0.5, 0.25, 1.0, 1.0])


@pytest.mark.parametrize("promise", FORGETTING_PROMISES)
def test_forgetting_keeps_its_promises(promise: str) -> None:
    FORGETTING_PROMISES[promise](recent)


def test_domains_of_another_program_that_join_the_union_change_nothing(meta: MetaDataset) -> None:
    wider = replace(meta, X=np.column_stack([meta.X, np.ones(len(meta))]))
    np.testing.assert_array_equal(recent(wider, 5 * DAY).X[:, :-1], recent(meta, 5 * DAY).X)


def test_ways_to_forget_that_draw_at_random_or_by_place_or_at_a_bound_break_a_promise() -> None:
    def at_random(meta: MetaDataset, half_life: float, now: float) -> MetaDataset:
        drawn = np.random.default_rng(int(now)).random(len(meta))
        return meta.of_rows(np.flatnonzero(drawn < weights(meta.started, half_life, now)))

    def by_place(meta: MetaDataset, half_life: float, now: float) -> MetaDataset:
        drawn = np.random.default_rng(0).random(len(meta))
        return meta.of_rows(np.flatnonzero(drawn < weights(meta.started, half_life, now)))

    def at_a_bound(meta: MetaDataset, half_life: float, now: float) -> MetaDataset:
        return meta.of_rows(np.flatnonzero(meta.started > now - half_life))

    broken = {
        "as_time_passes_trials_only_leave": at_random,
        "neither_order_nor_company_decides": by_place,
        "keeps_as_many_as_the_half_life_says": at_a_bound,
        "what_has_no_time_stays": at_a_bound,
        "a_longer_half_life_keeps_all_that_a_shorter_one_keeps": lambda meta, life, now: recent(meta, 1 / life, now),
    }
    for promise, forget in broken.items():
        with pytest.raises(PromiseBroken):
            FORGETTING_PROMISES[promise](forget)


def test_a_history_forgets_what_the_meta_dataset_made_of_it_forgets() -> None:
    rng = np.random.default_rng(0)
    trials = [
        make_trial(task, i, started=float(1.7e9 + i * DAY), loss=float(rng.normal()))
        for task in ("a-1", "a-2", "b", "c")
        for i in range(40)
    ]
    lost = {"status": Status.FAILED, "loss": float("nan"), "fit_seconds": float("nan")}
    trials[::9] = [replace(t, **lost, reason="timed out after 3 s") for t in trials[::9]]
    trials[::7] = [replace(t, status=Status.FAILED, reason="diverged") for t in trials[::7]]  # one that has a loss
    trials[5] = replace(trials[5], started=float("nan"))
    # of few trials of a task, and of those with less data, no meta-dataset is made
    trials += [make_trial("d", i, started=1.7e9 + i) for i in range(3)]
    trials += [make_trial("b", 99, started=1.7e9, fidelity=0.5)]
    made = History.of(trials, make_tasks("a-1", "a-2", "b", "c", "d"), {s.name: s for s in (SVM, FOREST)})
    meta = featurize(made)
    latest = float(np.nanmax(meta.started))
    stays = remembered(made, 10 * DAY, latest)
    kept = recent(meta, 10 * DAY)
    used = stays & (made.trials["fidelity"] == 1.0) & (made.trials["task"] != "d")
    assert 20 < used.sum() == len(kept) < 100
    np.testing.assert_array_equal(np.sort(made.trials["started"][used]), np.sort(kept.started))
    assert stays[5]
    # what came later than the history that was learned from is not forgotten
    assert remembered(made, 1.0, latest - 5 * DAY)[made.trials["started"] > latest - 5 * DAY].all()


def test_tasks_of_which_nothing_is_left_are_dropped_with_all_that_belongs_to_them(meta: MetaDataset) -> None:
    known = meta.of_rows(np.flatnonzero(np.isfinite(meta.started)))
    kept = recent(known, 0.2 * DAY)
    assert 0 < len(kept.tasks) < len(meta.tasks)
    assert set(kept.task) == set(range(len(kept.tasks)))
    place = [list(meta.tasks).index(name) for name in kept.tasks]
    np.testing.assert_array_equal(kept.features, meta.features[place])
    np.testing.assert_array_equal(kept.location, meta.location[place])
    assert list(kept.families) == [meta.families[i] for i in place]


def test_without_times_nothing_is_forgotten(meta: MetaDataset) -> None:
    blind = replace(meta, started=np.full(len(meta), np.nan))
    assert len(recent(blind, 1.0)) == len(meta)


@pytest.mark.parametrize("half_life", [0.0, -1.0, float("nan")])
def test_a_half_life_that_is_none_is_refused(half_life: float, meta: MetaDataset) -> None:
    with pytest.raises(HistoryError, match="half-life of a history must be above 0"):
        recent(meta, half_life)
