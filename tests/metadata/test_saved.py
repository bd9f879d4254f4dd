"""Files of meta-datasets: what is read, and what is refused; datasheets and neighbours."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forerun.errors import FormatError, HistoryError
from forerun.metadata import MetaDataset, datasheet, featurize, nearest_tasks
from forerun.trials import History, Status
from tests.metadata.test_featurize import SERVER, make_history, make_trial


@pytest.fixture
def path(tmp_path):
    featurize(make_history()).save(tmp_path / "meta.parquet")
    return tmp_path / "meta.parquet"


def rewrite(path, **changes: bytes):
    table = pq.read_table(path)
    metadata = {**table.schema.metadata, **{f"forerun.{k}".encode(): v for k, v in changes.items()}}
    pq.write_table(table.replace_schema_metadata(metadata), path)


def test_nothing_but_the_file_is_left_behind(path):
    assert [p.name for p in path.parent.iterdir()] == ["meta.parquet"]


def test_a_missing_file_says_how_to_make_it(tmp_path):
    with pytest.raises(HistoryError, match="forerun step featurize"):
        MetaDataset.load(tmp_path / "meta.parquet")


def test_a_newer_format_is_refused(path):
    rewrite(path, format=b"2")
    with pytest.raises(FormatError, match=r"at most 1; got '2'\. Upgrade"):
        MetaDataset.load(path)


def test_a_foreign_parquet_file_is_refused(path):
    pq.write_table(pa.table({"a": [1]}), path)
    with pytest.raises(FormatError, match="got another Parquet file"):
        MetaDataset.load(path)


def test_what_is_no_parquet_file_is_refused(path):
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(FormatError, match="must be a Parquet file"):
        MetaDataset.load(path)


@pytest.mark.parametrize("meta", [b"{", b"{}", b'{"space": {"domains": {}}}'])
def test_a_damaged_description_is_refused(path, meta):
    rewrite(path, meta=meta)
    with pytest.raises(FormatError, match="is damaged"):
        MetaDataset.load(path)


def test_a_column_that_is_missing_is_damage(path):
    pq.write_table(pq.read_table(path).drop_columns("x.trees=u"), path)
    with pytest.raises(FormatError, match="is damaged"):
        MetaDataset.load(path)


def test_the_datasheet_counts_trials_failures_and_families():
    history = make_history()
    reasons = ["diverged at epoch 3: loss is nan", "diverged at epoch 14: loss is nan", "timed out after 10 s"]
    failed = [
        make_trial("b", 300 + i, status=Status.FAILED, loss=float("nan"), reason=r) for i, r in enumerate(reasons)
    ]
    history = history.join(History.of(failed, history.tasks, history.spaces))
    text = datasheet(featurize(history), history)
    assert "| trials | 39 |" in text
    assert "| of which failed | 3, 1 of them at their time limit |" in text
    assert "4 data sets, 3 families" in text
    assert "| diverged at epoch N: loss is nan | 2 |" in text
    assert "| `svm.C` | real | 4 |" in text
    assert "mf_stump" in text


def test_the_datasheet_of_a_bare_history_says_what_is_unknown():
    history = make_history()
    trials = history.trials.drop(columns=[c for c in history.trials if c.startswith(("hw_", "started", "reason"))])
    bare = History(trials, history.tasks[["family"]], history.spaces)
    text = datasheet(featurize(bare), bare)
    assert "| hardware | unknown |" in text
    assert "| recorded | unknown |" in text


def test_the_nearest_task_of_a_task_is_itself_and_each_data_set_counts_once():
    history = make_history()
    elsewhere = [make_trial("b", 400 + i, hardware=SERVER) for i in range(6)]
    meta = featurize(history.join(History.of(elsewhere, history.tasks, history.spaces)))
    row = next(i for i, name in enumerate(meta.data_sets) if name == "b")
    found = nearest_tasks(meta, meta.features[row], k=10)
    assert found[0] == ("b", 0.0)
    assert sorted(n.task for n in found) == ["a-1", "a-2", "b", "c"]
    assert np.all(np.diff([n.distance for n in found]) >= 0)
    assert nearest_tasks(meta, meta.features[row], k=2) == found[:2]


def test_without_meta_features_no_task_is_like_another():
    history = make_history()
    meta = featurize(History(history.trials, history.tasks[["family"]], history.spaces))
    with pytest.raises(HistoryError, match="must hold meta-features"):
        nearest_tasks(meta, meta.features[0])


def test_a_task_name_that_would_be_misread_is_refused():
    history = make_history()
    trials = history.trials.assign(task=history.trials["task"].replace("b", "b @ home"))
    tasks = history.tasks.rename(index={"b": "b @ home"})
    with pytest.raises(HistoryError, match="b @ home"):
        featurize(History(trials, tasks, history.spaces))


def test_the_order_of_trials_changes_no_row():
    history = make_history()
    order = np.random.default_rng(0).permutation(len(history))
    other = featurize(History(history.trials.iloc[order].reset_index(drop=True), history.tasks, history.spaces))
    meta = featurize(history)
    assert other.tasks == meta.tasks
    assert np.array_equal(other.y, meta.y[order])
    assert np.array_equal(other.X, meta.X[order])
    assert pd.Series(other.task).equals(pd.Series(meta.task[order]))


def test_a_file_from_before_trials_carried_their_time_is_read_and_knows_none(path):
    meta = MetaDataset.load(path)
    pq.write_table(pq.read_table(path).drop_columns("started"), path)
    older = MetaDataset.load(path)
    assert np.isnan(older.started).all()
    assert np.array_equal(older.loss, meta.loss)
