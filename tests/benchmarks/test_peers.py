"""The peers of the benchmark of quality choose as a method must, and each as well as what it is named after."""

from functools import cache

import numpy as np
import pytest

from forerun.checks import world
from forerun.space import Categorical, Ordinal, Real, SearchSpace, Subset
from judging.base import Candidates, Method, Seen
from judging.peers import NEEDS, PEERS, available
from judging.peers_inputs import Inputs, known
from judging.peers_map import Process
from judging.simple import Random

TRANSFERS = ("rgpe", "quantile", "fsbo")
HEAVY = ("gp", "smac", "rgpe", "quantile", "fsbo")
"""Seconds to import or to fit."""


def peers(names: tuple[str, ...] = tuple(PEERS)) -> list[object]:
    """Installed ones; the others show as skipped."""
    return [
        pytest.param(
            name,
            marks=[
                *([pytest.mark.slow] if name in HEAVY else []),
                *([pytest.mark.long] if name == "fsbo" else []),  # learns a deep kernel first
                pytest.mark.skipif(not available(name), reason=f"needs {', '.join(NEEDS[name])}: the group bench"),
            ],
        )
        for name in names
    ]


@cache
def fitted(name: str) -> Method:
    return PEERS[name]().fit(world.history(), np.random.default_rng(0))


def target(seed: int, candidates: int = 80) -> tuple[Candidates, world.Example]:
    task = world.example(np.random.default_rng([7, seed]), candidates)
    return Candidates(task.features, task.X, world.SPACE.decode(task.X)), task


def replay(method: Method, seed: int, trials: int, fails: tuple[int, ...] = ()) -> list[int]:
    """The numbers chosen, where trials at these steps fail."""
    candidates, task = target(seed)
    rng = np.random.default_rng(seed)
    rows: list[int] = []
    for _ in range(trials):
        losses = np.array([np.nan if step in fails else task.loss[row] for step, row in enumerate(rows)])
        rows.append(method.choose(candidates, Seen(tuple(rows), losses), rng))
    return rows


def regret(method: Method, trials: int, tasks: int = 20) -> float:
    """Mean normalised regret of the best trial, by the truth."""
    found = []
    for seed in range(tasks):
        z = target(seed)[1].z
        found.append((z[replay(method, seed, trials)].min() - z.min()) / np.ptp(z))
    return float(np.mean(found))


@pytest.mark.long
@pytest.mark.parametrize("name", peers())
def test_a_peer_tries_nothing_twice_and_survives_failures(name: str):
    rows = replay(fitted(name), 0, 14, fails=(0, 1, 2, 3, 8))
    assert len(set(rows)) == 14
    assert set(rows) <= set(range(80))


@pytest.mark.parametrize("name", peers())
def test_a_peer_tries_the_last_candidate_when_it_is_all_that_is_left(name: str):
    candidates, task = target(1, 12)
    rows = tuple(range(11))
    assert fitted(name).choose(candidates, Seen(rows, task.loss[:11]), np.random.default_rng(0)) == 11


@pytest.mark.parametrize("name", peers())
def test_a_peer_works_where_all_losses_are_equal_and_where_all_failed(name: str):
    candidates, _ = target(2)
    for losses in (np.ones(12), np.full(12, np.nan)):
        row = fitted(name).choose(candidates, Seen(tuple(range(12)), losses), np.random.default_rng(0))
        assert 12 <= row < 80


@pytest.mark.parametrize("name", peers())
def test_a_peer_chooses_the_same_with_the_same_seed(name: str):
    assert replay(fitted(name), 3, 13) == replay(fitted(name), 3, 13)


@pytest.mark.parametrize("name", peers())
def test_the_cache_of_a_peer_changes_nothing(name: str):
    candidates, task = target(4)
    other, _ = target(5)
    seen = Seen(tuple(range(12)), task.loss[:12])
    expected = fitted(name).choose(candidates, seen, np.random.default_rng(0))
    fitted(name).choose(other, seen, np.random.default_rng(0))
    assert fitted(name).choose(candidates, seen, np.random.default_rng(0)) == expected


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("name", peers())
def test_a_peer_beats_random_search_with_fifteen_trials(name: str):
    random = Random().fit(world.history(), np.random.default_rng(0))
    assert regret(fitted(name), 15) < 0.9 * regret(random, 15)


@pytest.mark.slow
@pytest.mark.parametrize("name", peers(TRANSFERS))
def test_a_peer_that_transfers_beats_random_search_from_its_first_trials_on(name: str):
    random = Random().fit(world.history(), np.random.default_rng(0))
    assert regret(fitted(name), 1) < 0.9 * regret(random, 1)
    assert regret(fitted(name), 3) < 0.9 * regret(random, 3)


@pytest.mark.slow
@pytest.mark.skipif(not available("gp"), reason="needs botorch: the group bench")
@pytest.mark.parametrize(("k", "c"), [(4, 3), (25, 8)])
def test_the_fast_fit_of_a_process_finds_what_botorch_finds(k: int, c: int):
    """The objective at most 1e-3 worse than BoTorch's own fit's, the posterior that of BoTorch's model."""
    import torch
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import SingleTaskGP
    from gpytorch.mlls import ExactMarginalLogLikelihood

    from judging.peers_gp import as_botorch

    rng = np.random.default_rng(k)
    X, new = rng.random((k, c)), rng.random((50, c))
    y = np.sin(4 * X[:, 0]) + X[:, 1] ** 2 + 0.1 * rng.normal(size=k)
    y = (y - y.mean()) / y.std(ddof=1)
    process = Process.fit(X, y)
    ours = as_botorch(process, y)
    theirs = SingleTaskGP(torch.from_numpy(X), torch.from_numpy(y)[:, None], outcome_transform=None)
    mll = ExactMarginalLogLikelihood(theirs.likelihood, theirs)
    fit_gpytorch_mll(mll)

    def objective(model: SingleTaskGP) -> float:
        model.train()
        with torch.no_grad():
            value = ExactMarginalLogLikelihood(model.likelihood, model)(model(*model.train_inputs), model.train_targets)
        model.eval()
        return float(value)

    assert objective(ours) > objective(theirs) - 1e-3
    posterior = ours.posterior(torch.from_numpy(new))
    mean, std = process.predict(new)
    np.testing.assert_allclose(mean, posterior.mean.detach().numpy()[:, 0], atol=1e-6)
    np.testing.assert_allclose(std, posterior.variance.detach().sqrt().numpy()[:, 0], atol=1e-6)


def test_what_a_process_expects_of_a_left_out_trial_is_what_it_says_without_it():
    rng = np.random.default_rng(0)
    X, y = rng.random((8, 3)), rng.normal(size=8)
    process = Process.fit(X, y)
    mean, std = process.left_out(y)
    for i in range(8):
        rest = np.arange(8) != i
        without = Process.of(X[rest], y[rest], process.mean, process.scales, process.noise)
        expected = without.predict(X[i : i + 1])
        np.testing.assert_allclose((mean[i], std[i]), np.ravel(expected), atol=1e-8)


def test_a_peer_sees_numbers_from_0_to_1_and_every_way_to_be_inactive_once():
    X = world.history().X
    inputs = Inputs.of(world.SPACE, X)
    Z = inputs(X)
    # learner, four numbers; that svm's and mlp's are inactive says what the learner says
    assert Z.shape[1] == 5
    assert Z.min() == 0
    assert Z.max() == 1


def test_a_failed_trial_counts_as_the_worst_one_seen():
    assert known(Seen((0, 1, 2), np.array([1.0, np.nan, 3.0]))).tolist() == [1.0, 3.0, 3.0]
    assert known(Seen((0, 1), np.array([np.nan, np.nan]))).tolist() == [0.0, 0.0]


@pytest.mark.skipif(not available("tpe"), reason="needs optuna: the group bench")
def test_tpe_is_told_values_of_every_sort_of_domain():
    from judging.peers_tpe import ParzenEstimator

    space = SearchSpace(
        "sorts",
        {
            "rate": Real(1e-3, 1.0, log=True),
            "size": Ordinal((1, 10, 100)),
            "kind": Categorical(("a", "b")),
            "steps": Subset(("scale", "pca")),
        },
    )
    tpe = ParzenEstimator()
    tpe.space_ = space
    told = tpe._parameters({"rate": 0.1, "size": 10, "kind": "strange", "steps": ("pca",)})
    assert told == {"rate": 0.1, "size": 1, "steps scale": False, "steps pca": True}
