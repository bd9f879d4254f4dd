"""Spaces of architectures, what is cut out of a super-network, and how it enters a history."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from forerun.checks.supernets import easy_images
from forerun.errors import DataError
from forerun.metadata import featurize
from forerun.search import Problem
from forerun.supernets import FAMILIES, Given, Recipe, Sandwich, SuperNet, recorded, shortlist, stand_alone, with_shared
from forerun.supernets.base import tensor
from forerun.supernets.training import Rows, cut, refitted_head
from forerun.tasks import builtin_task
from forerun.trials import History, Status

pytestmark = pytest.mark.slow  # models are trained

TINY = Sandwich(epochs=1, paths=1)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def shared() -> SuperNet:
    return SuperNet.fit(FAMILIES["dense"], easy_images(), sandwich=TINY)


def test_dense_networks_are_over_ten_to_the_forty_architectures():
    # the first layer has no skip connection: 8 widths, 5 activations, 3 normalisations; all others 3 skips more
    by_hand = sum(120 * 360 ** (depth - 1) for depth in range(1, 17))
    assert FAMILIES["dense"].space("binary").grid(16).size == by_hand > 10**40


def test_cells_are_counted_exactly():
    by_hand = 3 * 4 * sum(5 ** (6 * cells) for cells in (1, 2, 3))
    assert FAMILIES["cells"].space("multiclass").grid().size == by_hand


@pytest.mark.parametrize("name", FAMILIES)
def test_the_smallest_and_the_largest_are_architectures_of_the_space(name: str):
    family = FAMILIES[name]
    space = family.space("multiclass")
    for drawn in space.sample(np.random.default_rng(0), 20):
        space.check({"learner": name, **family.smallest(drawn)})
    for largest in family.covering():
        space.check({"learner": name, **largest})


@pytest.mark.parametrize("name", FAMILIES)
def test_the_largest_ones_have_every_parameter_of_every_architecture(name: str):
    family = FAMILIES[name]
    covering = [family.architecture(largest, 7, 4).shapes for largest in family.covering()]
    largest = {parameter: shape for shapes in covering for parameter, shape in shapes.items()}
    for drawn in family.space("multiclass").sample(np.random.default_rng(0), 20):
        for parameter, shape in family.architecture(drawn, 7, 4).shapes.items():
            assert len(shape) == len(largest[parameter])
            assert all(np.array(shape) <= largest[parameter])


def test_what_is_cut_out_is_the_leading_corner():
    whole = torch.arange(12.0).view(3, 4)
    np.testing.assert_array_equal(cut({"weight": whole}, {"weight": (2, 3)})["weight"], whole[:2, :3])


def test_the_head_of_a_regression_is_the_least_squares_fit():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 3))
    y = features @ [1.0, -2.0, 0.5] + 0.7
    rows = Rows(tensor(features), tensor(y), tensor(features), tensor(y), None)
    head = refitted_head(tensor(features), rows)
    # the penalty of a thousandth shrinks by about as much
    np.testing.assert_allclose(head["weight_head"], [[1.0, -2.0, 0.5]], rtol=0.01)
    np.testing.assert_allclose(head["bias_head"], [0.7], rtol=0.01)


def test_the_head_of_a_classification_counts_every_class_the_same():
    y = torch.tensor([0] * 90 + [1] * 10)
    nothing = torch.zeros(100, 1)
    weights = torch.tensor([100 / 180, 100 / 20])
    bias = refitted_head(nothing, Rows(nothing, y, nothing, y, weights))["bias_head"]
    np.testing.assert_allclose(bias[0], bias[1], rtol=1e-5)


def test_images_want_pixels():
    with pytest.raises(DataError, match=r"named by row and column.*Use the family 'dense'"):
        FAMILIES["cells"].prepare(builtin_task("iris"))


def test_an_architecture_that_diverges_is_a_failed_trial():
    family = type(FAMILIES["dense"])(Recipe(epochs=2, learning_rate=1e12))
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
