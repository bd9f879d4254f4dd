"""A small hand-made history, featurized."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forerun.errors import HistoryError
from forerun.metadata import WORST, MetaDataset, featurize
from forerun.space import Categorical, Condition, Integer, Real, SearchSpace
from forerun.trials import History, Status, Trial

SVM = SearchSpace(
    "svm",
    {"learner": Categorical(("svm", "knn")), "svm.C": Real(0.01, 100, log=True)},
    {"svm.C": Condition.of({"learner": "svm"})},
)
FOREST = SearchSpace("forest", {"learner": Categorical(("forest",)), "trees": Integer(1, 100)})
LAPTOP = {"cpu_model": "Intel(R) Core(TM) i5 @ 2.40GHz", "cores": 4, "memory_gb": 16.0, "gpu": ""}
SERVER = {"cpu_model": "AMD EPYC 7763", "cores": 64, "memory_gb": 512.0, "gpu": ""}


def make_trial(task: str, i: int, space: SearchSpace = SVM, **changes: object) -> Trial:
    rng = np.random.default_rng(i)
    trial = Trial(
        task=task,
        configuration=space.sample(rng, 1)[0],
        space=space.name,
        seed=i,
        status=Status.FINISHED,
        loss=float(rng.uniform(0.1, 0.4)),
        fit_seconds=0.5,
        hardware=LAPTOP,
    )
    return replace(trial, **changes)


def make_tasks(*names: str) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = {"family": [n.split("-")[0] for n in names], "kind": "binary", "digest": list(names)}
    rows |= {f"mf_{name}": rng.normal(size=len(names)) for name in ("rows", "stump")}
    return pd.DataFrame(rows, index=pd.Index(names, name="task"))


def make_history() -> History:
    trials = [make_trial(t, i) for t in ("a-1", "a-2", "b", "c") for i in range(8)]
    trials += [make_trial("a-1", 100 + i, FOREST) for i in range(4)]
    return History.of(trials, make_tasks("a-1", "a-2", "b", "c"), {s.name: s for s in (SVM, FOREST)})


def test_absent_inactive_and_given_are_three_things():
    meta = featurize(make_history())
    columns = {name: meta.X[:, i] for i, name in enumerate(meta.space.columns)}
    assert columns["trees is absent"].sum() == 32
    assert columns["trees is inactive"].sum() == 0
    assert columns["svm.C is absent"].sum() == 4
    assert columns["svm.C is inactive"].sum() == columns["learner=knn"].sum() > 0


def test_every_trial_stands_in_its_own_row_with_its_own_loss():
    history = make_history()
    meta = featurize(history)
    assert [meta.tasks[i] for i in meta.task] == list(history.trials["task"])
    assert np.array_equal(meta.loss, history.trials["loss"])
    own = meta.space.encode([history.configurations()[3]], own=SVM)
    assert np.array_equal(meta.X[3], own[0])


def test_a_failed_trial_has_no_loss_and_the_worst_target():
    history = make_history()
    failed = make_trial("b", 50, status=Status.FAILED, loss=float("nan"), reason="diverged at epoch 3: loss is nan")
    more = history.join(History.of([failed], history.tasks, history.spaces))
    meta = featurize(more)
    assert np.flatnonzero(meta.failed).tolist() == [len(meta) - 1]
    assert meta.y[-1] == WORST > meta.y[:-1].max()


def test_tasks_with_too_few_finished_trials_are_left_out():
    history = make_history()
    assert featurize(history, min_trials=10).tasks == ["a-1"]
    with pytest.raises(HistoryError, match=r"13 or more finished trials; got at most 12"):
        featurize(history, min_trials=13)


def test_trials_at_lower_fidelity_are_left_out():
    history = make_history()
    short = History.of([make_trial("b", 60, fidelity=0.1)], history.tasks, history.spaces)
    assert len(featurize(history.join(short))) == len(history)


def test_one_data_set_on_two_machines_is_two_rows_of_one_family_with_one_standard():
    history = make_history()
    other = [make_trial("b", 200 + i, hardware=SERVER, loss=5.0 + i) for i in range(6)]
    meta = featurize(history.join(History.of(other, history.tasks, history.spaces)))
    rows = [i for i, name in enumerate(meta.tasks) if name.partition(" @ ")[0] == "b"]
    assert len(rows) == 2
    assert len({meta.families[i] for i in rows}) == 1
    assert meta.location[rows[0]] == meta.location[rows[1]]
    mf = [i for i, name in enumerate(meta.feature_names) if name.startswith("mf_")]
    hw = [i for i, name in enumerate(meta.feature_names) if name.startswith("hw_")]
    assert np.array_equal(meta.features[rows[0], mf], meta.features[rows[1], mf])
    assert not np.array_equal(meta.features[rows[0], hw], meta.features[rows[1], hw])


def test_times_are_log_seconds_and_a_time_out_counts_as_longer_than_its_limit():
    history = make_history()
    stopped = make_trial(
        "b", 70, status=Status.FAILED, loss=float("nan"), reason="timed out after 10 s", fit_seconds=float("nan")
    )
    unknown = make_trial("c", 71, fit_seconds=float("nan"))
    meta = featurize(history.join(History.of([stopped, unknown], history.tasks, history.spaces))).for_seconds()
    assert len(meta) == len(history) + 1
    assert meta.y[:-1] == pytest.approx(np.log10(0.5))
    assert meta.censored.tolist() == [False] * len(history) + [True]
    assert 10 ** meta.y[-1] > 10


def test_without_a_family_none_of_its_tasks_and_trials_are_left():
    meta = featurize(make_history())
    rest = meta.without(["a"])
    assert list(rest.tasks) == ["b", "c"]
    assert len(rest) == 16
    b = meta.tasks.index("b")
    assert np.array_equal(rest.loss[rest.task == 0], meta.loss[meta.task == b])
    assert np.array_equal(rest.features[0], meta.features[b])
    assert rest.location[0] == meta.location[b]


def test_a_task_of_the_history_gets_its_own_row_of_features_when_it_comes_as_new():
    history = make_history()
    meta = featurize(history)
    raw = {name[3:]: value for name, value in history.tasks.loc["b"].items() if name.startswith("mf_")}
    assert np.allclose(meta.scaler.transform(raw, LAPTOP), meta.features[meta.tasks.index("b")])


def test_a_history_without_meta_features_or_hardware_still_featurizes():
    history = make_history()
    trials = history.trials.drop(columns=[c for c in history.trials if c.startswith("hw_")])
    meta = featurize(History(trials, history.tasks[["family", "digest"]], history.spaces))
    assert meta.features.shape == (4, 0)
    assert meta.scaler.transform({"rows": 3.0}).shape == (0,)


def test_a_saved_meta_dataset_is_read_back_to_the_last_bit(tmp_path):
    meta = featurize(make_history())
    meta.save(tmp_path / "meta.parquet")
    again = MetaDataset.load(tmp_path / "meta.parquet")
    for name in ("X", "task", "loss", "seconds", "y", "features", "location", "scale", "censored", "started"):
        assert np.array_equal(getattr(again, name), getattr(meta, name), equal_nan=True), name
    for name in ("tasks", "families", "feature_names"):
        assert list(getattr(again, name)) == list(getattr(meta, name))
    assert (again.space, again.scaler, again.target) == (meta.space, meta.scaler, meta.target)
    assert json.dumps(again.space.to_dict()) == json.dumps(meta.space.to_dict())
