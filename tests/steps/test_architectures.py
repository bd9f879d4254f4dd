"""Architectures as what is tuned: from a super-network to a registered model and its page, target after target."""

from functools import partial
from pathlib import Path

import pandas as pd
import pytest
import torch

from forerun.errors import SettingsError
from forerun.learners.architectures import ARCHITECTURES, Recipe
from forerun.search import STRATEGIES, Evolution
from forerun.steps import Project, run_step
from forerun.steps.architectures import check
from forerun.steps.knowledge import Knowledge, Target
from forerun.steps.settings import TuneSettings
from forerun.steps.target import load_target
from forerun.steps.tell import load_story
from forerun.supernets import SANDWICHES, Sandwich, Shared, SuperNet
from forerun.tasks import Task
from forerun.tracking import names
from forerun.tracking.models import load_champion
from forerun.tracking.store import open_store
from forerun.trials import History, Trial
from tests.flows.projects import trials

pytestmark = pytest.mark.slow  # it trains networks

PARAMS = """
mine: {{history: null, experiments: [forerun/collect, forerun/tune, forerun/baselines]}}
target: {{data: {data}}}
tune: {{architectures: dense, strategy: evolution, trials: {trials}, random_seeds: 2}}
"""


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.setitem(ARCHITECTURES, "dense", type(ARCHITECTURES["dense"])(Recipe(epochs=1)))
    monkeypatch.setitem(SANDWICHES, "dense", Sandwich(epochs=1, paths=1))
    monkeypatch.setitem(STRATEGIES, "evolution", lambda: Evolution(16, 8, 2, 4))
    monkeypatch.setattr("forerun.steps.architectures.SHORT", 8)


def tune(project: Path, data: str, budget: int) -> Project:
    (project / "params.yaml").write_text(PARAMS.format(data=data, trials=budget))
    here = Project(project)
    run_step("tune", here)
    return here


def test_a_target_teaches_the_next_one_and_a_run_that_was_killed_goes_on(
    project: Path, trained_here: list[Trial], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tune(project, "diabetes", 2)
    first = load_story(here.recommendation / "story.json").architectures
    assert first is not None
    assert first.size > 10**40
    assert 8 < first.scored <= 16
    assert first.earlier == 0
    taught = len(trials(project, names.TUNE)) + len(trials(project, names.BASELINES))
    assert {(t.task, t.configuration["learner"]) for t in trained_here} == {("diabetes", "dense")}

    with monkeypatch.context() as killed:
        killed.setattr("forerun.steps.finetune.judge", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            tune(project, "iris", 2)
    chosen = trials(project, names.TUNE)
    monkeypatch.setattr(SuperNet, "fit", lambda *_, **__: pytest.fail("the super-network was trained again"))
    here = tune(project, "iris", 2)
    assert trials(project, names.TUNE) == chosen
    story = load_story(here.recommendation / "story.json")
    assert story.architectures is not None
    assert story.architectures.earlier == taught
    assert [n.name for n in story.neighbours] == ["diabetes"]

    run_step("register", here)
    run_step("report", here)
    page = here.page.read_text()
    assert "Train <em>a dense network</em> on" in page
    assert "Of 3.5\u00a0×\u00a010⁴² dense architectures, a super-network" in page
    assert f"and {taught} trainings of such networks on other data sets" in page
    champion, task = load_champion(open_store(None, project), "iris"), load_target(here)
    assert champion.configuration == story.recommendation.configuration
    assert champion.loss(task.test, task.metric, task.labels) == pytest.approx(story.recommendation.test_loss)

    # the joint space learns nothing of it, also where what was tuned is mined
    before, past = Knowledge.load(here).meta, History.load(here.trials)
    run_step("mine", here)
    assert "dense-architectures" in set(History.load(here.trials).trials["space"])
    past.join(History.load(here.trials)).save(here.trials)
    (project / "params.yaml").write_text("target: {data: engel}")
    run_step("featurize", Project(project))
    after = Knowledge.load(Project(project)).meta
    assert (len(after), after.tasks, after.space) == (len(before), before.tasks, before.space)


def test_a_target_that_the_family_cannot_take_is_refused_before_anything_long(project: Path) -> None:
    (project / "params.yaml").write_text("target: {data: iris}\ntune: {architectures: cells}")
    with pytest.raises(SettingsError, match=r"tune.architectures: cells .*'iris'.* named by row and column"):
        check(Project(project))


def test_what_a_super_network_took_is_no_longer_there_for_trainings(rings: Task) -> None:
    shared = Shared("dense", History.of([], pd.DataFrame(), {}), seconds=12.0)
    target = partial(Target, None, rings, shared=shared)
    assert target(settings=TuneSettings()).seconds is None
    assert target(settings=TuneSettings(seconds=20)).seconds == 8
    with pytest.raises(SettingsError, match=r"tune.seconds must be above what the super-network of 'rings' took, 12 s"):
        _ = target(settings=TuneSettings(seconds=12)).seconds
