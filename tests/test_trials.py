import json

import numpy as np
import pandas as pd
import pytest

from forerun.errors import FormatError, HistoryError
from forerun.space import Condition, Ordinal, Real, SearchSpace, Subset
from forerun.trials import History, Status, Trial, trial_key

SPACE = SearchSpace(
    "s",
    {"steps": Subset(("pca", "scale")), "width": Ordinal((16, 32)), "rate": Real(1e-3, 1.0, log=True)},
    {"rate": Condition.of({"width": 32})},
)


def tasks(*names, digest="d" * 64):
    return pd.DataFrame(
        {"family": names, "kind": "binary", "metric": "accuracy", "source": "", "digest": digest, "mf_rows": 10.0},
        index=pd.Index(names, name="task"),
    )


def trial(task="a", loss=0.25, **more):
    settings = {"configuration": {"steps": ("pca",), "width": 32, "rate": 0.1}, "space": "s", "seed": 0}
    return Trial(**{"task": task, "status": Status.FINISHED, "loss": loss, **settings, **more})


@pytest.fixture
def history():
    trials = [
        trial(metrics={"validation_accuracy": 0.75}, curve=((1, 0.5), (2, 0.25)), hardware={"cores": 2.0, "gpu": ""}),
        trial(configuration={"steps": (), "width": 16}, status=Status.FAILED, loss=float("nan"), reason="diverged"),
    ]
    return History.of(trials, tasks("a"), {"s": SPACE})


def test_the_key_of_a_trial_ignores_the_order_of_its_configuration():
    assert trial_key("t", {"a": 1, "b": (1, 2)}, 0) == trial_key("t", {"b": (1, 2), "a": 1}, 0)
    assert trial_key("t", {"a": 1}, 0) != trial_key("t", {"a": 1}, 1)
    assert trial_key("t", {"a": 1}, 0) != trial_key("t", {"a": 1}, 0, fidelity=0.5)


def test_a_saved_history_comes_back_as_it_was(history, tmp_path):
    history.save(tmp_path)
    back = History.load(tmp_path)
    pd.testing.assert_frame_equal(back.tasks, history.tasks)
    assert (
        back.configurations()
        == history.configurations()
        == [
            {"steps": ("pca",), "width": 32, "rate": 0.1},
            {"steps": (), "width": 16},
        ]
    )
    assert back.spaces == history.spaces


def test_trials_come_back_as_objects(history):
    first, second = history.to_trials()
    assert first.key == trial().key
    assert first.curve == ((1, 0.5), (2, 0.25))
    assert first.metrics == {"validation_accuracy": 0.75}
    assert first.hardware == {"cores": 2.0, "gpu": ""}
    assert (second.status, second.reason) == (Status.FAILED, "diverged")
    assert np.isnan(second.loss)


def test_a_trial_that_both_histories_hold_counts_once(history):
    joined = history.join(history)
    assert len(joined) == len(history)
    assert len(joined.tasks) == 1


def test_other_data_under_the_same_name_stays_another_task(history):
    other = History.of([trial(loss=0.5)], tasks("a", digest="e" * 64), {"s": SPACE})
    joined = history.join(other)
    assert sorted(joined.tasks.index) == ["a", "a~eeeeee"]
    assert joined.trials["trial"].is_unique
    assert len(joined) == len(history) + 1


def test_histories_that_disagree_on_a_space_do_not_join(history):
    other = SearchSpace("s", {**SPACE.domains, "rate": Real(1e-4, 1.0, log=True)}, SPACE.conditions)
    with pytest.raises(HistoryError, match="'s' means different things"):
        history.join(History.of([trial()], tasks("a"), {"s": other}))


def test_a_history_must_know_its_tasks_and_spaces():
    with pytest.raises(HistoryError, match="missing \\['b'\\]"):
        History.of([trial("b")], tasks("a"), {"s": SPACE})
    with pytest.raises(HistoryError, match="missing \\['s'\\]"):
        History.of([trial()], tasks("a"), {})


def test_a_history_of_a_newer_format_is_refused(history, tmp_path):
    history.save(tmp_path)
    saved = json.loads((tmp_path / "spaces.json").read_text())
    (tmp_path / "spaces.json").write_text(json.dumps({**saved, "format": 99}))
    with pytest.raises(FormatError, match=r"format 99.*reads up to 1.*Upgrade"):
        History.load(tmp_path)


def test_a_damaged_or_missing_file_is_named(history, tmp_path):
    with pytest.raises(HistoryError, match=r"trials\.parquet is missing"):
        History.load(tmp_path)
    history.save(tmp_path)
    (tmp_path / "trials.parquet").write_bytes(b"not parquet")
    with pytest.raises(FormatError, match=r"trials\.parquet is not a Parquet file"):
        History.load(tmp_path)


def test_a_parquet_file_of_another_program_is_refused(history, tmp_path):
    history.save(tmp_path)
    history.trials.to_parquet(tmp_path / "trials.parquet")
    with pytest.raises(FormatError, match="no format version"):
        History.load(tmp_path)
