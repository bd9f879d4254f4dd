"""Real trainings on real data: record a small history, learn from it, tune a data set that it never saw."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forerun.learners.hardware import hardware_facts
from forerun.learners.joint import default_space, shared_configurations
from forerun.learners.trial import run_trials
from forerun.metadata import featurize, metafeatures
from forerun.metalearners import Forecaster, Linear
from forerun.space import Configuration
from forerun.tasks import Task, make_task
from forerun.trials import History, Trial
from forerun.tuning import Budget, Tuner, best_on_average, explain, judge, portfolio, tune

pytestmark = pytest.mark.slow
KIND = "binary"
SPACE = default_space(KIND)


def task(name: str, seed: int, rows: int = 160) -> Task:
    """Two classes apart along a random direction, with a twist and noise columns."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 5))
    hidden = X @ rng.normal(size=5) + 0.8 * X[:, 0] * X[:, 1] + rng.normal(0, 0.4, rows)
    frame = pd.DataFrame(X, columns=list("abcde")).assign(y=np.where(hidden > 0, "yes", "no"))
    return make_task(frame, "y", name=name)


@cache
def history() -> History:
    past = [task(f"past{i}", i) for i in range(6)]
    configurations = shared_configurations(KIND, 25)
    trials = [t for one in past for t in train(one, configurations)]
    facts = {t.name: {"family": t.family, "kind": t.kind, **features(t)} for t in past}
    return History.of(trials, pd.DataFrame(facts).T.rename_axis("task"), {SPACE.name: SPACE})


def features(one: Task) -> dict[str, float]:
    return {f"mf_{name}": value for name, value in metafeatures(one).items()}


def train(one: Task, configurations: Sequence[Configuration]) -> list[Trial]:
    return run_trials(one, configurations, space=SPACE, seeds=[0] * len(configurations))


@pytest.mark.long
def test_a_tuning_with_real_trainings_is_no_worse_than_the_best_on_average_of_its_history() -> None:
    past, target = history(), task("target", 77)
    meta = featurize(past)
    forecaster = Forecaster(Linear(), Linear()).fit(meta)
    row = forecaster.scaler_.transform(metafeatures(target), hardware_facts())
    members = portfolio(past, SPACE, 3, kind=KIND)
    tuner = Tuner(forecaster, row, SPACE, portfolio=members)
    tuned = tune(tuner, lambda wanted: train(target, wanted), Budget(trials=6, batch=2, limit_s=20))
    assert len(tuned.trials) == 6
    assert all(r.found.size > 10**9 for r in tuned.rounds)
    assert tuned.best is not None
    average = best_on_average(past, SPACE, kind=KIND)
    assert members[0] == average
    baseline = next(t for t in tuned.trials if t.configuration == average)
    assert tuned.best.loss <= baseline.loss
    ours = judge("ours", tuned.trials, target, chosen=tuned.best)
    assert ours.final is not None
    assert ours.final.loss < 0.4  # a coin scores 0.5
    for suggestion in (s for r in tuned.rounds for s in r.suggestions):
        assert np.isfinite([suggestion.loss, suggestion.std, suggestion.seconds]).all()
        assert 0 < suggestion.seconds < 20
    table = explain(tuned.forecast.loss, tuner.grid, tuned.best.configuration, np.random.default_rng(0))
    assert {"learner"} < set(table["domain"])
    assert np.isfinite(table["mean"]).all()


def test_an_interrupted_tuning_with_real_trainings_goes_on_the_same(tmp_path: Path) -> None:
    """The trials come back from files, as they would from a store."""
    past, target = history(), task("other", 78)
    forecaster = Forecaster(Linear(), Linear()).fit(featurize(past))
    row = forecaster.scaler_.transform(metafeatures(target), hardware_facts())
    tuner = Tuner(forecaster, row, SPACE, portfolio=portfolio(past, SPACE, 1, kind=KIND))
    whole = tune(tuner, lambda wanted: train(target, wanted), Budget(trials=4, batch=2))
    History.of(whole.trials[:3], pd.DataFrame({"family": ["other"]}, index=["other"]), {SPACE.name: SPACE}).save(
        tmp_path
    )
    asked: list[Configuration] = []

    def watched(wanted: Sequence[Configuration]) -> list[Trial]:
        asked.extend(wanted)
        return train(target, wanted)

    resumed = tune(tuner, watched, Budget(trials=4, batch=2), done=restored(tmp_path, whole))
    assert [t.configuration for t in resumed.trials] == [t.configuration for t in whole.trials]
    assert asked == [whole.trials[3].configuration]


def restored(folder: Path, whole: object) -> list[Trial]:
    """Read trials back; what the loop needs of them."""
    from dataclasses import replace

    kept = History.load(folder)
    first = whole.trials[0]  # type: ignore[attr-defined]
    return [
        replace(
            first,
            configuration=configuration,
            status=row.status,
            loss=float(row.loss),
            fit_seconds=float(row.fit_seconds),
        )
        for configuration, row in zip(kept.configurations(), kept.trials.itertuples(), strict=True)
    ]
