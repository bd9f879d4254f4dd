"""Every family of architectures keeps every promise, as an architecture to be trained and as a base learner."""

import pytest
import torch

from forerun.checks.supernets import SUPERNET_PROMISES
from forerun.learners.architectures import ARCHITECTURES

pytestmark = pytest.mark.slow  # it trains super-networks


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.parametrize("promise", SUPERNET_PROMISES)
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_family_of_architectures_keeps_its_promises(name: str, promise: str) -> None:
    SUPERNET_PROMISES[promise](ARCHITECTURES[name])
