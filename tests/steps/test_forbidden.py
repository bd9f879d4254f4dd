"""What must not be used: read from the command line, and held against a space."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from forerun.errors import SettingsError, SpaceError
from forerun.learners.joint import default_space
from forerun.search import Found
from forerun.steps import Project
from forerun.steps.finetune import FORBIDDEN, fine_tune
from forerun.steps.forbidden import check_something_is_left, is_something_left, parse_forbidden, read_forbidden
from forerun.steps.knowledge import Knowledge, Target
from forerun.steps.recommend import Advice, recommend, searched
from forerun.steps.settings import TuneSettings
from forerun.steps.tell import load_story, save_story
from forerun.tasks import Task
from forerun.tracking.store import open_store
from forerun.tuning.tuner import Tuner
from tests.steps.conftest import make_rings

pytestmark = pytest.mark.slow  # it recommends, again and again

SPACE = default_space("binary")


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("learner=mlp", {"learner": "mlp"}),
        ("learner=mlp,mlp.depth>=3", {"learner": "mlp", "mlp.depth": ">= 3"}),
        ("learner=mlp, mlp.depth=>= 3 ", {"learner": "mlp", "mlp.depth": ">= 3"}),
        ("svm.C > 1e2,learner = svm", {"svm.C": "> 1e2", "learner": "svm"}),
        ("learner=[knn, svm],sample_fraction<=0.5", {"learner": ["knn", "svm"], "sample_fraction": "<= 0.5"}),
        ("preprocessing has pca", {"preprocessing": "has pca"}),
        ("preprocessing=has pca,mlp.residual=true", {"preprocessing": "has pca", "mlp.residual": True}),
    ],
)
def test_combinations_are_read_from_the_command_line(text: str, entry: dict[str, Any]) -> None:
    assert parse_forbidden(text) == entry
    (condition,) = read_forbidden([entry], SPACE)
    assert set(condition.parents) == set(entry)


@pytest.mark.parametrize("text", ["", "learner", "learner=", "=mlp", "learner=mlp,", "learner=mlp;depth", ",", ">=3"])
def test_what_is_no_combination_is_refused(text: str) -> None:
    with pytest.raises((SettingsError, SpaceError), match="forbid"):
        read_forbidden([parse_forbidden(text)], SPACE)


def test_values_get_the_types_of_their_domains() -> None:
    (condition,) = read_forbidden([{"knn.n_neighbors": "7"}], SPACE)
    assert condition.holds({"knn.n_neighbors": 7})


def test_whether_something_is_left_is_known_for_certain() -> None:
    mlp, rest = read_forbidden([{"learner": "mlp"}, {"learner": ["linear", "svm", "knn", "forest", "boosting"]}], SPACE)
    deep, shallow = read_forbidden([{"mlp.depth": ">= 3"}, {"mlp.depth": "<= 2"}], SPACE)
    grid, networks = SPACE.grid(12), SPACE.grid(12, {"learner": "mlp"})
    assert is_something_left(grid, [mlp])
    assert not is_something_left(grid, [mlp, rest])
    assert is_something_left(grid, [deep, shallow, mlp])
    assert is_something_left(networks, [deep])
    assert not is_something_left(networks, [deep, shallow])
    check_something_is_left(networks, [deep], {"learner": "mlp"})
    with pytest.raises(SettingsError, match=r"with \{'learner': 'mlp'\} fixed; nothing is left by .*>= 3.*<= 2"):
        check_something_is_left(networks, [deep, shallow], {"learner": "mlp"})


# -- in a recommendation ----------------------------------------------------------------------------


def test_a_recommendation_is_the_best_of_what_is_allowed_and_says_so(project: Path) -> None:
    free = recommend(make_rings(), project=Project(project))
    assert "allowed" not in searched(free)
    learner = free.suggestions[0].configuration["learner"]
    kept = recommend(make_rings(), project=Project(project), forbidden=[{"learner": learner}])
    assert learner not in {s.configuration["learner"] for s in kept.suggestions}
    assert "The first is the best allowed one of" in searched(kept)
    assert ", proven, in" in searched(kept)


@pytest.mark.parametrize(("proven", "bound"), [(True, 0.0), (False, float("-inf")), (False, -99.0)])
def test_proven_is_said_of_a_recommendation_only_when_it_is_so(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proven: bool, bound: float
) -> None:
    true = Tuner.suggest

    def planted(*arguments: Any, **options: Any) -> Any:
        suggested = true(*arguments, **options)
        found: Found = replace(suggested.found, proven=proven, bound=bound)
        return replace(suggested, found=found)

    monkeypatch.setattr(Tuner, "suggest", planted)
    advice = recommend(make_rings(), project=Project(project), top=1)
    said = searched(advice)
    assert (", proven, in" in said) == proven
    assert ("No proof" in said) == (not proven)
    assert ("could be better by at most" in said) == (bound == -99.0)
    assert said.startswith("Best of ")
    # told the same from its file
    save_story(advice.story, tmp_path / "story.json")
    assert searched(Advice([], load_story(tmp_path / "story.json"), advice.seconds)) == said


@pytest.mark.slow
def test_nothing_that_is_forbidden_is_trained(project: Path, rings: Task, trained_here: list[Any]) -> None:
    others = ["mlp", "linear", "boosting", "forest", "svm"]
    forbidden = ({"learner": others}, {"learner": "knn", "knn.n_neighbors": "<= 5"})
    settings = TuneSettings(trials=2, random_seeds=2, forbidden=forbidden)
    target = Target(Knowledge.load(Project(project)), rings, settings)
    assert target.best_on_average(5) == [c for c in target.best_on_average(5) if c["learner"] == "knn"]
    result = fine_tune(open_store(None, project), target, project)
    assert trained_here
    for trial in trained_here:
        assert not any(condition.holds(trial.configuration) for condition in target.forbidden)
    assert {t.configuration["learner"] for t in trained_here} == {"knn"}
    # the library's default has five neighbours
    assert (result.defaults.final, result.defaults.reason) == (None, FORBIDDEN)
    assert all(contender.final is not None for contender in result.random)
