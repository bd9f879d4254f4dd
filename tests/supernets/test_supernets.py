"""What is cut out of a super-network, and how it enters a history."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from forerun.checks.supernets import easy_images
from forerun.learners.architectures import ARCHITECTURES, Recipe
from forerun.metadata import featurize
from forerun.search import Problem
from forerun.space import Configuration
from forerun.supernets import Given, Sandwich, SuperNet, recorded, shortlist, stand_alone, with_shared
from forerun.supernets.training import cut
from forerun.trials import History, Status

pytestmark = pytest.mark.slow  # models are trained

TINY = Sandwich(epochs=1, paths=1)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def shared() -> SuperNet:
    return SuperNet.fit(ARCHITECTURES["dense"], easy_images(), sandwich=TINY)


def test_what_is_cut_out_is_the_leading_corner():
    whole = torch.arange(12.0).view(3, 4)
    np.testing.assert_array_equal(cut({"weight": whole}, {"weight": (2, 3)})["weight"], whole[:2, :3])


def test_an_architecture_that_diverges_is_a_failed_trial():
    family = type(ARCHITECTURES["dense"])(Recipe(epochs=2, learning_rate=1e12))
    trial, model = stand_alone(family, easy_images(), {"learner": "dense", **family.defaults("multiclass")})
    assert (trial.status, model) == (Status.FAILED, None)
    assert "diverged at epoch 1" in trial.reason


def test_a_search_finds_what_scores_better_than_what_it_started_from(shared: SuperNet):
    from forerun.search import Evolution

    found = shortlist(
        shared, 5, np.random.default_rng(0), Evolution(population=16, brood=4, generations=4, tournament=4)
    )
    drawn = shared.score(shared.space.sample(np.random.default_rng(1), 16))
    assert [c.score for c in found] == shared.score([c.configuration for c in found]).tolist()
    assert found[0].score < np.median(drawn)


def test_given_starts_are_all_that_is_scored(shared: SuperNet):
    grid = shared.space.grid(16)
    starts = grid.sample(np.random.default_rng(0), 6)
    score = np.random.default_rng(1).normal(size=len(grid.encoder.columns))
    ranked = Given().search(Problem(lambda X: X @ score, grid, starts=starts), 3, np.random.default_rng(2))
    best = np.argsort(grid.encode(starts) @ score)[:3]
    np.testing.assert_array_equal(ranked.L, grid.canonical(starts[best]))
    assert ranked.scored == 6
    assert not ranked.proven


def test_scores_are_trials_of_a_related_task_in_the_history(shared: SuperNet):
    task = shared.task
    drawn = shared.space.sample(np.random.default_rng(0), 6)
    trials = recorded(shared, drawn)
    assert {t.task for t in trials} == {"bars, shared weights"}
    assert [t.loss for t in trials] == shared.score(drawn).tolist()
    other = replace(task, name="other", family="other", digest="another")
    before = History.of(
        [replace(t, task="other", fit_seconds=1.0) for t in trials],
        with_shared_table(other),
        {shared.space.name: shared.space},
    )
    meta = featurize(with_shared(before, shared, trials, {"rows": 2.0}))
    assert list(zip(meta.tasks, meta.families, strict=True)) == [("bars, shared weights", "bars"), ("other", "other")]
    # nothing was trained for a score, so it tells no seconds
    assert set(meta.for_seconds().task) == {1}


def with_shared_table(task):
    from forerun.supernets import task_table

    return task_table({task.name: task}, {task.name: {"rows": 1.0}})


def test_scores_in_units_of_the_metric_lie_where_its_losses_do_and_rank_as_before(shared: SuperNet):
    drawn = shared.space.sample(np.random.default_rng(0), 12)
    scores = shared.score(drawn)
    moved = np.array([t.loss for t in recorded(shared, drawn, metric=True)])
    np.testing.assert_array_equal(np.argsort(moved), np.argsort(scores))
    task = shared.task
    losses = [task.metric.loss(task.metric.value(task.validation.y, *said(shared, c))) for c in drawn]
    np.testing.assert_allclose(np.quantile(moved, 0.5), np.quantile(losses, 0.5))
    np.testing.assert_allclose(*(np.subtract(*np.quantile(v, (0.75, 0.25))) for v in (moved, losses)))


def said(shared: SuperNet, configuration: Configuration) -> tuple[np.ndarray, np.ndarray]:
    model, X = shared.extract(configuration), shared.task.validation.X
    return model.predict(X), model.predict_proba(X)
