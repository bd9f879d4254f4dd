"""Foreign runs become a history that everything downstream works with."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forerun.metadata import featurize
from forerun.metalearners import Context, Forecaster, Linear
from forerun.mining import Rules, understand
from forerun.mining.reconcile import join
from forerun.space import Categorical, Integer, SearchSpace
from forerun.trials import History, Status, Trial
from tests.mining.making import Run, data_set, runs_of, sweep
from tests.projects import small_history


def team(tasks: int = 6) -> list[Run]:
    return [run for i in range(tasks) for run in sweep(f"set {i}", 12, seed=i)]


@pytest.fixture(scope="module")
def history() -> History:
    return understand(runs_of(team()), Rules()).history


def test_the_saved_history_is_the_same_one(history: History, tmp_path: Path) -> None:
    history.save(tmp_path)
    loaded = History.load(tmp_path)
    assert loaded.configurations() == history.configurations()
    assert loaded.trials["loss"].tolist() == history.trials["loss"].tolist()
    assert loaded.spaces == history.spaces
    assert loaded.trials["run"].iloc[0] == "run0000"


def test_trials_know_where_they_come_from_and_how_long_they_took() -> None:
    tags = {"mlflow.source.name": "train.py", "mlflow.source.git.commit": "c0ffee"}
    made = [replace(run, tags=tags, seconds=3.5) for run in sweep()]
    trials = understand(runs_of(made), Rules()).history.trials
    assert trials.loc[0, ["experiment", "user", "program", "commit"]].tolist() == ["net", "ada", "train.py", "c0ffee"]
    assert trials["fit_seconds"].unique().tolist() == [3.5]
    timed = [replace(run, metrics={**run.metrics, "training_time": 0.25}) for run in made]
    assert understand(runs_of(timed), Rules()).history.trials["fit_seconds"].unique().tolist() == [0.25]
    began = {"datetime_start": "2026-01-01 00:00:00", "datetime_complete": "2026-01-01 00:01:00.5"}
    optuna = [replace(run, tags=began) for run in made]
    assert understand(runs_of(optuna), Rules()).history.trials["fit_seconds"].unique().tolist() == [60.5]


def test_the_seed_of_a_run_is_no_setting_but_kept() -> None:
    made = sweep(more=lambda i: {"seed": 100 + i, "split_seed": 5})
    assert understand(runs_of(made), Rules()).history.trials["seed"].tolist() == [100 + i for i in range(12)]


def test_what_was_learned_from_foreign_runs_ranks_the_configurations_of_a_new_task(history: History) -> None:
    *past, new = sorted(history.tasks.index)
    meta = featurize(history.of_tasks(past))
    forecaster = Forecaster(Linear(), Linear()).fit(meta)
    part = history.of_tasks([new])
    features = forecaster.scaler_.transform({})
    X = forecaster.space_.encode(part.configurations(), next(iter(part.spaces.values())))
    predicted = forecaster.adapt(Context.empty(features, X.shape[1])).loss.predict(X).mean
    ranks = [np.argsort(np.argsort(v)) for v in (predicted, part.trials["loss"].to_numpy())]
    assert np.corrcoef(*ranks)[0, 1] > 0.5


def test_without_any_meta_feature_or_time_there_is_still_something_to_learn() -> None:
    made = [replace(run, seconds=0) for run in team(2)]
    found = understand(runs_of(made), Rules()).history
    assert found.trials["fit_seconds"].isna().all()
    assert not [name for name in found.tasks if name.startswith("mf_")]
    meta = featurize(found)
    assert meta.features.shape == (2, 0)
    forecaster = Forecaster(Linear(), Linear()).fit(meta)
    assert not forecaster.timed_


def test_the_order_in_which_experiments_are_logged_changes_no_trial() -> None:
    made = team(3)
    one, other = (understand(runs_of(each), Rules()).history for each in (made, made[12:] + made[:12]))
    assert set(one.trials["trial"]) == set(other.trials["trial"])
    assert one.spaces == other.spaces


def test_mined_again_with_more_runs_the_known_trials_keep_their_keys() -> None:
    made = team(3)
    one = understand(runs_of(made[:30]), Rules()).history.trials.set_index("trial")["loss"]
    other = understand(runs_of(made), Rules()).history.trials.set_index("trial")["loss"]
    assert other.loc[one.index].tolist() == one.tolist()


def test_a_foreign_history_joins_the_shipped_one(tmp_path: Path) -> None:
    shipped = small_history()
    foreign = understand(
        runs_of([*sweep(more=lambda i: {"learner": i % 3, "preprocessing": ["a", "b"][i % 2]})]), Rules()
    )
    both, told = join([shipped, foreign.history])
    assert len(both) == len(shipped) + len(foreign.history)
    assert any("'learner (integer)'" in sentence for sentence in told)
    assert any("'preprocessing (categorical)'" in sentence for sentence in told)
    both.save(tmp_path)
    again = History.load(tmp_path)
    assert again.configurations() == both.configurations()
    meta = featurize(again)
    absent = dict(zip(meta.space.columns, meta.X.T, strict=True))["lr is absent"]
    assert absent.sum() == len(meta) - 12
    assert "learner (integer)" in meta.space.domains


def tiny(name: str, domain: Categorical | Integer, values: list[object]) -> History:
    space = SearchSpace(name, {"depth": domain})
    trials = [Trial(name, {"depth": v}, name, 0, Status.FINISHED, i / 10) for i, v in enumerate(values)]  # type: ignore[dict-item]
    facts = {"family": name, "kind": "", "metric": "", "source": "", "digest": name}
    return History.of(trials, pd.DataFrame([facts], index=pd.Index([name], name="task")), {name: space})


def test_one_clash_of_many_histories_is_mended_once(tmp_path: Path) -> None:
    words = [tiny(name, Categorical(("deep", "flat", name)), ["deep", "flat", name]) for name in ("b", "c")]
    both, told = join([tiny("a", Integer(1, 9), [1, 5, 9]), *words])
    union = SearchSpace.union(both.spaces.values())
    assert set(union.domains) == {"depth", "depth (categorical)"}
    assert set(union.domains["depth (categorical)"].levels(4)) == {"deep", "flat", "b", "c"}
    assert len(told) == 2
    both.save(tmp_path)
    assert History.load(tmp_path).configurations()[3:] == [
        {"depth (categorical)": v} for v in ("deep", "flat", "b", "deep", "flat", "c")
    ]


def test_words_here_and_numbers_there_are_one_column_of_one_type(tmp_path: Path) -> None:
    one = tiny("a", Categorical(("deep", "flat")), ["deep", "flat"])
    other = tiny("b", Categorical((1, 2, True)), [1, 2, True])
    joined, told = join([one, other])
    assert not told
    joined.save(tmp_path)
    assert [c["depth"] for c in History.load(tmp_path).configurations()] == ["deep", "flat", 1, 2, True]


def test_histories_of_one_space_join_to_one() -> None:
    made = team(2)
    one, other = (understand(runs_of(made), Rules()).history for _ in range(2))
    joined, told = join([one, other])
    assert (len(joined), told) == (len(one), [])


def test_runs_on_logged_data_sets_bring_meta_features() -> None:
    made = team(3)
    for i, run in enumerate(made):
        run.inputs = (data_set(f"digest{i // 12}", rows=10 ** (i // 12 + 2), columns="abc"),)
    meta = featurize(understand(runs_of(made), Rules()).history)
    assert "mf_log10_rows" in meta.feature_names
    assert meta.features.shape[0] == 3
