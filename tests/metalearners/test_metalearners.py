"""What makes each meta-learner special; what all of them promise is in tests/test_promises.py."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from forerun.checks.world import FEATURES, SPACE, Example, example, history
from forerun.errors import HistoryError
from forerun.metadata import MetaDataset
from forerun.metalearners import METALEARNERS, Context, Linear, Network, Relative, Surrogate
from forerun.metalearners.body import bags
from forerun.metalearners.head import canonical
from forerun.metalearners.network import Squares, member_weights
from forerun.metalearners.relative import Pairs
from forerun.metalearners.shallow import Settings, train
from forerun.space import Additive

pytestmark = pytest.mark.slow  # models are trained

COLUMNS = len(SPACE.columns)
every = pytest.mark.parametrize("name", METALEARNERS)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def meta() -> MetaDataset:
    return history()


@pytest.fixture(scope="module")
def task() -> Example:
    return example(np.random.default_rng(99), 60)


@pytest.mark.parametrize("name", ["linear", "network", "relative", "last_layer"])
def test_adapted_it_is_a_small_network_over_a_sum_of_tables(name: str, meta: MetaDataset, task: Example) -> None:
    surrogate = METALEARNERS[name]().fit(meta).adapt(Context(task.features, task.X[:5], task.loss[:5]))
    assert isinstance(surrogate, Surrogate)
    assert isinstance(surrogate, Additive)
    values = task.X
    *hidden, last = surrogate.layers()
    for weights, offset in hidden:
        values = np.maximum(values @ weights + offset, 0)
    values = values @ last[0] + last[1]
    np.testing.assert_allclose(values[:, 0], surrogate.predict(task.X).mean, atol=1e-9)
    assert len(hidden) == (0 if name == "linear" else 1)


def test_the_linear_one_ranks_differently_on_different_tasks(meta: MetaDataset, task: Example) -> None:
    learner = Linear().fit(meta)
    svm = task.X[:, 0] == 1
    gaps = []
    for trait in (-2.0, 2.0):
        features = np.zeros(FEATURES)
        features[0] = trait
        mean = learner.adapt(Context.empty(features, COLUMNS)).predict(task.X).mean
        gaps.append(mean[svm].mean() - mean[~svm].mean())
    # the first trait says which of the two learners is better
    assert gaps[0] < -0.5 < 0.5 < gaps[1]


def test_doubt_shrinks_with_trials_and_grows_far_from_the_known_tasks(meta: MetaDataset, task: Example) -> None:
    learner = Linear().fit(meta)
    stds = [learner.adapt(Context(task.features, task.X[:k], task.loss[:k])).predict(task.X).std for k in (0, 5, 40)]
    assert stds[0].mean() > stds[1].mean() > stds[2].mean()
    strange = learner.adapt(Context.empty(np.full(FEATURES, 50.0), COLUMNS)).predict(task.X).std
    assert strange.mean() > stds[0].mean()


def test_raw_units_follow_the_losses_of_the_task(meta: MetaDataset, task: Example) -> None:
    surrogate = Linear().fit(meta).adapt(Context(task.features, task.X[:20], task.loss[:20]))
    units = surrogate.to_units(surrogate.predict(task.X))
    assert np.corrcoef(units.mean[20:], task.loss[20:])[0, 1] > 0.8
    assert abs(np.median(units.mean[20:]) - np.median(task.loss[20:])) < np.std(task.loss)


@pytest.mark.parametrize("objective", [Squares, Pairs])
def test_no_member_learns_from_its_bag(objective: type, meta: MetaDataset) -> None:
    settings, known = Settings(epochs=2), canonical(meta)
    # whole tasks turn around, so that their variance, which weighs them, stays
    changed = replace(known, y=np.where(bags(known, settings) == 2, -known.y, known.y))
    C = known.features[known.task]
    one, two = (train(known, C, objective(m, settings), settings) for m in (known, changed))
    moved = np.abs(one.v - two.v).max(axis=1)
    assert moved[2] == 0
    assert (np.delete(moved, 2) > 0).all()


@pytest.mark.parametrize("members", [1, 2, 5])
def test_some_member_learns_from_every_trial(members: int, meta: MetaDataset) -> None:
    assert (member_weights(meta, Settings(members=members)) > 0).any(dim=1).all()


def test_comparisons_are_antisymmetric(meta: MetaDataset, task: Example) -> None:
    learner = Relative().fit(meta)
    a, b = task.X[:30], task.X[30:]
    one, two = learner.compare(a, b, task.features), learner.compare(b, a, task.features)
    np.testing.assert_allclose(one.difference, -two.difference, atol=1e-12)
    np.testing.assert_allclose(one.probability, 1 - two.probability, atol=1e-12)


def test_a_configuration_against_itself_is_a_toss(meta: MetaDataset, task: Example) -> None:
    found = Relative().fit(meta).compare(task.X, task.X, task.features)
    np.testing.assert_allclose(found.probability, 0.5, atol=1e-9)


def test_comparisons_say_which_is_better_and_how_surely(meta: MetaDataset) -> None:
    learner, rng = Relative().fit(meta), np.random.default_rng(3)
    right, said, signs = [], [], []
    for _ in range(12):
        task = example(rng, 100)
        surrogate = learner.adapt(Context(task.features, task.X[:4], task.loss[:4]))
        found = surrogate.compare(task.X[4:52], task.X[52:])
        better = task.loss[4:52] < task.loss[52:]
        right.append((found.probability > 0.5) == better)
        said.append(np.maximum(found.probability, 1 - found.probability))
        signs.append(np.sign(found.difference) == np.where(found.probability > 0.5, -1, 1))
    accuracy = np.mean(right)
    assert accuracy > 0.8  # 576 pairs; chance is 0.5 +- 0.02
    assert np.mean(said) == pytest.approx(accuracy, abs=0.08)
    assert np.mean(signs) > 0.95


def test_too_little_history_is_an_error_that_says_so(meta: MetaDataset) -> None:
    with pytest.raises(HistoryError, match="at least 2 trials"):
        Linear().fit(meta.of_rows(np.array([0])))


def test_a_context_checks_its_shapes() -> None:
    with pytest.raises(HistoryError, match=r"\(m,\), \(k, d\) and \(k,\)"):
        Context(np.zeros(3), np.zeros((2, 4)), np.zeros(3))


def test_fitting_takes_one_thread_and_gives_the_others_back(meta: MetaDataset) -> None:
    seen: list[int] = []

    class Watching(Network):
        def _train(self, meta: MetaDataset) -> Any:
            seen.append(torch.get_num_threads())
            return super()._train(meta)

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        Watching().fit(meta)
        assert seen == [1]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
