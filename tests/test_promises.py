"""Every plug-in of every registry keeps every promise; and the promises catch what is dead or crooked."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
import torch

from forerun.checks import LEARNER_PROMISES, METALEARNER_PROMISES, SEARCH_PROMISES, PromiseBroken
from forerun.learners import LEARNERS, Outcome
from forerun.metadata import ABSOLUTE, MetaDataset
from forerun.metalearners import METALEARNERS, Context, MetaLearner, Prediction
from forerun.metalearners.linear import Linear
from forerun.search import STRATEGIES, Problem, Random
from forerun.search.base import Ranked

pytestmark = pytest.mark.slow  # it trains every plug-in many times over


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.parametrize("promise", METALEARNER_PROMISES)
@pytest.mark.parametrize("name", METALEARNERS)
def test_every_metalearner_keeps_its_promises(name: str, promise: str) -> None:
    METALEARNER_PROMISES[promise](METALEARNERS[name])


@pytest.mark.parametrize("promise", SEARCH_PROMISES)
@pytest.mark.parametrize("name", STRATEGIES)
def test_every_search_strategy_keeps_its_promises(name: str, promise: str) -> None:
    SEARCH_PROMISES[promise](STRATEGIES[name])


@pytest.mark.parametrize("promise", LEARNER_PROMISES)
@pytest.mark.parametrize("name", LEARNERS)
def test_every_base_learner_keeps_its_promises(name: str, promise: str) -> None:
    LEARNER_PROMISES[promise](LEARNERS[name])


@dataclass(frozen=True)
class DeadSurrogate:
    """Random scores of the right form, the same for the same configuration."""

    def predict(self, X: np.ndarray) -> Prediction:
        noise = np.sin(1e4 * X @ np.cos(np.arange(X.shape[1])))
        return Prediction(noise, np.ones(len(X)))

    def to_units(self, prediction: Prediction) -> Prediction:
        return Prediction(*ABSOLUTE.to_units(*prediction))


class Dead(MetaLearner):
    """Keeps every promise of form, and ranks at random."""

    def fit(self, meta: MetaDataset) -> Self:
        return self

    def adapt(self, context: Context) -> DeadSurrogate:
        return DeadSurrogate()

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        return {}, {}

    @classmethod
    def from_state(cls, settings: dict[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        return cls()


def test_a_dead_metalearner_of_perfect_form_is_caught_by_what_it_achieves() -> None:
    broken = {name for name, promise in METALEARNER_PROMISES.items() if _breaks(promise, Dead)}
    achievements = {
        "ranks_an_easy_task_before_any_trial",
        "ranks_better_after_three_trials",
        "failures_are_bad_news",
        "tells_times_in_seconds",
    }
    assert broken >= achievements
    form = {"works_with_an_empty_context", "same_seed_same_answer", "its_state_restores_it_to_the_last_bit"}
    assert not broken & form


@dataclass
class Deaf(Linear):
    """Never listens to the target's trials."""

    def adapt(self, context: Context) -> Any:
        return super().adapt(Context.empty(context.features, context.X.shape[1]))


@dataclass
class Hasty(Linear):
    """Believes every trial of the target in raw units."""

    def adapt(self, context: Context) -> Any:
        adapted = super().adapt(context)
        shift = float(np.nan_to_num(context.y).sum())
        beliefs = tuple(replace(b, mean=b.mean + shift * np.arange(len(b.mean))) for b in adapted.beliefs)
        return replace(adapted, beliefs=beliefs)


@dataclass
class Growing(Linear):
    """Changes itself while adapting."""

    calls: int = field(default=0, compare=False)

    def adapt(self, context: Context) -> Any:
        self.calls += 1
        adapted = super().adapt(context)
        return replace(adapted, beliefs=tuple(replace(b, mean=b.mean * self.calls) for b in adapted.beliefs))


@dataclass
class Certain(Linear):
    """Claims to know everything ten times as well."""

    def adapt(self, context: Context) -> Any:
        adapted = super().adapt(context)
        return replace(adapted, temperature=adapted.temperature / 10)


@pytest.mark.parametrize(
    ("sort", "promise"),
    [
        (Deaf, "ranks_better_after_three_trials"),
        (Deaf, "soon_forgets_a_history_that_misleads"),
        (Deaf, "failures_are_bad_news"),
        (Hasty, "unit_and_offset_of_losses_change_nothing"),
        (Growing, "adapting_changes_nothing_in_the_learner"),
        (Certain, "is_calibrated"),
        (Certain, "tells_times_in_seconds"),
    ],
)
def test_a_crooked_metalearner_is_caught(sort: type[MetaLearner], promise: str) -> None:
    with pytest.raises(PromiseBroken):
        METALEARNER_PROMISES[promise](sort)


class Lazy(Random):
    """Looks at ten candidates, and claims to have seen all."""

    def search(self, problem: Problem, k: int, rng: np.random.Generator) -> Ranked:
        L = np.unique(problem.grid.canonical(problem.grid.sample(rng, 10)), axis=0)
        scores = problem.values(L)
        order = np.argsort(scores)[:k]
        return replace(super().search(problem, k, rng), L=L[order], scores=scores[order], proven=True, bound=-np.inf)


def test_a_lazy_search_strategy_is_caught() -> None:
    broken = {name for name, promise in SEARCH_PROMISES.items() if _breaks(promise, Lazy)}
    assert broken >= {"finds_the_optimum_of_a_small_space", "claims_no_more_than_is_true"}


class Peeking(type(LEARNERS["linear"])):  # type: ignore[misc]
    """Trains on the test part, reports every epoch twice, and rolls dice."""

    def train(self, configuration: Any, task: Any, *, report: Any = None, **options: Any) -> Outcome:
        if report:
            report(1, 0.5)
            report(1, 0.5)
        rows = len(task.test)
        options["seed"] = int(np.random.default_rng().integers(1000)) + rows
        return super().train(configuration, task, report=report, **options)


def test_a_learner_that_peeks_is_caught() -> None:
    broken = {name for name, promise in LEARNER_PROMISES.items() if _breaks(promise, Peeking())}
    assert broken >= {"never_touches_the_test_part", "reports_once_per_epoch"}


def _breaks(promise: Any, plugin: Any) -> bool:
    try:
        promise(plugin)
    except PromiseBroken:
        return True
    return False


def test_all_registered_metalearners_can_be_saved_under_their_name(tmp_path: Path) -> None:
    from forerun.checks.world import history
    from forerun.metalearners import load, save

    for name, sort in METALEARNERS.items():
        save(sort().fit(history(tasks=4, trials=20)), tmp_path / name)
        assert type(load(tmp_path / name)) is sort
