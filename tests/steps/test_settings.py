"""params.yaml is read strictly: what it says is meant, and what it cannot mean is an error."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml

from forerun.errors import ForerunError, SettingsError
from forerun.steps.knowledge import check_tuning
from forerun.steps.settings import Settings, TuneSettings, load_settings, read
from tests.projects import REPOSITORY


def test_the_shipped_settings_name_every_stage_and_are_read() -> None:
    found = load_settings(REPOSITORY / "params.yaml")
    raw = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    assert set(raw) == {field.name for field in dataclasses.fields(Settings)}
    for stage, values in raw.items():
        for name, value in values.items():
            read_back = getattr(getattr(found, stage), name)
            assert (list(read_back) if isinstance(read_back, tuple) else read_back) == value


def test_dvc_watches_only_settings_that_there_are() -> None:
    stages = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())["stages"]
    watched = {name for stage in stages.values() for name in stage.get("params", []) if isinstance(name, str)}
    for name in watched:
        value: Any = Settings()
        for part in name.split("."):
            value = getattr(value, part)


@pytest.mark.parametrize("text", ["", "tune:\n", "{}"])
def test_what_is_left_out_has_its_default(tmp_path: Path, text: str) -> None:
    (tmp_path / "params.yaml").write_text(text)
    assert load_settings(tmp_path / "params.yaml") == Settings()


def test_numbers_get_the_type_of_their_setting() -> None:
    found = read(Settings, {"tune": {"trials": 4.0, "timeout_s": 7, "seconds": 3}}, "params")
    assert (found.tune.trials, found.tune.timeout_s, found.tune.seconds) == (4, 7.0, 3.0)
    assert [type(v) for v in (found.tune.trials, found.tune.timeout_s, found.tune.seconds)] == [int, float, float]


def test_forbidden_combinations_are_a_list_of_mappings_that_may_be_empty() -> None:
    listed = [{"learner": "mlp", "mlp.depth": ">= 3"}, {"learner": ["svm", "knn"]}]
    assert read(Settings, {"tune": {"forbidden": listed}}, "params").tune.forbidden == tuple(listed)
    assert read(Settings, {"tune": {"forbidden": []}}, "params").tune.forbidden == ()


def test_histories_to_join_are_one_folder_a_list_or_none() -> None:
    def histories(value: Any) -> tuple[str, ...]:
        return read(Settings, {"mine": {"history": value}}, "params").mine.histories

    assert histories("data/history") == ("data/history",)
    assert histories(["data/history", "ours"]) == ("data/history", "ours")
    assert histories(None) == ()
    for wrong in ([], [1], 3, {"a": 1}):
        with pytest.raises(SettingsError, match="mine: history must be"):
            histories(wrong)


def test_null_is_none_where_none_is_allowed() -> None:
    found = read(Settings, {"collect": {"workers": None}, "mine": {"history": None}}, "params")
    assert found.collect.workers is None
    assert found.mine.history is None


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"tune": {"trails": 3}}, "keys of params: tune must be among trials, .*; got trails"),
        ({"tuning": {}}, "keys of params must be among store, .*; got tuning"),
        ({"tune": {"trials": True}}, "params: tune: trials must be a whole number; got True"),
        ({"tune": {"trials": "8"}}, "trials must be a whole number; got '8'"),
        ({"tune": {"trials": None}}, "trials must be a whole number; got None"),
        ({"tune": {"trials": float("inf")}}, "trials must be a whole number; got inf"),
        ({"tune": {"timeout_s": float("nan")}}, "timeout_s must be a number; got nan"),
        ({"tune": {"timeout_s": -1}}, "timeout_s must not be negative; got -1"),
        ({"tune": {"acquisition": 3}}, "acquisition must be a string; got 3"),
        ({"tune": {"fixed": ["learner"]}}, r"fixed must be a mapping; got \['learner'\]"),
        (
            {"tune": {"forbidden": {"learner": "mlp"}}},
            r"forbidden must be a list of mappings; got \{'learner': 'mlp'\}",
        ),
        ({"tune": {"forbidden": ["learner"]}}, "forbidden must be a mapping; got 'learner'"),
        ({"tune": {"proof_s": -1}}, "proof_s must not be negative; got -1"),
        ({"tune": [1]}, r"params: tune must be a mapping of settings; got \[1\]"),
        ({"mine": {"experiments": []}}, r"experiments must be a list of names; got \[\]"),
        ({"mine": {"experiments": [3]}}, r"experiments must be a list of names; got \[3\]"),
        ({"store": {"uri": 5000}}, "uri must be a string; got 5000"),
    ],
)
def test_what_a_setting_cannot_mean_is_refused(raw: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        read(Settings, raw, "params")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (TuneSettings(strategy="climb"), r"tune.strategy must be null or one of ascent, .*; got 'climb'"),
        (TuneSettings(architectures="lenet"), r"tune.architectures must be null or one of dense, cells; got 'lenet'"),
        (TuneSettings(optimizers=("adam", "lion")), r"optimizers must be among sgd, .*; got lion"),
    ],
)
def test_names_that_there_are_not_are_refused_before_the_trainings_that_come_first(
    settings: TuneSettings, message: str
) -> None:
    with pytest.raises(ForerunError, match=message):
        check_tuning(settings)
    check_tuning(TuneSettings(strategy="reinforce", optimizers=("adam", "learned")))
