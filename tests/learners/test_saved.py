import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression

from forerun.errors import FormatError
from forerun.learners import LEARNERS
from forerun.learners.joint import default_configuration
from forerun.learners.preprocessing import STEPS
from forerun.learners.saved import load_model, save_model
from forerun.tasks import Task

pytestmark = pytest.mark.slow  # models are trained


class Foreign(LogisticRegression):
    """A type that no saved model of ours holds."""


def fitted(name: str, task: Task, **changes):
    configuration = default_configuration(name, task.kind) | {"preprocessing": STEPS} | changes
    return LEARNERS[name].train(configuration, task, fidelity=0.1).model


@pytest.mark.parametrize("kind", ["multiclass", "regression"])
@pytest.mark.parametrize("name", LEARNERS)
def test_a_model_predicts_the_same_after_a_round_trip(
    name: str, kind: str, tasks: dict[str, Task], tmp_path: Path
) -> None:
    task = tasks[kind]
    changes = {"mlp.normalisation": "batch"} if name == "mlp" else {}
    model = fitted(name, task, **changes)
    save_model(model, tmp_path / "model")
    again = load_model(tmp_path / "model")
    np.testing.assert_array_equal(again.predict(task.validation.X), model.predict(task.validation.X))
    if kind == "multiclass":
        np.testing.assert_array_equal(again.predict_proba(task.validation.X), model.predict_proba(task.validation.X))


@pytest.mark.parametrize("kernel", ["linear", "poly", "sigmoid"])
def test_every_kernel_survives(kernel: str, tasks: dict[str, Task], tmp_path: Path) -> None:
    model = fitted("svm", tasks["binary"], **{"svm.kernel": kernel})
    save_model(model, tmp_path)
    X = tasks["binary"].validation.X
    np.testing.assert_array_equal(load_model(tmp_path).predict(X), model.predict(X))


def test_every_element_of_a_searched_preprocessing_survives(tasks: dict[str, Task], tmp_path: Path) -> None:
    for i, step in enumerate(STEPS):
        model = (
            LEARNERS["knn"]
            .train(default_configuration("knn", "regression") | {"preprocessing": (step,)}, tasks["regression"])
            .model
        )
        save_model(model, tmp_path / str(i))
        load_model(tmp_path / str(i))


@pytest.fixture
def saved(tasks: dict[str, Task], tmp_path: Path) -> Path:
    save_model(fitted("linear", tasks["binary"]), tmp_path / "linear")
    return tmp_path / "linear"


def test_a_foreign_type_is_refused(saved: Path) -> None:
    skops.io.dump(Foreign(), saved / "estimator.skops")
    with pytest.raises(FormatError, match=r"types that forerun does not trust .*Foreign"):
        load_model(saved)


def test_nothing_is_pickled(saved: Path, tasks: dict[str, Task], tmp_path: Path) -> None:
    save_model(fitted("mlp", tasks["binary"]), tmp_path / "mlp")
    names = {p.name for folder in (saved, tmp_path / "mlp") for p in folder.iterdir()}
    assert names == {"model.json", "transformer.skops", "estimator.skops", "network.safetensors"}


@pytest.mark.parametrize("name", ["model.json", "transformer.skops", "estimator.skops"])
@pytest.mark.parametrize("content", [None, b"", b"garbage"])
def test_a_missing_or_damaged_file_is_named(name: str, content: bytes | None, saved: Path) -> None:
    (saved / name).unlink()
    if content is not None:
        (saved / name).write_bytes(content)
    with pytest.raises(FormatError, match=name):
        load_model(saved)


def test_a_damaged_network_is_named(tasks: dict[str, Task], tmp_path: Path) -> None:
    save_model(fitted("mlp", tasks["binary"]), tmp_path / "a")
    save_model(fitted("mlp", tasks["binary"], **{"mlp.width_1": 16}), tmp_path / "b")
    shutil.copy(tmp_path / "b" / "network.safetensors", tmp_path / "a")
    with pytest.raises(FormatError, match=r"tensors of .* must be"):
        load_model(tmp_path / "a")
    (tmp_path / "a" / "network.safetensors").write_bytes(b"garbage")
    with pytest.raises(FormatError, match=r"network\.safetensors is not a readable"):
        load_model(tmp_path / "a")


def test_a_newer_format_asks_for_an_upgrade(saved: Path) -> None:
    head = json.loads((saved / "model.json").read_text())
    (saved / "model.json").write_text(json.dumps(head | {"format": 99}))
    with pytest.raises(FormatError, match=r"format 99.*Upgrade forerun"):
        load_model(saved)
