"""The penalty that keeps networks certifiable: what it measures, and that it does."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from forerun.checks.world import SPACE, history
from forerun.metadata import MetaDataset
from forerun.metalearners import METALEARNERS, Context
from forerun.metalearners.body import Body
from forerun.metalearners.components import Components
from forerun.metalearners.gap import RESOLUTION, Boxes, needed
from forerun.metalearners.network import Network
from forerun.metalearners.shallow import Settings
from forerun.space import Categorical, Floats, Integer, SearchSpace

pytestmark = pytest.mark.slow  # it trains networks

FREE = SearchSpace("free", {"kind": Categorical(("a", "b", "c")), "size": Integer(1, 6), "depth": Integer(1, 3)})
"""Without conditions, every box is reached."""


@pytest.fixture(scope="module")
def meta() -> MetaDataset:
    return history()


def inputs(columns: int, size: int, rng: np.random.Generator) -> Components:
    return Components(rng.normal(size=columns), rng.normal(size=(columns, size)))


def loose(z: Floats, last: Floats) -> float:
    """The penalty of hidden sums z (n, H) of all configurations."""
    low, high = z.min(axis=0), z.max(axis=0)
    split = (low < 0) & (high > 0)
    return float((np.abs(last) * high * -low / (high - low))[split].sum())


def test_it_is_the_height_of_the_chords_over_all_configurations() -> None:
    rng = np.random.default_rng(0)
    grid = FREE.grid(RESOLUTION)
    X = grid.encode(grid.levels_at(np.arange(grid.size)))
    seen = inputs(X.shape[1], 5, rng)
    first, offset, last = rng.normal(size=(5, 12)), 3 * rng.normal(size=12), rng.normal(size=12)
    found = Boxes.of(FREE, X[:1], seen).gap(*(torch.from_numpy(a).float() for a in (first, offset, last)))
    assert float(found) == pytest.approx(loose(seen.of(X) @ first + offset, last), rel=1e-4)


def test_axes_count_only_where_they_are_active_together() -> None:
    """An svm's axes do not widen the boxes of an mlp; which of them are tried how often decides."""
    rng = np.random.default_rng(1)
    grid = SPACE.grid(RESOLUTION)
    X = grid.encode(grid.levels_at(np.arange(grid.size)))
    svm = X[:, 0] == 1
    seen = inputs(X.shape[1], 5, rng)
    first, offset, last = rng.normal(size=(5, 12)), rng.normal(size=12), rng.normal(size=12)
    # what the learner's own axis adds is the same for both, so that its box is a point
    learner = SPACE.groups["learner"]
    seen.axes[learner] = seen.axes[learner][:1]
    layers = [torch.from_numpy(a).float() for a in (first, offset, last)]
    z = seen.of(X) @ first + offset
    parts = [loose(z[rows], last) for rows in (svm, ~svm)]
    mixed = np.vstack([X[svm][:30], X[~svm][:10]])
    found = float(Boxes.of(SPACE, mixed, seen).gap(*layers))
    assert found == pytest.approx(0.75 * parts[0] + 0.25 * parts[1], rel=1e-4)


@pytest.fixture(scope="module")
def wide(meta: MetaDataset) -> MetaDataset:
    """The world with six more domains, which change nothing; too large to enumerate."""
    more = {f"idle_{i}": Integer(1, 8) for i in range(6)}
    space = SearchSpace("wide", {**SPACE.domains, **more}, SPACE.conditions)
    rng = np.random.default_rng(3)
    idle = SearchSpace("idle", more)
    # domains are encoded in their order, so that the new columns come last
    return replace(meta, space=space, X=np.hstack([meta.X, idle.encode(idle.sample(rng, len(meta)))]))


@pytest.mark.parametrize("name", ["network", "relative"])
@pytest.mark.parametrize("clock", [False, True])
def test_training_closes_the_gap(name: str, clock: bool, wide: MetaDataset) -> None:
    known = wide.for_seconds() if clock else wide
    free, held = (fitted(name, known, weight) for weight in (0.0, Settings.gap))
    assert penalty(held.body_, known) < 0.5 * penalty(free.body_, known)


def test_a_space_that_can_be_enumerated_is_left_alone(meta: MetaDataset, wide: MetaDataset) -> None:
    assert needed(wide.space)
    assert not needed(SPACE)
    free, held = (fitted("network", meta, weight) for weight in (0.0, Settings.gap))
    np.testing.assert_array_equal(free.body_.ensemble.v, held.body_.ensemble.v)


def fitted(name: str, meta: MetaDataset, weight: float) -> Network:
    learner = METALEARNERS[name](Settings(gap=weight)).fit(meta)  # type: ignore[call-arg]
    assert isinstance(learner, Network)
    return learner


def penalty(body: Body, meta: MetaDataset) -> float:
    net = body.ensemble
    found = Boxes.of(meta.space, meta.X, net.inputs).gap(
        *(torch.from_numpy(a).float() for a in (net.A, net.a, net.v.ravel()))
    )
    return float(found)


def test_a_space_of_one_domain_is_enough(meta: MetaDataset) -> None:
    space = SearchSpace("one", {"size": Integer(1, 6)})
    rng = np.random.default_rng(2)
    X = space.encode(space.sample(rng, len(meta)))
    learner = Network().fit(replace(meta, space=space, X=X))
    mean = learner.adapt(Context.empty(meta.features[0], X.shape[1])).predict(X).mean
    assert np.isfinite(mean).all()
