"""Files of meta-learners and forecasters."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from forerun.checks.world import SPACE, Example, example, history
from forerun.errors import FormatError
from forerun.metalearners import METALEARNERS, Context, Forecaster, Linear, Network, load, save

pytestmark = pytest.mark.slow  # models are trained, or many stores made

every = pytest.mark.parametrize("name", METALEARNERS)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def task() -> Example:
    return example(np.random.default_rng(99), 30)


@every
def test_what_is_loaded_predicts_the_same_to_the_last_bit(name: str, tmp_path: Path, task: Example) -> None:
    learner = METALEARNERS[name]().fit(history(tasks=8, trials=30))
    save(learner, tmp_path)
    context = Context(task.features, task.X[:4], task.loss[:4])
    one, two = (made.adapt(context).predict(task.X) for made in (learner, load(tmp_path)))
    np.testing.assert_array_equal(one.mean, two.mean)
    np.testing.assert_array_equal(one.std, two.std)


def test_a_forecaster_forecasts_the_same_after_loading(tmp_path: Path, task: Example) -> None:
    forecaster = Forecaster(Linear(), Network()).fit(history(tasks=8, trials=30))
    forecaster.save(tmp_path)
    loaded = Forecaster.load(tmp_path)
    configurations = SPACE.sample(np.random.default_rng(0), 5)
    losses = loaded.context(task.features, configurations, SPACE, task.loss[:5])
    times = loaded.context(task.features, configurations, SPACE, np.log10(task.seconds[:5]))
    assert loaded.space_ == SPACE
    one, two = (made.adapt(losses, times) for made in (forecaster, loaded))
    for a, b in ((one.loss, two.loss), (one.seconds, two.seconds)):
        np.testing.assert_array_equal(a.predict(task.X).mean, b.predict(task.X).mean)


def test_a_history_without_times_forecasts_losses_alone(tmp_path: Path, task: Example) -> None:
    meta = history(tasks=8, trials=30)
    forecaster = Forecaster(Linear(), Linear()).fit(replace(meta, seconds=np.full(len(meta), np.nan)))
    forecaster.save(tmp_path)
    for made in (forecaster, Forecaster.load(tmp_path)):
        forecast = made.adapt(Context.empty(task.features, task.X.shape[1]))
        assert forecast.seconds is None
        assert np.isfinite(forecast.loss.predict(task.X).mean).all()


def damage(folder: Path, case: str) -> None:
    path = folder / "metalearner.json"
    head = json.loads(path.read_text())
    if case == "newer":
        path.write_text(json.dumps({**head, "format": 99}))
    elif case == "unknown":
        path.write_text(json.dumps({**head, "metalearner": "oracle"}))
    elif case == "truncated":
        path.write_text(path.read_text()[:50])
    elif case == "no options":
        path.write_text(json.dumps({**head, "settings": {}}))
    elif case == "missing arrays":
        (folder / "metalearner.safetensors").unlink()
    elif case == "broken arrays":
        (folder / "metalearner.safetensors").write_bytes(b"\x00" * 40)
    else:
        path.write_text("[1, 2]")


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("newer", "at most 1; got 99. Upgrade"),
        ("unknown", "must be one of linear, .*, network, .*; got 'oracle'"),
        ("truncated", "must hold a saved meta-learner"),
        ("no options", "is damaged"),
        ("missing arrays", "must hold a saved meta-learner"),
        ("broken arrays", "must hold a saved meta-learner"),
        ("a list", "must be at most 1; got None"),
    ],
)
def test_damaged_files_say_what_is_wrong(case: str, words: str, tmp_path: Path) -> None:
    save(Linear().fit(history(tasks=4, trials=10)), tmp_path)
    damage(tmp_path, case)
    with pytest.raises(FormatError, match=words):
        load(tmp_path)


def test_a_folder_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="must hold a saved meta-learner"):
        Forecaster.load(tmp_path / "nowhere")


def test_a_meta_learner_that_is_not_registered_cannot_be_saved(tmp_path: Path) -> None:
    class Own(Linear):
        pass

    with pytest.raises(FormatError, match="Register it"):
        save(Own().fit(history(tasks=4, trials=10)), tmp_path)
