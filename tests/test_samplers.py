"""The sampler for Optuna: Optuna's own tests, and what a history is worth in it."""

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.testing.pytest_samplers import BasicSamplerTestCase, RelativeSamplerTestCase, SingleOnlySamplerTestCase

from forerun.errors import HistoryError
from forerun.metalearners import Linear
from forerun.samplers import ForerunSampler, history_of_studies
from forerun.samplers.distributions import domain_of, param_of, space_of, value_of
from forerun.space import Categorical, Integer, Ordinal, Real
from forerun.trials import History, Status
from forerun.tuning.external import knowledge

optuna.logging.set_verbosity(optuna.logging.ERROR)


@pytest.mark.slow
class TestUntaught(BasicSamplerTestCase, RelativeSamplerTestCase, SingleOnlySamplerTestCase):
    """Optuna's own tests, without a history."""

    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        return lambda: ForerunSampler(seed=0)


@pytest.mark.slow
@pytest.mark.long
class TestTaught(RelativeSamplerTestCase, SingleOnlySamplerTestCase):
    """The same with a history; a meta-learner that fits in no time stands for the one that takes seconds."""

    @pytest.fixture
    def sampler(self, monkeypatch: pytest.MonkeyPatch, history: History) -> Callable[[], BaseSampler]:
        monkeypatch.setattr(knowledge, "Mixture", Linear)
        return lambda: ForerunSampler(history, seed=0)


def objective(best: float) -> Callable[[optuna.Trial], float]:
    def loss(trial: optuna.Trial) -> float:
        x, y = trial.suggest_float("x", 0, 10), trial.suggest_float("y", 1e-4, 1, log=True)
        return (x - best) ** 2 + (np.log10(y) + 2) ** 2

    return loss


def studies(n: int = 4) -> list[optuna.Study]:
    """Studies whose best x is near 10."""
    found = []
    for i in range(n):
        study = optuna.create_study(study_name=f"past {i}", sampler=optuna.samplers.RandomSampler(seed=i))
        study.set_user_attr("rows", 100 * i)
        study.optimize(objective(10 - 0.2 * i), n_trials=12)
        found.append(study)
    return found


@pytest.fixture(scope="module")
def history() -> History:
    return history_of_studies(studies())


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The linear meta-learner fits in no time."""
    monkeypatch.setattr(knowledge, "Mixture", Linear)


def test_the_first_trial_already_rests_on_the_history(quick: None, history: History) -> None:
    study = optuna.create_study(sampler=ForerunSampler(history, seed=0))
    study.optimize(objective(10), n_trials=1)
    assert study.trials[0].params["x"] > 9  # at random in one of ten cases
    assert 1e-3 < study.trials[0].params["y"] < 1e-1


def test_a_history_that_shares_no_parameter_is_refused(quick: None, history: History) -> None:
    study = optuna.create_study(sampler=ForerunSampler(history, seed=0))
    study.add_trial(optuna.create_trial(params={"z": 0.5}, distributions={"z": FloatDistribution(0, 1)}, value=1.0))
    with pytest.raises(HistoryError, match=r"must know at least one domain of the space \(z\); it knows x, y"):
        study.ask({"z": FloatDistribution(0, 1)})


@pytest.mark.slow
def test_a_parameter_that_the_history_never_had_is_tuned_too(quick: None, history: History) -> None:
    study = optuna.create_study(sampler=ForerunSampler(history, seed=0))
    study.optimize(lambda t: objective(10)(t) + 10 * (t.suggest_float("new", 0, 1) - 0.3) ** 2, n_trials=12)
    assert abs(study.best_params["new"] - 0.3) < 0.15


@pytest.mark.slow
def test_the_same_seed_chooses_the_same() -> None:
    def run() -> list[dict[str, float]]:
        study = optuna.create_study(sampler=ForerunSampler(seed=3))
        study.optimize(objective(10), n_trials=8)
        return [t.params for t in study.trials]

    assert run() == run()


def test_trials_that_run_at_the_same_time_differ() -> None:
    study = optuna.create_study(sampler=ForerunSampler(seed=0))
    study.optimize(objective(10), n_trials=5)
    space = {"x": FloatDistribution(0, 10), "y": FloatDistribution(1e-4, 1, log=True)}
    at_once = [study.ask(space).params for _ in range(3)]
    assert len({tuple(p.values()) for p in at_once}) == 3


@pytest.mark.slow
def test_failed_and_pruned_trials_are_learned_from() -> None:
    study = optuna.create_study(sampler=ForerunSampler(seed=0))

    def half(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", 0, 1)
        if x > 0.8:
            raise ValueError("too large")
        if x > 0.5:
            trial.report(5.0, 1)
            raise optuna.TrialPruned
        return abs(x - 0.3)

    study.optimize(half, n_trials=20, catch=(ValueError,))
    states = [t.state.name for t in study.trials]
    assert {"COMPLETE", "PRUNED", "FAIL"} <= set(states)
    assert states[10:].count("COMPLETE") >= 6  # of ten; at random five, and eight with luck


def test_a_sampler_survives_pickling() -> None:
    sampler = pickle.loads(pickle.dumps(ForerunSampler(seed=1)))  # noqa: S301 - our own
    study = optuna.create_study(sampler=sampler)
    study.optimize(objective(10), n_trials=2)
    assert len(study.trials) == 2


@pytest.mark.parametrize(
    ("distribution", "domain"),
    [
        (FloatDistribution(1e-5, 1, log=True), Real(1e-5, 1, log=True)),
        (FloatDistribution(0, 1, step=0.25), Ordinal((0.0, 0.25, 0.5, 0.75, 1.0))),
        (FloatDistribution(0, 1, step=0.001), Real(0, 1)),
        (IntDistribution(1, 9, step=4), Ordinal((1, 5, 9))),
        (IntDistribution(1, 64, log=True), Integer(1, 64, log=True)),
        (CategoricalDistribution(["a", True, 3]), Categorical(("a", True, 3))),
        (CategoricalDistribution([None, "None", 1, "1"]), Categorical(("None (0)", "None (1)", "1 (2)", "1 (3)"))),
    ],
)
def test_distributions_become_domains_and_values_come_back(distribution: object, domain: object) -> None:
    assert domain_of(distribution) == domain  # type: ignore[arg-type]
    for value in domain.sample(np.random.default_rng(0), 20):  # type: ignore[attr-defined]
        param = param_of(distribution, value)  # type: ignore[arg-type]
        assert distribution._contains(distribution.to_internal_repr(param))  # type: ignore[attr-defined]
        again = param_of(distribution, value_of(distribution, param))  # type: ignore[arg-type]
        assert again == param
        assert type(again) is type(param)


def test_what_has_one_value_or_no_end_is_left_to_optuna() -> None:
    assert domain_of(FloatDistribution(1, 1)) is None
    assert domain_of(IntDistribution(0, 2**60)) is None
    assert space_of("nothing", {"a=b": FloatDistribution(0, 1)}) is None


def test_a_storage_becomes_a_history(tmp_path: Path) -> None:
    storage = optuna.storages.InMemoryStorage()
    for name, direction in (("low", "minimize"), ("high", "maximize")):
        study = optuna.create_study(storage=storage, study_name=name, direction=direction)
        study.set_user_attr("rows", 150)
        trial = study.ask()
        trial.suggest_int("depth", 1, 9)
        study.tell(trial, 0.25)
        study.tell(study.ask(), state=optuna.trial.TrialState.FAIL)
    history = history_of_studies(storage)
    assert history.spaces["low"].domains == {"depth": Integer(1, 9)}
    assert sorted(history.finished["loss"]) == [-0.25, 0.25]
    assert list(history.trials["status"]).count(Status.FAILED) == 2
    assert list(history.tasks["mf_rows"]) == [150, 150]
    history.save(tmp_path / "history")
    assert len(History.load(tmp_path / "history")) == 4
    assert list(history_of_studies(storage, ["high"]).tasks.index) == ["high"]
    with pytest.raises(HistoryError, match=r"must be in the storage \(low, high\); got 'nope'"):
        history_of_studies(storage, ["nope"])


def test_a_study_with_two_objectives_is_no_task() -> None:
    study = optuna.create_study(directions=["minimize", "maximize"])
    with pytest.raises(HistoryError, match="one objective"):
        history_of_studies([study])
