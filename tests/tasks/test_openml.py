"""Against the answers of openml.org that scikit-learn's own tests carry, put where it caches downloads."""

import shutil
from importlib import resources
from pathlib import Path

import pytest

from forerun.errors import DataError
from forerun.tasks import fetch_openml_task, folder_tasks, save_openml

RECORDED = {
    "api-v1-jd-61.json.gz": "api/v1/json/data/61.gz",
    "api-v1-jdf-61.json.gz": "api/v1/json/data/features/61.gz",
    "api-v1-jdq-61.json.gz": "api/v1/json/data/qualities/61.gz",
    "data-v1-dl-61.arff.gz": "data/v1/download/61/iris.arff.gz",
}


@pytest.fixture
def downloads(tmp_path) -> Path:
    """A cache that already holds OpenML's iris."""
    recorded = resources.files("sklearn.datasets.tests.data.openml.id_61")
    for name, cached in RECORDED.items():
        path = tmp_path / "cache/openml/openml.org" / cached
        path.parent.mkdir(parents=True, exist_ok=True)
        with resources.as_file(recorded / name) as answer:
            shutil.copy(answer, path)
    return tmp_path / "cache"


@pytest.fixture
def offline(monkeypatch):
    """No network, wherever the tests run: a proxy that nobody listens at."""
    for name in ("https_proxy", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")


def test_an_openml_data_set_becomes_a_task(downloads, offline):
    task = fetch_openml_task(61, data_home=downloads, metric="accuracy")
    assert (task.name, task.family, task.kind, task.target) == ("openml_61", "iris", "multiclass", "class")
    assert task.classes == ("Iris-setosa", "Iris-versicolor", "Iris-virginica")
    assert task.source.startswith("OpenML iris (version 1); https://www.openml.org/d/61; Public")


def test_a_saved_data_set_is_a_task_of_its_folder(downloads, offline, tmp_path):
    for _ in range(2):  # the second replaces the first
        path = save_openml(61, tmp_path / "data", data_home=downloads)
    assert path.name == "openml_61.parquet"
    task = folder_tasks(tmp_path / "data")["openml_61"]()
    assert (task.family, task.digest) == ("iris", fetch_openml_task(61, data_home=downloads).digest)


@pytest.mark.slow
def test_without_a_network_the_error_says_what_to_do(offline, tmp_path):
    with pytest.raises(DataError, match=r"cannot download data set 61 from openml\.org.*Check the network"):
        fetch_openml_task(61, data_home=tmp_path)


def test_a_folder_that_cannot_be_written_is_an_error(downloads, offline, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot write into"):
        save_openml(61, tmp_path / "file", data_home=downloads)
