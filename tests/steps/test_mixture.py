"""Recommendations by a mixture, which no search can take apart: with limits, fronts, trainings, and told honestly."""

from pathlib import Path

import pytest

from forerun.metadata import MetaDataset
from forerun.metalearners import Forecaster, Linear, Mixture
from forerun.report import render
from forerun.steps import Project
from forerun.steps.recommend import describe, recommend
from forerun.steps.tell import load_story, save_story
from forerun.tracking import names
from forerun.tracking.models import register_metalearner
from forerun.tracking.store import Store, open_store
from forerun.trials import Trial
from tests.steps.conftest import make_rings

pytestmark = pytest.mark.slow  # it fits, trains and searches


@pytest.fixture(scope="module")
def mixture(trained: Path) -> Forecaster:
    meta = MetaDataset.load(Project(trained).meta / "meta.parquet")
    return Forecaster(Mixture(), Linear()).fit(meta)


@pytest.fixture
def mixed(project: Path, mixture: Forecaster) -> Project:
    """A project whose registered meta-learner is a mixture."""
    (project / "params.yaml").write_text("tune: {resolution: 3, random_seeds: 1}")
    mixture.save(Project(project).models)
    register_metalearner(open_store(None, project), mixture, scores={"regret": 0.1}, lineage={})
    return Project(project)


def test_a_zero_shot_recommendation_keeps_to_every_limit_and_claims_no_proof(mixed: Project) -> None:
    advice = recommend(
        make_rings(),
        project=mixed,
        fixed={"sample_fraction": 1.0},
        forbidden=[{"learner": "knn"}, {"learner": "mlp"}],
        seconds=1.0,
        front=True,
    )
    assert len(advice.suggestions) == 3
    assert all(s.seconds <= 1 + 1e-6 for s in advice.suggestions)
    assert all(s.configuration["sample_fraction"] == 1.0 for s in advice.suggestions)
    assert not {s.configuration["learner"] for s in advice.suggestions} & {"knn", "mlp"}
    assert advice.story.search.acquisition == "improvement"
    assert advice.story.front is not None
    assert advice.story.front.options
    assert all(option.configuration["learner"] not in ("knn", "mlp") for option in advice.story.front.options)
    said = describe(advice).replace("\xa0", " ")
    assert "proven" not in said
    assert "No proof: a better one by the same score may exist." in said
    assert "What the prediction rests on, before any trial: " in said
    assert "What it rests on" in render(advice.story)


def test_trainings_move_what_the_prediction_rests_on_and_the_run_remembers(
    mixed: Project, trained_here: list[Trial], tmp_path: Path
) -> None:
    advice = recommend(make_rings(), project=mixed, budget=4)
    story = advice.story
    assert len(trained_here) >= 4
    assert story.grounds is not None
    assert story.tuning is not None
    assert len(story.grounds.shares) == len(story.tuning.trainings) + 1
    for step in story.grounds.shares:
        assert {"tasks", "linear", "scratch"} <= set(step)
        assert sum(step.values()) == pytest.approx(1, abs=1e-6)
    assert story.grounds.shares[0] != story.grounds.shares[-1]
    assert set(story.grounds.alike) <= set(MetaDataset.load(mixed.meta / "meta.parquet").tasks)
    assert sum(story.grounds.alike.values()) <= story.grounds.shares[-1]["tasks"] + 1e-6
    assert f"after {len(story.tuning.trainings)} trials" in describe(advice)
    assert logged(open_store(None, mixed.root), story.shares)
    save_story(story, tmp_path / "story.json")
    assert load_story(tmp_path / "story.json").grounds == story.grounds


def logged(store: Store, shares: dict[str, float]) -> bool:
    """Whether some run of the tuning has these metrics."""
    runs = store.client.search_runs([store.experiment(names.TUNE)])
    return any({k: run.data.metrics.get(k) for k in shares} == pytest.approx(shares) for run in runs)
