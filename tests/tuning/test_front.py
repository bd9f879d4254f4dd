"""What a lower loss costs in time."""

from dataclasses import replace

import numpy as np
import pytest

from forerun.errors import SettingsError
from forerun.space import Condition
from forerun.tuning import Suggestion, Tuner, thinned, trade_off
from forerun.tuning.front import LIMITS
from tests.tuning.fakes import FakeForecaster, knowing, trial, true_loss
from tests.tuning.test_tuner import ROW, SPACE, StructuredForecaster

TIMED = {**vars(knowing()), "seconds_per_unit": -2.0}  # log10 seconds = -2 u of z


def tuner(forecaster: FakeForecaster | None = None, **more: object) -> Tuner:
    return Tuner(forecaster or StructuredForecaster(**TIMED), ROW, SPACE, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("trials", [0, 3])
def test_no_configuration_is_both_better_and_faster_than_one_of_the_front(trials: int) -> None:
    done = [trial(c, true_loss(c)) for c in SPACE.sample(np.random.default_rng(0), trials)]
    chooser = tuner()
    found = trade_off(chooser, done)
    assert found.proven
    assert found.size == chooser.grid.size
    seconds, losses = np.array([(s.seconds, s.loss) for s in found.suggestions]).T
    assert (np.diff(seconds) > 0).all()
    assert (np.diff(losses) < 0).all()
    everything = chooser.grid.configurations(chooser.grid.levels_at(np.arange(chooser.grid.size)))
    for other in chooser.describe(chooser.adapt(done), everything):
        assert ((seconds <= other.seconds + 1e-6) & (losses <= other.loss + 1e-6)).any()


def test_a_front_keeps_to_what_is_allowed() -> None:
    found = trade_off(tuner(forbidden=[Condition.of({"learner": "net"})]), [], limit_s=1.0)
    assert found.suggestions
    assert all(s.configuration["learner"] == "tree" for s in found.suggestions)
    assert max(s.seconds for s in found.suggestions) <= 1 + 1e-9


def test_a_front_needs_times() -> None:
    with pytest.raises(SettingsError, match="knows none"):
        trade_off(tuner(StructuredForecaster(**vars(knowing()))), [])


def test_predictions_that_cannot_be_taken_apart_give_a_front_that_is_climbed_and_not_called_proven() -> None:
    opaque, whole = trade_off(tuner(FakeForecaster(**TIMED)), []), trade_off(tuner(), [])
    assert not opaque.proven
    assert opaque.size == whole.size
    seconds, losses = np.array([(s.seconds, s.loss) for s in opaque.suggestions]).T
    assert 3 <= len(seconds) <= LIMITS + 2
    assert (np.diff(seconds) > 0).all()
    assert (np.diff(losses) < 0).all()
    # linear predictions are climbed to their ends, and what lies between is on the true front
    proven = np.array([(s.seconds, s.loss) for s in whole.suggestions])
    assert (seconds[0], losses[-1]) == pytest.approx((proven[0, 0], proven[-1, 1]), rel=1e-6)
    for s, loss in zip(seconds, losses, strict=True):
        assert loss <= proven[proven[:, 0] <= s * (1 + 1e-9), 1].min() + 1e-6


def test_a_climbed_front_keeps_to_what_is_allowed_and_to_its_time() -> None:
    chooser = tuner(FakeForecaster(**TIMED), forbidden=[Condition.of({"learner": "net"})])
    found = trade_off(chooser, [], limit_s=1.0)
    assert found.suggestions
    assert all(s.configuration["learner"] == "tree" for s in found.suggestions)
    assert max(s.seconds for s in found.suggestions) <= 1 + 1e-9
    # without time for more, the best and the fastest
    assert 1 <= len(trade_off(chooser, [], limit_s=1.0, seconds=0.0).suggestions) <= 2
    assert trade_off(chooser, [], limit_s=1e-9).suggestions == []


def test_a_thinned_front_keeps_its_ends_and_is_even_in_the_logarithm_of_time() -> None:
    some = Suggestion({}, 0.5, 0.1, 1.0, np.nan)
    whole = [replace(some, seconds=float(s), loss=-float(s)) for s in np.geomspace(0.01, 100, 401)]
    assert [s.seconds for s in thinned(whole, 5)] == pytest.approx([0.01, 0.1, 1, 10, 100])
    assert thinned(whole[:3], 8) == whole[:3]
    assert thinned(whole[:1], 8) == whole[:1]
    assert thinned(whole, 1) == whole[-1:]
    assert thinned([], 8) == []
    # of each time the best that is no slower
    gap = [whole[0], whole[1], whole[-1]]
    assert thinned(gap, 8) == gap
