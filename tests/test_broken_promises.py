"""The promises catch what is dead or crooked: plug-ins that break one are planted, and found."""

from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import pytest
import torch

from forerun.checks import LEARNER_PROMISES, METALEARNER_PROMISES, SEARCH_PROMISES, PromiseBroken, Shared
from forerun.checks.teaching import taught
from forerun.checks.world import with_losses
from forerun.learners import LEARNERS, Outcome
from forerun.metadata import ABSOLUTE, MetaDataset
from forerun.metalearners import Context, MetaLearner, Prediction
from forerun.metalearners.linear import Linear
from forerun.search import Problem, Random
from forerun.search.base import Ranked

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


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


class Constant(Dead):
    """Expects the same of everything."""

    def adapt(self, context: Context) -> Any:
        return ConstantSurrogate()


class ConstantSurrogate(DeadSurrogate):
    def predict(self, X: np.ndarray) -> Prediction:
        return Prediction(np.zeros(len(X)), np.ones(len(X)))


class Loner(Dead):
    """Ignores its history, and is good at what remains: it expects of a configuration what those close to it had."""

    def adapt(self, context: Context) -> Any:
        return LonerSurrogate(context)


@dataclass(frozen=True)
class LonerSurrogate(DeadSurrogate):
    context: Context

    def predict(self, X: np.ndarray) -> Prediction:
        y = self.context.y
        known = y[np.isfinite(y)]
        z = (y - known.mean()) / (known.std() or 1.0) if len(known) else np.zeros(len(y))
        z[~np.isfinite(y)] = 2.0
        close = np.exp(-0.5 * ((X[:, None] - self.context.X) ** 2).sum(-1))
        return Prediction(close @ z / (close.sum(-1) + 0.1), np.ones(len(X)))


FORM = {"works_with_an_empty_context", "same_seed_same_answer", "its_state_restores_it_to_the_last_bit"}
TRANSFER = {
    "ranks_an_easy_task_before_any_trial",
    "chooses_better_than_untaught_and_than_chance",
    "tells_times_in_seconds",
}
"""What only a history can teach."""
ADAPTING = {"ranks_better_after_three_trials", "failures_are_bad_news", "an_explosion_drowns_nothing"}


@pytest.mark.parametrize(
    ("sort", "caught", "kept"),
    [
        (Dead, TRANSFER | ADAPTING, FORM),
        (Constant, TRANSFER | ADAPTING, FORM),
        (Loner, TRANSFER, FORM | ADAPTING),
    ],
)
def test_a_dead_metalearner_of_perfect_form_is_caught_by_what_it_achieves(
    sort: type[MetaLearner], caught: set[str], kept: set[str]
) -> None:
    broken = {name for name, promise in METALEARNER_PROMISES.items() if _breaks(promise, sort)}
    assert broken >= caught
    assert not broken & kept
    shared = Shared(sort)
    assert {name for name, promise in METALEARNER_PROMISES.items() if _breaks(promise, shared)} == broken


class Mistaught(Linear):
    """Takes losses for those of other configurations: a mistake of indices that no shape shows."""

    def fit(self, meta: MetaDataset) -> Self:
        order = np.random.default_rng(0).permutation(len(meta))
        turned = order[np.argsort(meta.task[order], kind="stable")]  # within tasks, whose trials lie together
        return super().fit(with_losses(meta, meta.loss[turned]))


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
        (Mistaught, "ranks_an_easy_task_before_any_trial"),
        (Mistaught, "chooses_better_than_untaught_and_than_chance"),
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


class Counted(Dead):
    """Counts how often any of them was fitted."""

    fits = 0

    def fit(self, meta: MetaDataset) -> Self:
        type(self).fits += 1
        return self


def test_a_shared_maker_is_taught_a_history_once_and_still_makes_untrained_ones() -> None:
    make = Shared(Counted)
    learners = [taught(make), taught(make), taught(make, "seconds")]
    assert learners[0] is learners[1] is not learners[2]
    assert Counted.fits == 2
    assert make() is not learners[0]
    assert taught(Counted) is not taught(Counted)


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
