from dataclasses import replace

import numpy as np
import pytest

from forerun.checks.world import example, history, with_losses
from forerun.metadata import MetaDataset, Standard, standardise
from forerun.metalearners import NORMAL, Context, Mixture, hypotheses, widths
from forerun.metalearners.base import Floats
from forerun.metalearners.hypotheses import Hypothesis, Points, Trials, components, condition, moments, shares
from forerun.metalearners.mixture import MixtureSurrogate
from forerun.metalearners.opening import Opening
from forerun.metalearners.sources import Sources, recurring
from forerun.metalearners.views import Smooth


def shared(tasks: int = 8, rows: int = 40) -> MetaDataset:
    """A history in which every task trained the same configurations, but for a few gaps."""
    meta = history(tasks=tasks, trials=rows)
    rng = np.random.default_rng(3)
    meta = replace(meta, X=np.tile(meta.X[:rows], (tasks, 1)))
    meta = with_losses(meta, meta.loss)
    return meta.of_rows(np.flatnonzero(rng.random(len(meta)) > 0.1))


def points(X: Floats) -> Points:
    return Points(X, np.zeros((1, len(X))), ())


def test_sources_say_what_was_recorded_and_stay_in_its_range_where_it_was_not():
    meta = shared()
    sources = Sources.fit(meta)
    rows, table = recurring(meta)
    said = sources.at(rows)
    known = np.isfinite(table)
    assert known.mean() == pytest.approx(0.9, abs=0.05)
    np.testing.assert_array_equal(said[known], table[known])
    assert said[~known].min() >= np.nanmin(table)
    assert said[~known].max() <= np.nanmax(table)


def test_sources_of_single_configurations_tell_trials_that_they_have_not_seen():
    meta = history()
    seen = np.random.default_rng(0).random(len(meta)) < 0.7
    said = Sources.fit(meta.of_rows(np.flatnonzero(seen))).at(meta.X[~seen])
    y, task = meta.y[~seen], meta.task[~seen]
    errors = y - said[task, np.arange(len(task))]
    assert np.mean(errors**2) < 0.6 * y.var()


def test_a_hypothesis_meets_trials_as_the_textbook_says(monkeypatch):
    monkeypatch.setattr(hypotheses, "AMPLITUDES", (1.0,))
    monkeypatch.setattr(hypotheses, "UNITS", (1.0,))
    rng = np.random.default_rng(0)
    X, new, y = rng.normal(size=(6, 2)), rng.normal(size=(4, 2)), rng.normal(size=6)
    kernel = Smooth(1.3, 0.7)
    flat = Hypothesis("flat", lambda p: np.full((1, len(p.X)), 0.2), np.zeros(1), kernel, 1.0, noise=0.05)
    trials = Trials(points(X), y, np.ones(6), np.full(6, 0.01))
    mean, std = moments(components(condition([flat], trials), trials, points(new)))
    # Rasmussen & Williams (2006), eq. 2.25 and 2.26, with a constant of variance FREE in the covariance
    K = kernel.between(points(X), points(X)) + hypotheses.FREE + 0.06 * np.eye(6)
    C = kernel.between(points(X), points(new)) + hypotheses.FREE
    expected = 0.2 + C.T @ np.linalg.solve(K, y - 0.2)
    left = kernel.variance(points(new)) + hypotheses.FREE + 0.05 - np.einsum("kn,kn->n", C, np.linalg.solve(K, C))
    np.testing.assert_allclose(mean, expected, atol=1e-9)
    np.testing.assert_allclose(std, np.sqrt(left), atol=1e-7)


def test_hypotheses_are_weighed_by_what_they_expected():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(5, 2))
    right, wrong = (
        Hypothesis(name, lambda p, sign=sign: sign * p.X[:, :1].T, np.zeros(1), Smooth(1.0, 0.2), 0.5)
        for name, sign in (("right", 1.0), ("wrong", -1.0))
    )
    trials = Trials(points(X), X[:, 0], np.ones(5), np.full(5, 1e-3))
    found = shares(condition([right, wrong], trials))
    assert found["right"] > 0.99
    assert sum(found.values()) == pytest.approx(1)


def test_the_opening_is_the_greedy_portfolio():
    rng = np.random.default_rng(2)
    targets = rng.uniform(-1, 2, size=(6, 30))
    opening = Opening(targets.min(axis=1), STANDARD.unbend(targets).max(axis=1))
    R = opening.regrets(targets)
    chosen: list[int] = []
    for _ in range(4):
        worth = opening.worth(targets[:, chosen], targets, np.full(6, 1 / 6))
        # by hand: the one that leaves the lowest mean of the best regrets
        left = [np.minimum(R[:, [*chosen, i]].min(axis=1), 1.0).mean() for i in range(30)]
        assert left[int(np.argmax(worth))] == pytest.approx(min(left))
        chosen.append(int(np.argmax(worth)))
    assert len(set(chosen)) == 4


STANDARD = Standard(0.0, 1.0)


def regret_at(meta: MetaDataset, other: MetaDataset, trials: int) -> float:
    """Mean regret on the tasks of `other` after so many trials, chosen as the mixture that was taught `meta` says."""
    learner = Mixture().fit(meta)
    found = []
    for t in range(len(other.tasks)):
        rows = np.flatnonzero((other.task == t) & np.isfinite(other.loss))
        X, loss = other.X[rows], other.loss[rows]
        seen: list[int] = []
        for _ in range(trials):
            surrogate = learner.adapt(Context(other.features[t], X[seen], loss[seen]))
            assert isinstance(surrogate, MixtureSurrogate)
            worth = surrogate.improvement(X)
            worth[seen] = -np.inf
            seen.append(int(np.argmax(worth)))
        found.append((loss[seen].min() - loss.min()) / np.ptp(loss))
    return float(np.mean(found))


@pytest.mark.slow
def test_a_history_upside_down_is_seen_through():
    meta, other = shared(), shared()
    upside_down = with_losses(meta, -meta.loss)
    rng = np.random.default_rng(0)
    losses = [other.loss[(other.task == t) & np.isfinite(other.loss)] for t in range(len(other.tasks))]
    chance = np.mean([(rng.permutation(y)[:12].min() - y.min()) / np.ptp(y) for y in losses for _ in range(100)])
    assert regret_at(upside_down, other, 12) < 1.2 * chance


@pytest.mark.slow
def test_it_names_the_tasks_that_the_target_is_like():
    meta = shared()
    learner = Mixture().fit(meta.of_tasks(range(1, len(meta.tasks))))
    adapted = learner.adapt(Context.empty(meta.features[0], meta.X.shape[1]))
    assert isinstance(adapted, MixtureSurrogate)
    assert set(adapted.likeness()) == set(meta.tasks[1:])
    assert sum(adapted.likeness().values()) == pytest.approx(adapted.hypotheses()["tasks"])


@pytest.mark.slow
@pytest.mark.long
def test_raw_losses_of_tasks_in_one_unit_lie_in_the_intervals_as_often_as_rehearsals_promised():
    inside: dict[int, list[float]] = {percent: [] for percent in NORMAL}
    for seed in (0, 1):
        meta, rng = history(seed), np.random.default_rng(6)
        learner = Mixture().fit(with_losses(meta, np.where(meta.failed, np.nan, meta.y)))
        for task in (example(rng, 60) for _ in range(30)):
            surrogate = learner.adapt(Context.empty(task.features, task.X.shape[1]))
            assert widths(surrogate) != NORMAL
            mean, std = surrogate.to_units(surrogate.predict(task.X))
            apart = np.abs(standardise(task.loss)[0] - mean) / std
            for percent, half in widths(surrogate).items():
                inside[percent].append(float((apart <= half).mean()))
    for percent, held in inside.items():
        assert abs(100 * np.mean(held) - percent) < 10, f"{percent} % intervals hold {100 * np.mean(held):.0f} %"
