"""What the steps make of each other's files."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from forerun.errors import HistoryError, SettingsError, SpaceError
from forerun.learners.joint import default_configuration, default_space
from forerun.learners.trial import run_trial
from forerun.metadata import MetaDataset
from forerun.report import final_table
from forerun.steps import STEPS, Project, run_step
from forerun.steps.knowledge import Knowledge, Target, check_compatible
from forerun.steps.project import Project as Folder
from forerun.steps.recommend import recommend
from forerun.steps.settings import TuneSettings
from forerun.steps.summary import summary
from forerun.steps.tell import load_story, save_story
from forerun.tasks import Task
from forerun.tracking import names
from forerun.tracking.log import log_trial
from forerun.tracking.records import TaskRecord, log_space, log_task
from forerun.tracking.store import open_store
from forerun.trials import History
from tests.report.example import tuned
from tests.steps.conftest import make_rings

pytestmark = pytest.mark.slow  # it runs whole steps

SPACE = default_space("binary")


def log_one(root: Path, task: Task, seed: int = 0) -> None:
    store, record = open_store(None, root), TaskRecord.of(task)
    log_space(store, SPACE)
    log_task(store, record, {})
    log_trial(
        store, names.COLLECT, run_trial(task, default_configuration("knn", "binary"), space=SPACE, seed=seed), record
    )


def test_the_fingerprint_changes_when_there_is_something_to_mine(
    project: Path, rings: Task, capsys: pytest.CaptureFixture[str]
) -> None:
    said = []
    for more in (False, False, True, False):
        if more:
            log_one(project, rings)
        run_step("fingerprint", Project(project))
        said.append(capsys.readouterr().out)
    assert said[0] == ""
    assert "0 runs in sqlite" in said[1]
    assert "up to date" in said[1]
    assert "changed since they were mined" in said[2]
    assert "up to date" in said[3]


def test_mining_joins_the_store_with_the_shipped_history(project: Path, rings: Task) -> None:
    shutil.copytree(project / "data" / "trials", project / "data" / "history")
    before = History.load(project / "data" / "history")
    log_one(project, rings)
    run_step("mine", Project(project))
    after = History.load(project / "data" / "trials")
    assert len(after) == len(before) + 1
    assert set(after.tasks.index) == {*before.tasks.index, "rings"}


def test_a_project_may_start_from_its_own_runs_alone(project: Path, rings: Task) -> None:
    (project / "params.yaml").write_text("mine: {history: null}")
    log_one(project, rings)
    run_step("mine", Project(project))
    assert len(History.load(project / "data" / "trials")) == 1


def test_the_family_of_the_target_teaches_nothing(project: Path) -> None:
    history = History.load(project / "data" / "trials")
    family = str(history.tasks["family"].iloc[0])
    (project / "params.yaml").write_text(f"target: {{data: somewhere/{family}.csv, column: y}}")
    run_step("featurize", Project(project))
    meta = MetaDataset.load(project / "data" / "meta" / "meta.parquet")
    assert family in set(history.tasks["family"])
    assert family not in meta.families
    assert (project / "data" / "meta" / "DATASHEET.md").read_text().startswith("#")


def test_an_unknown_step_names_the_known_ones(project: Path) -> None:
    with pytest.raises(SettingsError, match=f"{', '.join(STEPS)}; got 'trian'"):
        run_step("trian", Project(project))


def test_the_summary_tells_the_last_recommendation_and_where_to_look(project: Path) -> None:
    here = Folder(project)
    save_story(tuned(), here.recommendation / "story.json")
    said = summary(here)
    assert final_table(load_story(here.recommendation / "story.json")) in said
    assert str(here.page) in said
    assert "forerun ui" in said


# -- knowledge --------------------------------------------------------------------------------------


@pytest.fixture
def target(project: Path, rings: Task) -> Target:
    return Target(Knowledge.load(Project(project)), rings, TuneSettings())


def fixing(target: Target, **values: object) -> Target:
    return replace(target, settings=TuneSettings(fixed={k.replace("__", "."): v for k, v in values.items()}))


def test_fixed_values_get_the_types_of_their_domains(target: Target) -> None:
    assert fixing(target, learner="knn", knn__n_neighbors="7").fixed == {"learner": "knn", "knn.n_neighbors": 7}


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ({"learner": "gpt"}, SpaceError, "the fixed 'learner' must be .*; got 'gpt'"),
        ({"knn__n_neighbors": "many"}, SpaceError, "'knn.n_neighbors' .*must be integer; got 'many'"),
        ({"knn__n_neighbors": 10**9}, SpaceError, "the fixed 'knn.n_neighbors' must be .*; got 1000000000"),
        ({"learner": "svm", "knn__p": 1}, SettingsError, "'knn.p' .* only when learner is knn; got learner=svm"),
    ],
)
def test_fixed_values_that_cannot_be_used_are_refused(
    target: Target, values: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        _ = fixing(target, **values).tuner


def test_fixed_values_that_go_together_are_accepted() -> None:
    check_compatible(SPACE, {"learner": "knn", "knn.p": 1, "sample_fraction": 0.5})


def test_values_that_the_history_never_tried_leave_nothing_to_fall_back_on(target: Target) -> None:
    assert len(target.best_on_average(3)) == 3
    assert fixing(target, sample_fraction=0.77).best_on_average(3) == []


def test_a_history_that_shares_no_configurations_is_named(target: Target) -> None:
    nothing = target.knowledge.history.of_tasks([])
    none = replace(target.knowledge, history=nothing, remembered=np.ones(0, dtype=bool))
    with pytest.raises(HistoryError, match="Record a history with shared configurations"):
        replace(target, knowledge=none).best_on_average(1)


def test_neighbours_are_of_the_history_and_nearest_first(target: Target) -> None:
    found = target.neighbours()
    assert found
    assert {n.name for n in found} <= set(target.knowledge.history.tasks.index)
    assert [n.distance for n in found] == sorted(n.distance for n in found)


def test_a_recommendation_from_python_belongs_to_the_space_and_is_the_same_each_time(project: Path) -> None:
    one, two = (recommend(make_rings(), project=Project(project), top=2) for _ in range(2))
    assert [s.configuration for s in one.suggestions] == [s.configuration for s in two.suggestions]
    for suggestion in one.suggestions:
        SPACE.check(suggestion.configuration)
        assert np.isfinite([suggestion.loss, suggestion.std, suggestion.seconds]).all()
    assert one.registered is None
    assert one.tuned is None


@pytest.mark.slow
def test_all_steps_in_a_row_lead_to_a_registered_champion_and_a_page(project: Path) -> None:
    shutil.copytree(project / "data" / "trials", project / "data" / "history")
    for made in ("trials", "meta", "models", "reports"):
        shutil.rmtree(project / "data" / made)
    (project / "params.yaml").write_text(
        "collect: {tasks: [iris, engel], shared: 2, random: 1}\n"
        "train: {candidates: [linear], folds: 2, candidates_per_task: 20}\n"
        "target: {data: wine_second_cultivar}\n"
        "tune: {trials: 2, random_seeds: 1}\n"
    )
    here = Project(project)
    for name in STEPS:
        run_step(name, here)
    page = here.page.read_text()
    assert "forerun-champion-wine_second_cultivar" in page
    store = open_store(None, project)
    assert store.client.get_model_version_by_alias("forerun-champion-wine_second_cultivar", "champion").version
    for name in STEPS:  # and again: nothing is trained twice
        run_step(name, here)
    place = store.experiment(names.TUNE)
    assert len(store.client.search_runs([place], "tags.`forerun.trial` != ''")) == 2
