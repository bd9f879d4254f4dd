"""The fine-tuning loop: budgets, resuming, failures."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from forerun.errors import SettingsError, TrainingError
from forerun.space import Configuration
from forerun.trials import Status, Trial
from forerun.tuning import Budget, Round, Tuned, Tuner, tune
from tests.tuning.fakes import SPACE, FakeForecaster, Trainer, knowing, trial, true_loss

MEMBER = {"learner": "tree", "tree.x": 0.3, "z": 0.6}


def tuner(**more: object) -> Tuner:
    settings: dict[str, object] = {"resolution": 6, "portfolio": [MEMBER], **more}
    return Tuner(FakeForecaster(), np.zeros(3), SPACE, **settings)  # type: ignore[arg-type]


def configurations(tuned: Tuned) -> list[Configuration]:
    return [t.configuration for t in tuned.trials]


def test_tuning_spends_its_budget_and_finds_a_good_configuration() -> None:
    trainer = Trainer()
    seen: list[Round] = []
    tuned = tune(tuner(), trainer, Budget(trials=15, batch=2), report=seen.append)
    assert tuned.stopped_because == "the budget of 15 trainings is spent"
    assert len(tuned.trials) == len(trainer.asked) == 15
    assert len({str(c) for c in trainer.asked}) == 15
    assert [len(r.trials) for r in seen] == [2] * 7 + [1]
    for round_ in tuned.rounds:
        assert [t.configuration for t in round_.trials] == [s.configuration for s in round_.suggestions]
    assert tuned.best is not None
    assert tuned.best.loss == min(t.loss for t in tuned.trials)
    # the best possible is 0.1; of 15 random ones the best is above 0.12 with odds of 0.9
    assert tuned.best.loss < 0.12


def test_a_forecaster_that_knows_the_task_needs_two_trainings() -> None:
    tuned = tune(Tuner(knowing(), np.zeros(3), SPACE), Trainer(), Budget(trials=2, batch=1))  # type: ignore[arg-type]
    assert tuned.best is not None
    assert tuned.best.loss < 0.105


@pytest.mark.parametrize("cut", [0, 1, 2, 3, 5, 6])
def test_an_interrupted_tuning_goes_on_as_if_it_had_not_been(cut: int) -> None:
    """Also when it was cut in the middle of a batch, and whatever the order of the trials handed in."""
    whole = tune(tuner(), Trainer(), Budget(trials=8, batch=3))
    trainer = Trainer()
    kept = list(reversed(whole.trials[:cut]))
    resumed = tune(tuner(), trainer, Budget(trials=8, batch=3), done=kept)
    assert configurations(resumed) == configurations(whole)
    assert len(trainer.asked) == 8 - cut
    assert resumed.best == whole.best
    assert resumed.stopped_because == whole.stopped_because


def test_a_finished_tuning_trains_nothing_and_a_larger_budget_goes_on() -> None:
    whole = tune(tuner(), Trainer(), Budget(trials=4, batch=2))
    trainer = Trainer()
    assert configurations(tune(tuner(), trainer, Budget(trials=4, batch=2), done=whole.trials)) == configurations(whole)
    assert trainer.asked == []
    longer = tune(tuner(), trainer, Budget(trials=6, batch=2), done=whole.trials)
    assert configurations(longer)[:4] == configurations(whole)
    assert len(trainer.asked) == 2


def test_trials_of_other_origin_are_learned_from_and_count() -> None:
    others = [trial(c, true_loss(c)) for c in SPACE.sample(np.random.default_rng(5), 3)]
    trainer = Trainer()
    chooser = tuner()
    tuned = tune(chooser, trainer, Budget(trials=5, batch=2), done=others)
    assert len(trainer.asked) == 2
    assert len(tuned.trials) == 5
    assert 3 in chooser.forecaster.adapted  # type: ignore[attr-defined]
    enough = tune(tuner(), trainer, Budget(trials=3), done=others)
    assert len(trainer.asked) == 2
    assert enough.best in others


def test_failed_trainings_are_trials_and_the_loop_goes_on() -> None:
    def loss(configuration: Configuration) -> float:
        return np.nan if configuration["learner"] == "net" else true_loss(configuration)

    tuned = tune(tuner(), Trainer(loss), Budget(trials=8, batch=2))
    assert len(tuned.trials) == 8
    assert any(t.status == Status.FAILED for t in tuned.trials)
    assert tuned.best is not None
    assert tuned.best.configuration["learner"] == "tree"


def test_when_everything_fails_there_is_no_best() -> None:
    tuned = tune(tuner(), Trainer(lambda _: np.nan), Budget(trials=4, batch=2))
    assert tuned.best is None
    assert len(tuned.trials) == 4


def test_tuning_stops_when_the_time_is_up() -> None:
    now = [0.0]

    def train(wanted: Sequence[Configuration]) -> list[Trial]:
        now[0] += 10
        return [trial(c, true_loss(c)) for c in wanted]

    tuned = tune(tuner(), train, Budget(trials=50, batch=1, seconds=25), clock=lambda: now[0])
    assert tuned.stopped_because == "the time of 25 s is up"
    assert len(tuned.trials) == 3
    assert tuned.seconds == 30


def test_time_that_trials_took_before_an_interruption_counts() -> None:
    done = [trial(c, true_loss(c), fit_seconds=20.0) for c in SPACE.sample(np.random.default_rng(5), 2)]
    tuned = tune(tuner(), Trainer(), Budget(trials=50, batch=1, seconds=40), done=done, clock=lambda: 0.0)
    assert tuned.stopped_because == "the time of 40 s is up"
    assert len(tuned.trials) == 2


def test_what_is_predicted_to_outlast_the_time_is_not_begun() -> None:
    slow = replace(knowing(), seconds_per_unit=2.0)
    tuned = tune(
        Tuner(slow, np.zeros(3), SPACE),  # type: ignore[arg-type]
        Trainer(),
        Budget(trials=5, seconds=1e-3),
        clock=lambda: 0.0,
    )
    assert tuned.trials == []
    assert "no configuration is left" in tuned.stopped_because


def test_tuning_stops_when_nothing_better_is_likely() -> None:
    sure = replace(knowing(), doubt=1e-6)
    tuned = tune(
        Tuner(sure, np.zeros(3), SPACE),  # type: ignore[arg-type]
        Trainer(lambda _: 0.01),
        Budget(trials=50, batch=1, tolerance=1e-3),
    )
    assert "nothing better is likely" in tuned.stopped_because
    assert len(tuned.trials) == 1


def test_tuning_stops_at_a_loss_of_zero_and_after_patience() -> None:
    perfect = tune(tuner(), Trainer(lambda _: 0.0), Budget(trials=50, batch=1))
    assert perfect.stopped_because == "a loss of 0 cannot be beaten"
    assert len(perfect.trials) == 1
    patient = tune(tuner(), Trainer(lambda _: 0.5), Budget(trials=50, batch=1, patience=3, tolerance=0))
    assert patient.stopped_because == "the last 3 trainings brought nothing better"
    assert len(patient.trials) == 4


def test_tuning_stops_when_the_space_is_exhausted() -> None:
    small = tuner(fixed={"learner": "tree", "tree.x": 0.5}, resolution=3, portfolio=[], min_distance=1)
    tuned = tune(small, Trainer(), Budget(trials=50, batch=2, tolerance=0))
    assert len(tuned.trials) == 3
    assert "no configuration is left" in tuned.stopped_because


def test_of_equal_losses_the_one_predicted_best_wins() -> None:
    better = {"learner": "net", "net.lr": 0.01, "z": 0.6}
    worse = {"learner": "net", "net.lr": 1e-4, "z": 0.0}
    for done in ([trial(better, 0.1), trial(worse, 0.1)], [trial(worse, 0.1), trial(better, 0.1)]):
        tuned = tune(Tuner(knowing(), np.zeros(3), SPACE), Trainer(), Budget(trials=2), done=done)  # type: ignore[arg-type]
        assert tuned.best is not None
        assert tuned.best.configuration == better


def test_a_trainer_that_forgets_a_configuration_is_an_error() -> None:
    with pytest.raises(TrainingError, match="none came for"):
        tune(tuner(), lambda _: [], Budget(trials=2))


@pytest.mark.parametrize("wrong", [{"trials": 0}, {"batch": 0}, {"patience": 0}, {"seconds": 0}, {"limit_s": -1.0}])
def test_a_budget_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    name, value = next(iter(wrong.items()))
    with pytest.raises(SettingsError, match=rf"{name}.*{value}"):
        Budget(**wrong)  # type: ignore[arg-type]
