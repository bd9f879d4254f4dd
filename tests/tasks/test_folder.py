import numpy as np
import pandas as pd
import pytest

from forerun.errors import DataError
from forerun.tasks import folder_tasks

DATA = pd.DataFrame({"x": np.arange(60.0), "target": np.arange(60) % 2})


def fill(folder, manifest, names=("one", "two", "sick")):
    for name in names:
        DATA.to_parquet(folder / f"{name}.parquet")
    (folder / "manifest.csv").write_text(manifest)
    return folder


def test_a_folder_gives_its_tasks_with_their_families_and_sources(tmp_path):
    manifest = (
        "name,task,target,family,source,licence_note\n"
        "one,binary,target,ours,made by hand,CC0\n"
        "two,regression,target,,,\n"
        "sick,binary,target,,,\n"
    )
    tasks = {name: make() for name, make in folder_tasks(fill(tmp_path, manifest), max_rows=20).items()}
    assert {name: (task.kind, task.family) for name, task in tasks.items()} == {
        "one": ("binary", "ours"),
        "two": ("regression", "two"),
        "sick": ("binary", "thyroid"),
    }
    assert tasks["one"].source == "CC0; made by hand"
    assert len(tasks["one"].train) == 12


def test_data_is_read_only_when_a_task_is_made(tmp_path):
    tasks = folder_tasks(fill(tmp_path, "name,task,target\none,binary,target\n"))
    (tmp_path / "one.parquet").unlink()
    with pytest.raises(DataError, match="no such file"):
        tasks["one"]()


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ("name,target\none,target\n", "it lacks task"),
        ("name,task,target\none,ranking,target\n", "task of 'one' .* got 'ranking'"),
        ("name,task,target\nmissing,binary,target\n", r"no missing\.parquet beside it"),
        ("name,task,target\none,binary,target\none,binary,target\n", "'one' is there twice"),
    ],
)
def test_a_bad_manifest_is_refused_before_any_data_is_read(tmp_path, manifest, message):
    with pytest.raises(DataError, match=message):
        folder_tasks(fill(tmp_path, manifest))


def test_a_folder_without_a_manifest_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"must have a manifest\.csv"):
        folder_tasks(tmp_path)
