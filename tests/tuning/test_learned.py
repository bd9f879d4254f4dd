"""An optimizer that was taught on a history proposes trainings: as a Tuner's, and as the pipeline keeps it."""

from pathlib import Path

import numpy as np
import pytest

from forerun.checks.world import history
from forerun.errors import HistoryError, SettingsError
from forerun.metadata import MetaDataset
from forerun.metalearners.linear import Linear
from forerun.search.recurrent import RecurrentOptimizer
from forerun.search.recurrent.saved import SETTINGS
from forerun.space import Condition
from forerun.steps.knowledge import check_tuning
from forerun.steps.learned import optimizer_of
from forerun.steps.settings import TuneSettings
from forerun.tuning import Tuner, learned
from forerun.tuning.tuner import LEARNED
from tests.tuning.fakes import SPACE, knowing, trial, true_loss

pytestmark = pytest.mark.slow  # a network is made


@pytest.fixture(scope="module")
def optimizer() -> RecurrentOptimizer:
    made = RecurrentOptimizer(hidden=8)
    made.prepare(SPACE, seed=0)
    return made


def tuner(optimizer: RecurrentOptimizer, **more: object) -> Tuner:
    return Tuner(knowing(), np.zeros(3), SPACE, optimizer=optimizer, **more)  # type: ignore[arg-type]


def test_what_is_tried_first_is_the_likeliest_proposal(optimizer: RecurrentOptimizer) -> None:
    suggested = tuner(optimizer).suggest([], 1)
    likeliest = optimizer.propose(np.zeros((0, len(SPACE.columns))), np.zeros(0), np.random.default_rng(0))
    assert suggested.by == LEARNED
    assert suggested.found.candidates[0].score == 0
    assert suggested.suggestions[0].configuration == optimizer.grid_.configurations(likeliest[None])[0]


def test_proposals_depend_on_results_and_are_new(optimizer: RecurrentOptimizer) -> None:
    configurations = SPACE.sample(np.random.default_rng(0), 6)
    chosen = []
    for sign in (1, -1):
        done = [trial(c, 1 + sign * true_loss(c)) for c in configurations]
        chosen.append(
            [
                s.configuration
                for s in tuner(optimizer, plausible=1.0)
                .suggest([*done, trial({**configurations[0], "z": 0.5})], 3)
                .suggestions
            ]
        )
        assert all(c not in configurations for c in chosen[-1])
        assert len(chosen[-1]) == 3
    assert chosen[0] != chosen[1]


def test_what_is_fixed_or_forbidden_is_so_for_proposals_too(optimizer: RecurrentOptimizer) -> None:
    forbidden = [Condition.of({"z": ">= 0.3"})]
    for suggestion in tuner(optimizer, fixed={"learner": "tree"}, forbidden=forbidden).suggest([], 3).suggestions:
        assert suggestion.configuration["learner"] == "tree"
        assert suggestion.configuration["z"] < 0.3  # type: ignore[operator]


def test_an_optimizer_is_taught_once_for_a_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def learn(meta: MetaDataset, _: np.random.Generator, optimizer: RecurrentOptimizer) -> None:
        asked.append(meta)
        optimizer.prepare(meta.space, seed=0)

    monkeypatch.setattr(learned, "learn_to_optimize", learn)
    one, other, wanted = history(0, 4, 8), history(1, 4, 8), TuneSettings(acquisition=LEARNED, resolution=4)
    assert optimizer_of(one, TuneSettings(), tmp_path) is None
    found = [optimizer_of(meta, wanted, tmp_path) for meta in (one, one, other)]
    assert asked == [one, other]
    X, losses = one.X[:3], one.loss[:3]
    np.testing.assert_array_equal(*(one.score(X, losses)(X) for one in found[:2]))
    for kept in tmp_path.glob(f"*/{SETTINGS}"):
        kept.unlink()  # as where the saving was killed before its last file
    assert optimizer_of(one, wanted, tmp_path) is not None
    assert asked == [one, other, one]


def test_acquisitions_that_there_are_not_are_refused_early() -> None:
    check_tuning(TuneSettings(acquisition=LEARNED))
    with pytest.raises(SettingsError, match="must be one of mean, lcb, ei, thompson, recurrent_optimizer; got 'luck'"):
        check_tuning(TuneSettings(acquisition="luck"))
    with pytest.raises(SettingsError, match="Set one of the two"):
        check_tuning(TuneSettings(acquisition=LEARNED, architectures="dense"))


def test_a_metalearner_that_cannot_be_drawn_from_teaches_no_optimizer() -> None:
    class Stubborn(Linear):
        def adapt(self, context: object) -> object:  # type: ignore[override]
            return object()

    with pytest.raises(HistoryError, match="can be drawn from"):
        learned.imagined(Stubborn(), history(0, 6, 20), 2, np.random.default_rng(0))
