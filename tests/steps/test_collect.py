"""A collection is a plan less what the store holds: nothing is trained twice, nothing is lost."""

import json
from pathlib import Path

import pytest

from forerun.steps.collect import Campaign, choose_tasks, finish
from forerun.steps.project import Project
from forerun.steps.settings import CollectSettings
from forerun.tasks.builtin import RECIPES
from forerun.tracking import names
from forerun.tracking.log import recorded
from forerun.tracking.store import Store
from forerun.trials import Trial
from tests.steps.conftest import make_rings

pytestmark = pytest.mark.slow  # it trains in worker processes

SETTINGS = CollectSettings(shared=5, random=1, chunk=2)
TASKS = {"rings": make_rings, "spots": lambda: make_rings("spots", seed=1)}


@pytest.fixture
def campaign(store: Store, trained_here: list[Trial], tmp_path: Path) -> Campaign:
    return Campaign(store, tmp_path, TASKS, SETTINGS)


def test_the_plan_names_every_training_once_and_tasks_take_turns(campaign: Campaign) -> None:
    keys = campaign._plan.keys
    assert len(set(keys)) == len(keys) == 2 * (5 + 1)
    assert [chunk.task for chunk in campaign.plan] == ["rings", "spots"] * 4
    assert max(len(chunk.configurations) for chunk in campaign.plan) == 2


def test_tasks_share_the_first_configurations_and_draw_the_others_for_themselves(campaign: Campaign) -> None:
    rings, spots = ([c.configurations for c in campaign.plan if c.task == name] for name in TASKS)
    assert rings[:3] == spots[:3]
    assert rings[3] != spots[3]


def test_what_is_planned_does_not_change_from_run_to_run(campaign: Campaign, store: Store, tmp_path: Path) -> None:
    assert Campaign(store, tmp_path, TASKS, SETTINGS).plan == campaign.plan


def test_a_collection_that_was_stopped_goes_on_where_it_was(
    campaign: Campaign, store: Store, trained_here: list[Trial], tmp_path: Path
) -> None:
    plan = campaign.plan
    with campaign as first:
        assert first.pending == plan
        assert first.train(plan[0]) == 2
        assert first.train(plan[0]) == 0
        assert first.pending == plan[1:]
    with Campaign(store, tmp_path, TASKS, SETTINGS) as second:
        assert second.pending == plan[1:]
        for chunk in second.pending:
            second.train(chunk)
        assert second.pending == []
    keys = [trial.key for trial in trained_here]
    assert len(set(keys)) == len(keys) == 12
    assert recorded(store, names.COLLECT) == set(keys)


def test_a_chunk_that_is_half_done_trains_the_other_half(
    campaign: Campaign, trained_here: list[Trial], monkeypatch: pytest.MonkeyPatch
) -> None:
    with campaign as todo:
        chunk = todo.plan[0]
        half = todo._pool.run
        monkeypatch.setattr(todo._pool, "run", lambda jobs: iter([next(iter(half(jobs)))]))
        todo.train(chunk)
        monkeypatch.undo()
        assert todo.missing(chunk) == [chunk.configurations[1]]


def test_a_finished_collection_says_what_it_stands_for_and_says_it_again(
    campaign: Campaign, trained_here: list[Trial], project: Path
) -> None:
    finish(Project(project), campaign)
    first = (project / "data" / "collected.json").read_text()
    finish(Project(project), campaign)
    assert (project / "data" / "collected.json").read_text() == first
    told = json.loads(first)
    assert told["trainings"] == 12
    assert set(told["tasks"]) == {"rings", "spots"}


def test_nothing_of_the_targets_family_is_trained(project: Path) -> None:
    (project / "params.yaml").write_text("target: {data: iris}")
    here = Project(project)
    chosen = choose_tasks(here, here.settings.collect)
    assert set(chosen) == {name for name, recipe in RECIPES.items() if recipe.family != RECIPES["iris"].family}
