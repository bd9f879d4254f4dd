"""Suggestions: what to train next is a function of the trials so far."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from forerun.metalearners import Context
from forerun.metalearners.forecaster import Forecast
from forerun.search import Found, search
from forerun.search.base import mark
from forerun.space import Categorical, Condition, Layers, Real, SearchSpace, Subset
from forerun.tuning import ACQUISITIONS, Tuner
from forerun.tuning.tuner import PLAUSIBLE
from tests.tuning.fakes import SPACE, FakeForecaster, FakeSurrogate, knowing, trial, true_loss

ROW = np.zeros(3)


def tuner(forecaster: FakeForecaster | None = None, **more: object) -> Tuner:
    return Tuner(forecaster or knowing(), ROW, SPACE, **more)  # type: ignore[arg-type]


def test_without_trials_the_first_suggestion_is_the_best_expected() -> None:
    suggested = tuner().suggest([], 1)
    (only,) = suggested.suggestions
    assert suggested.found.proven
    assert only.configuration["learner"] == "net"
    assert 1e-3 < only.configuration["net.lr"] < 1e-1  # type: ignore[operator]
    assert only.loss == pytest.approx(true_loss(only.configuration), abs=0.05)
    assert np.isnan(only.improvement)
    assert np.isnan(only.seconds)


@pytest.mark.parametrize("acquisition", ACQUISITIONS)
def test_suggestions_are_new_valid_and_apart(acquisition: str) -> None:
    done = [trial(c, true_loss(c)) for c in SPACE.sample(np.random.default_rng(0), 5)]
    chooser = tuner(acquisition=acquisition)
    suggestions = chooser.suggest(done, 4).suggestions
    assert len(suggestions) == 4
    tried = {chooser.grid.index(t.configuration) for t in done}
    for suggestion in suggestions:
        SPACE.check(suggestion.configuration)
        assert chooser.grid.index(suggestion.configuration) not in tried
        assert np.isfinite(suggestion.improvement)
    rows = mark(chooser.grid, np.array([chooser.grid.nearest(s.configuration) for s in suggestions]))
    assert min((a != b).sum() for i, a in enumerate(rows) for b in rows[:i]) >= 2


def test_the_same_trials_give_the_same_suggestions_and_more_trials_others() -> None:
    done = [trial(c, true_loss(c)) for c in SPACE.sample(np.random.default_rng(0), 3)]
    one, same, other = (
        [s.configuration for s in tuner(acquisition="thompson", seed=seed).suggest(done, 2).suggestions]
        for seed in (1, 1, 2)
    )
    assert one == same
    assert one != other


def test_failed_trials_are_known_to_the_forecaster_and_not_tried_again() -> None:
    chooser = tuner()
    first = chooser.suggest([], 1).suggestions[0].configuration
    then = chooser.suggest([trial(first)], 3).suggestions
    assert chooser.forecaster.adapted[:2] == [0, 1]  # type: ignore[attr-defined]
    assert all(chooser.grid.index(s.configuration) != chooser.grid.index(first) for s in then)


def test_the_portfolio_has_the_last_place_of_the_first_two_trainings() -> None:
    member = {"learner": "tree", "tree.x": 0.3, "z": 0.6}
    chooser = tuner(portfolio=[member])
    assert [s.source for s in chooser.suggest([], 2).suggestions] == ["search", "history"]
    assert chooser.suggest([], 2).suggestions[1].configuration == member
    alone = chooser.suggest([], 1).suggestions
    assert [s.source for s in alone] == ["search"]
    second = chooser.suggest([trial(alone[0].configuration, 0.2)], 1).suggestions
    assert [s.source for s in second] == ["history"]
    done = [trial(alone[0].configuration, 0.2), trial(member, 0.3)]
    assert [s.source for s in chooser.suggest(done, 2).suggestions] == ["search", "search"]


def test_no_training_that_is_predicted_to_take_too_long_is_suggested() -> None:
    slow = replace(knowing(), seconds_per_unit=2.0)  # log10 seconds = 2 u of z
    free = tuner(slow).suggest([], 3).suggestions
    assert max(s.seconds for s in free) > 1
    bounded = tuner(slow).suggest([], 3, limit_s=0.1).suggestions
    assert len(bounded) == 3
    assert max(s.seconds for s in bounded) <= 0.1 + 1e-9
    assert tuner(slow).suggest([], 3, limit_s=1e-6).suggestions == []
    member = {"learner": "tree", "tree.x": 0.3, "z": 0.6}
    guarded = tuner(slow, portfolio=[member])
    assert guarded.suggest([], 3).suggestions[2].configuration == member
    assert max(s.seconds for s in guarded.suggest([], 3, limit_s=0.1).suggestions) <= 0.1 + 1e-9


def test_fixed_values_are_kept() -> None:
    suggestions = tuner(fixed={"learner": "tree", "z": 0.123}).suggest([], 3).suggestions
    assert len(suggestions) == 3
    assert all(s.configuration["learner"] == "tree" and s.configuration["z"] == 0.123 for s in suggestions)


def test_sets_that_the_history_does_not_know_are_taken_whole() -> None:
    space = SearchSpace("own", {**SPACE.domains, "features": Subset(("a", "b"))}, SPACE.conditions)
    suggestions = Tuner(knowing(), ROW, space).suggest([], 2).suggestions  # type: ignore[arg-type]
    assert all(s.configuration["features"] == ("a", "b") for s in suggestions)


def test_values_lie_off_the_grid_where_that_is_better() -> None:
    coarse = tuner(resolution=3).suggest([], 1).suggestions[0]
    fine = tuner(resolution=40).suggest([], 1).suggestions[0]
    assert coarse.configuration["z"] not in (0.0, 0.5, 1.0)
    assert coarse.loss <= fine.loss + 0.005


def test_a_space_of_its_own_is_encoded_as_the_history_is() -> None:
    """The target's space lacks a domain of the history and has one more."""
    own = SearchSpace("own", {"learner": Categorical(("tree", "net")), "new": Real(0, 1)})
    union = SearchSpace.union([SPACE, own])
    forecaster = FakeForecaster(space_=union)
    done = [trial(c, 0.3) for c in own.sample(np.random.default_rng(0), 3)]
    found = Tuner(forecaster, ROW, own).suggest(done, 2).suggestions  # type: ignore[arg-type]
    assert len(found) == 2


@pytest.mark.parametrize("trials", [2, 5])
def test_early_trainings_stay_where_the_history_finds_configurations_good(trials: int) -> None:
    done = [trial(c, true_loss(c)) for c in SPACE.sample(np.random.default_rng(0), trials)]
    chooser = tuner(acquisition="thompson")  # which would go anywhere
    before, space = chooser.adapt([]).loss, chooser.forecaster.space_
    chosen = [s.configuration for s in chooser.suggest(done, 2).suggestions]
    everything = before.predict(chooser.grid.encode(chooser.grid.sample(np.random.default_rng(1), 4_000))).mean
    share = [float((everything < m).mean()) for m in before.predict(space.encode(chosen, own=SPACE)).mean]
    # 4,000 draws tell a share to about 0.01
    assert max(share) <= PLAUSIBLE * (1 + trials) + 0.05


# -- forbidden combinations -------------------------------------------------------------------------

NO_NETS = Condition.of({"learner": "net"})
NO_GOOD_RATE = Condition.of({"learner": "net", "net.lr": "<= 0.1"})


@pytest.mark.parametrize("acquisition", ACQUISITIONS)
@pytest.mark.parametrize("forbidden", [NO_NETS, NO_GOOD_RATE], ids=["learner", "combination"])
def test_what_is_forbidden_is_never_suggested_on_or_off_the_grid(forbidden: Condition, acquisition: str) -> None:
    chooser = tuner(acquisition=acquisition, forbidden=[forbidden])
    assert tuner().suggest([], 1).suggestions[0].configuration["learner"] == "net"
    for done in ([], [trial(c, true_loss(c)) for c in SPACE.sample(np.random.default_rng(0), 3)]):
        suggested = chooser.suggest(done, 4)
        assert len(suggested.suggestions) == 4
        assert suggested.limited
        assert not any(forbidden.holds(s.configuration) for s in suggested.suggestions)


def test_what_is_forbidden_is_not_tried_for_being_good_elsewhere() -> None:
    member = {"learner": "tree", "tree.x": 0.3, "z": 0.6}
    kept = tuner(portfolio=[member], forbidden=[NO_NETS]).suggest([], 2).suggestions
    assert kept[1].configuration == member
    left = tuner(portfolio=[member], forbidden=[Condition.of({"learner": "tree"})]).suggest([], 2).suggestions
    assert [s.source for s in left] == ["search", "search"]


def test_where_everything_is_forbidden_nothing_is_suggested() -> None:
    assert tuner(forbidden=[NO_NETS, Condition.of({"learner": "tree"})]).suggest([], 2).suggestions == []


# -- proof ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Structured(FakeSurrogate):
    """Says what it is made of."""

    def layers(self) -> Layers:
        return [(2 * self.weights[1:, None], 2 * self.weights[:1])]


class StructuredForecaster(FakeForecaster):
    """As the fake, its surrogates with structure."""

    def adapt(self, loss: Context, seconds: Context | None = None) -> Forecast:
        plain = super().adapt(loss, seconds)
        made = [None if s is None else Structured(s.weights, s.covariance) for s in (plain.loss, plain.seconds)]  # type: ignore[attr-defined]
        assert made[0] is not None
        return Forecast(made[0], made[1])


@pytest.mark.parametrize("limit_s", [None, 0.5])
@pytest.mark.parametrize("trials", [0, 2])
def test_a_proven_search_within_limits_finds_what_enumeration_finds(limit_s: float | None, trials: int) -> None:
    done = [trial(c, true_loss(c)) for c in SPACE.sample(np.random.default_rng(0), trials)]
    known = {**vars(knowing()), "seconds_per_unit": 2.0}
    plain, structured = (tuner(kind(**known), acquisition="mean") for kind in (FakeForecaster, StructuredForecaster))
    wanted, found = (t.suggest(done, 3, limit_s=limit_s) for t in (plain, structured))
    assert (wanted.found.strategy, found.found.strategy) == ("enumeration", "certified")
    assert found.found.proven
    # of the grid: where values go off it, chance decides on the last digits
    index = plain.grid.index
    assert [index(s.configuration) for s in found.suggestions] == [index(s.configuration) for s in wanted.suggestions]


@pytest.mark.parametrize(
    ("acquisition", "trials", "by"), [("ei", 0, "mean"), ("ei", 1, "ei"), ("lcb", 0, "lcb"), ("mean", 1, "mean")]
)
def test_suggestions_say_by_what_they_were_searched_and_whether_all_was_allowed(
    acquisition: str, trials: int, by: str
) -> None:
    done = [trial(c, true_loss(c)) for c in SPACE.sample(np.random.default_rng(0), trials)]
    suggested = tuner(acquisition=acquisition).suggest(done, 1)
    assert (suggested.by, suggested.limited) == (by, bool(trials))


def test_the_time_for_a_proof_is_handed_to_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[float] = []

    def spy(*arguments: object, seconds: float, **options: object) -> Found:
        given.append(seconds)
        return search(*arguments, seconds=seconds, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("forerun.tuning.tuner.search", spy)
    tuner(proof_s=0.25).suggest([], 1)
    assert given == [0.25]
