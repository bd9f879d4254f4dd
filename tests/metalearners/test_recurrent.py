"""The recurrent meta-learner reads trials in order, and carries what it has read."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from forerun.checks.world import Example, example, history
from forerun.metalearners import METALEARNERS, Context
from forerun.metalearners.episodes import Trials
from forerun.metalearners.levels import Voice
from forerun.metalearners.recurrent import Recurrent, gru, messages, stacked, states

pytestmark = pytest.mark.slow  # models are trained, or many stores made

SEEN = 8


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def learner() -> Recurrent:
    return Recurrent(batches=900).fit(history(tasks=16, trials=40))


@pytest.fixture(scope="module")
def tasks() -> list[Example]:
    rng = np.random.default_rng(99)
    return [example(rng, 60) for _ in range(12)]


def context(task: Example, trials: int = SEEN) -> Context:
    return Context(task.features, task.X[:trials], task.loss[:trials])


def read(learner: Recurrent, task: Example) -> tuple[dict[str, torch.Tensor], torch.Tensor, Trials]:
    """The recurrent network, what it reads of the trials of a task (1, M, k, .), and the trials."""
    trials = learner.levels_.tell(Voice(learner.body_), context(task)).trials.of(1)
    first = {name: torch.tensor(array) for name, array in stacked(learner.body_.ensemble).items()}
    return {name: torch.tensor(array) for name, array in learner.own_.items()}, messages(first, trials), trials


def test_the_order_of_trials_matters_and_is_declared_to(learner: Recurrent, tasks: list[Example]) -> None:
    assert Recurrent.ordered
    assert not METALEARNERS["linear"].ordered
    one = context(tasks[0])
    turned = Context(one.features, one.X[::-1], one.y[::-1])
    means = [learner.adapt(given).predict(tasks[0].X).mean for given in (one, turned)]
    assert 0.001 < np.abs(means[0] - means[1]).max() < 1


def test_a_step_is_that_of_a_gated_recurrent_unit(learner: Recurrent, tasks: list[Example]) -> None:
    own, message, trials = read(learner, tasks[0])
    found = states(own, message, trials.seen)[0]
    for m in range(learner.settings.members):
        cell = torch.nn.GRUCell(message.shape[-1], learner.memory, dtype=torch.float64)
        cell.load_state_dict(
            {
                "weight_ih": own["into"][m].T,
                "weight_hh": own["again"][m].T,
                "bias_ih": own["bias"][m, 0],
                "bias_hh": torch.zeros(3 * learner.memory, dtype=torch.float64),
            }
        )
        state = torch.zeros(1, learner.memory, dtype=torch.float64)
        for i in range(SEEN):
            state = cell(message[0, m, i : i + 1], state).detach()
            torch.testing.assert_close(found[m, i + 1], state[0])


def test_the_state_is_carried_from_the_first_trial_to_the_last(learner: Recurrent, tasks: list[Example]) -> None:
    own, message, trials = read(learner, tasks[0])
    whole = states(own, message, trials.seen)
    other = message.clone()
    other[:, :, 0] = 0
    moved = states(own, other, trials.seen)
    torch.testing.assert_close(moved[:, :, 0], whole[:, :, 0])
    assert (moved[:, :, -1] - whole[:, :, -1]).abs().max() > 1e-3
    # the rest, read from where the first half left off, ends where the whole does
    state = whole[:, :, 4:5]
    for i in range(4, SEEN):
        state = gru((message @ own["into"] + own["bias"])[:, :, i : i + 1], state, own["again"])
    torch.testing.assert_close(state, whole[:, :, -1:])


def test_a_trial_that_is_left_out_changes_no_state(learner: Recurrent, tasks: list[Example]) -> None:
    own, message, trials = read(learner, tasks[0])
    seen = trials.seen.clone()
    seen[:, 3] = 0
    found = states(own, message, seen)
    torch.testing.assert_close(found[:, :, 4], found[:, :, 3])
    rest = [i for i in range(SEEN) if i != 3]
    torch.testing.assert_close(found[:, :, -1], states(own, message[:, :, rest], seen[:, rest])[:, :, -1])


def test_failed_trials_are_read_as_failed(learner: Recurrent, tasks: list[Example]) -> None:
    losses = tasks[0].loss[:SEEN].copy()
    losses[2] = np.nan
    given = replace(context(tasks[0]), y=losses)
    trials = learner.levels_.tell(Voice(learner.body_), given).trials.of(1)
    first = {name: torch.tensor(array) for name, array in stacked(learner.body_.ensemble).items()}
    message = messages(first, trials)
    np.testing.assert_array_equal(message[0, 0, :, -1], np.isnan(losses))
    assert (message[0, :, 2, -2] > 0).all()  # worse than expected


def test_the_networks_alone_rank_better_with_trials_read_and_not_when_the_state_is_lost(
    learner: Recurrent, tasks: list[Example]
) -> None:
    none, ten = ranks(learner, tasks, 0), ranks(learner, tasks, 10)
    assert ten > none + 0.03
    forgetful = Forgetful()
    forgetful.body_, forgetful.levels_, forgetful.own_ = learner.body_, learner.levels_, learner.own_
    assert ranks(forgetful, tasks, 10) < ten - 0.01


class Forgetful(Recurrent):
    """Reads the last trial only."""

    def read(self, ensemble, own, contexts):  # type: ignore[no-untyped-def]
        k = contexts.seen.shape[1]
        return super().read(ensemble, own, contexts._replace(seen=contexts.seen * (torch.arange(k) == k - 1)))


def ranks(learner: Recurrent, tasks: list[Example], trials: int) -> float:
    """Rank correlation of what the networks alone say after so many trials, without the head."""
    found = []
    for task in tasks:
        surrogate = learner.adapt(context(task, trials))
        net = surrogate.body.ensemble
        said = net.outputs(net.hidden(task.X[10:], surrogate.coordinates)).mean(axis=1)
        found.append(spearmanr(said, task.z[10:]).statistic)
    return float(np.mean(found))
