"""Every plug-in of every registry keeps every promise; that these catch what is broken: test_broken_promises.py."""

from pathlib import Path

import pytest
import torch

from forerun.checks import LEARNER_PROMISES, METALEARNER_PROMISES, SEARCH_PROMISES, Shared
from forerun.checks.world import history
from forerun.learners import TRAINABLE
from forerun.metalearners import METALEARNERS, load, save
from forerun.search import STRATEGIES

pytestmark = pytest.mark.slow  # it trains every plug-in many times over


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


FIRST = {"linear", "network", "relative", "last_layer", "mixture"}
"""What the pipeline uses, or rests on; the promises of all others take minutes."""


@pytest.fixture(
    scope="module",
    params=[name if name in FIRST else pytest.param(name, marks=pytest.mark.long) for name in METALEARNERS],
)
def make(request: pytest.FixtureRequest) -> Shared:
    """A registered meta-learner, taught the same history but once."""
    return Shared(METALEARNERS[request.param])


@pytest.mark.parametrize("promise", METALEARNER_PROMISES)
def test_every_metalearner_keeps_its_promises(make: Shared, promise: str) -> None:
    METALEARNER_PROMISES[promise](make)


@pytest.mark.parametrize("promise", SEARCH_PROMISES)
@pytest.mark.parametrize("name", STRATEGIES)
def test_every_search_strategy_keeps_its_promises(name: str, promise: str) -> None:
    SEARCH_PROMISES[promise](STRATEGIES[name])


@pytest.mark.parametrize("promise", LEARNER_PROMISES)
@pytest.mark.parametrize("name", TRAINABLE)
def test_every_base_learner_keeps_its_promises(name: str, promise: str) -> None:
    LEARNER_PROMISES[promise](TRAINABLE[name])


def test_all_registered_metalearners_can_be_saved_under_their_name(tmp_path: Path) -> None:
    for name, sort in METALEARNERS.items():
        save(sort().fit(history(tasks=4, trials=20)), tmp_path / name)
        assert type(load(tmp_path / name)) is sort
