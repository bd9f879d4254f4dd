"""What a prediction rests on, told by surrogates that weigh hypotheses."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from forerun.metalearners import Context
from forerun.metalearners.forecaster import Forecast
from forerun.search import Found
from forerun.tuning import Grounds, Tuner, trace
from forerun.tuning.grounds import ALIKE, grounds
from tests.tuning.fakes import SPACE, FakeForecaster, FakeSurrogate, knowing, trial, true_loss

ROW = np.zeros(3)


@dataclass(frozen=True)
class Weighing(FakeSurrogate):
    """Trusts the task's own trials more with each of them, and says what a training may gain."""

    trials: int = 0

    def hypotheses(self) -> dict[str, float]:
        return {"tasks": 1 / (1 + self.trials), "scratch": self.trials / (1 + self.trials)}

    def improvement(self, X: np.ndarray) -> np.ndarray:
        return np.asarray(-self.predict(X).mean)


@dataclass(frozen=True)
class Likening(Weighing):
    """Knows tasks of the history by name."""

    def likeness(self) -> dict[str, float]:
        return {"far": 0.01, "near": 0.3, "middling": 0.2, "nearly": 0.25}


@dataclass
class WeighingForecaster(FakeForecaster):
    """Adapts to surrogates that weigh."""

    def adapt(self, loss: Context, seconds: Context | None = None) -> Forecast:
        forecast = super().adapt(loss, seconds)
        return replace(forecast, loss=Weighing(**vars(forecast.loss), trials=len(loss.y)))


def tuner(**more: object) -> Tuner:
    return Tuner(WeighingForecaster(**vars(knowing())), ROW, SPACE, **more)  # type: ignore[arg-type]


def test_a_surrogate_that_weighs_nothing_rests_on_nothing_that_could_be_told() -> None:
    assert grounds(FakeSurrogate(np.zeros(1), np.zeros((1, 1)))) is None
    assert trace(Tuner(knowing(), ROW, SPACE), [trial({"learner": "tree", "tree.x": 0.3, "z": 0.6}, 0.2)]) == []


def test_shares_are_told_before_any_trial_and_after_each_one() -> None:
    done = [trial(c, true_loss(c)) for c in SPACE.sample(np.random.default_rng(0), 2)]
    assert [step.shares["tasks"] for step in trace(tuner(), [])] == [1]
    found = trace(tuner(), done)
    assert [step.shares["tasks"] for step in found] == pytest.approx([1, 1 / 2, 1 / 3])
    assert all(step.alike == {} for step in found)


def test_of_the_tasks_that_are_named_the_likeliest_come_first() -> None:
    found = grounds(Likening(np.zeros(1), np.zeros((1, 1)), trials=1))
    assert found == Grounds({"tasks": 0.5, "scratch": 0.5}, {"near": 0.3, "nearly": 0.25, "middling": 0.2})
    assert list(found.alike) == ["near", "nearly", "middling"][:ALIKE]


def searched(name: str, trials: int) -> tuple[str, Found]:
    done = [trial(c, true_loss(c)) for c in SPACE.sample(np.random.default_rng(0), trials)]
    suggested = tuner(acquisition=name).suggest(done, 1)
    return suggested.by, suggested.found


@pytest.mark.parametrize("trials", [0, 2])
def test_a_search_by_what_a_surrogate_tells_of_improvement_is_called_so(trials: int) -> None:
    by, found = searched("ei", trials)
    assert by == "improvement"
    assert found.candidates


@pytest.mark.parametrize("name", ["mean", "lcb", "thompson"])
def test_a_search_by_another_acquisition_is_called_by_its_name(name: str) -> None:
    assert searched(name, 0)[0] == name


def test_before_any_trial_expected_improvement_of_others_is_the_mean() -> None:
    assert Tuner(knowing(), ROW, SPACE).suggest([], 1).by == "mean"
