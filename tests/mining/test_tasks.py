"""What makes runs one task is a rule: guessed and told, or stated."""

import numpy as np
import pytest

from forerun.errors import SettingsError
from forerun.mining import Rules, Understood, understand
from forerun.mining.counting import PARENT
from forerun.mining.understand import NO_TASK
from tests.mining.making import Run, data_set, runs_of, sweep


def tasks(made: list[Run], task_by: str | None = None) -> list[str]:
    return sorted(understand(runs_of(made), Rules(task_by=task_by)).history.tasks.index)


def on_data(digests: str, experiment: str = "net") -> list[Run]:
    made = sweep(experiment, len(digests))
    for run, digest in zip(made, digests, strict=True):
        run.inputs = (data_set(digest * 8),)
    return made


def test_an_experiment_is_a_task() -> None:
    assert tasks([*sweep("a"), *sweep("b")]) == ["a", "b"]


def test_several_data_sets_of_an_experiment_are_tasks_where_each_has_some_runs() -> None:
    assert tasks([*on_data("xxxyyyzzz"), *sweep("b")]) == ["b", "net #xxxxxxxx", "net #yyyyyyyy", "net #zzzzzzzz"]
    # a new split for every run makes no task
    assert tasks(on_data("abcdefghi")) == ["net"]
    assert tasks(on_data("aaaaaa")) == ["net"]
    assert tasks(on_data("aaaaaa"), "dataset") == ["net #aaaaaaaa"]


def test_tags_parameters_and_parents_make_tasks() -> None:
    made = sweep(more=lambda i: {"data": "iris" if i % 2 else "wine"})
    for i, run in enumerate(made):
        run.tags = {"city": "Oslo" if i < 6 else "Rome", PARENT: f"sweep{i // 6}"}
    assert tasks(made, "tag:city") == ["Oslo", "Rome"]
    assert tasks(made, "param:data") == ["iris", "wine"]
    assert tasks(made, "parent") == ["run sweep0", "run sweep1"]
    found = understand(runs_of(made), Rules(task_by="param:data")).findings
    assert found.parameters_left_out["data"] == "it makes the tasks"
    assert found.task_rule == "one for each param:data, as stated"


def test_a_run_without_what_the_rule_asks_for_is_left_out() -> None:
    made = sweep()
    for run in made[:8]:
        run.tags = {"city": "Oslo"}
    assert list(understand(runs_of(made), Rules(task_by="tag:city")).findings.left_out) == [NO_TASK]


@pytest.mark.parametrize("rule", ["tag", "tag:", "colour", ""])
def test_a_rule_that_is_none_is_an_error(rule: str) -> None:
    with pytest.raises(SettingsError, match="tag:NAME"):
        Rules(task_by=rule)


def described(made: list[Run]) -> Understood:
    return understand(runs_of(made), Rules(origin="http://team:5000"))


def test_tasks_on_the_same_data_are_of_one_family_and_know_their_data() -> None:
    table = described([*on_data("aaaaaa", "one"), *on_data("aaaaaa", "two"), *sweep("three")]).history.tasks
    assert table["family"].tolist() == ["data aaaaaaaa", "three", "data aaaaaaaa"]
    assert table.loc["one", "digest"] == "aaaaaaaa"
    assert table.loc["three", "digest"] not in ("", "aaaaaaaa")
    assert table.loc["one", "mf_log10_rows"] == 2
    assert np.isnan(table.loc["three", "mf_log10_rows"])  # type: ignore[arg-type]
    assert table.loc["one", ["metric", "direction", "kind"]].tolist() == ["val_acc", "maximize", "classification"]
    assert table.loc["three", "source"] == "http://team:5000"


def test_what_never_varies_within_a_task_tells_of_the_task() -> None:
    made = [*sweep("a", more=lambda _: {"n_rows": 100}), *sweep("b", more=lambda _: {"n_rows": 900})]
    found = described(made)
    assert found.history.tasks["mf_param n_rows"].tolist() == [100, 900]
    assert "n_rows" not in next(iter(found.history.spaces.values())).domains
    assert "about the task" in found.findings.parameters_left_out["n_rows"]


def test_a_name_that_the_meta_dataset_could_not_hold_is_changed() -> None:
    assert tasks([*sweep("a @ b"), *sweep(" ")]) == ["(no name)", "a at b"]
