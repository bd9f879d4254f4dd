"""The last fit, the baselines, and who may read the test part."""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import forerun
from forerun.errors import TrainingError
from forerun.learners import BaseLearner, Outcome
from forerun.space import Condition, Configuration
from forerun.tasks import Part, Task, make_task
from forerun.trials import Trial
from forerun.tuning import Budget, Tuner, default_in, final_score, judge, progress, random_searches, tune
from forerun.tuning.baselines import in_order, random_configurations
from tests.tuning.fakes import SPACE, FakeForecaster, Trainer, trial, true_loss


@dataclass
class Constant:
    """Predicts one class for sure."""

    code: int

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        return np.full(len(X), self.code)

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        return np.tile(np.eye(2)[self.code], (len(X), 1))


class Fake(BaseLearner):
    """Predicts the most frequent class; remembers how many rows it was given; 'net' diverges."""

    name = "tree"
    rows: list[int]

    def __init__(self) -> None:
        self.rows = []

    def domains(self, kind: str) -> Mapping[str, Any]:
        return {}

    def defaults(self, kind: str) -> Configuration:
        return {}

    def train(self, configuration: Mapping[str, Any], task: Task, **more: Any) -> Outcome:
        if configuration["learner"] == "net":
            raise TrainingError("diverged at epoch 1")
        self.rows.append(len(task.train))
        return Outcome(Constant(int(np.bincount(task.train.y).argmax())), 0.01)


@pytest.fixture
def learner() -> Fake:
    return Fake()


@pytest.fixture
def task() -> Task:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=100), "y": ["a"] * 70 + ["b"] * 30})
    return make_task(frame, "y", name="target")


@dataclass(frozen=True)
class Sealed(Part):
    """A test part that nobody may read."""

    def __getattribute__(self, name: str) -> Any:
        if name in ("X", "y"):
            raise AssertionError("the test part was read")
        return super().__getattribute__(name)

    def __len__(self) -> int:
        raise AssertionError("the test part was counted")


def sealed(task: Task) -> Task:
    return replace(task, test=Sealed(task.test.X, task.test.y))


TREE = {"learner": "tree", "tree.x": 0.3, "z": 0.6}
NET = {"learner": "net", "net.lr": 0.1, "z": 0.6}


def test_the_winner_is_fitted_on_all_training_data_and_scored_on_test(task: Task, learner: Fake) -> None:
    final = final_score(task, TREE, learners={"tree": learner})
    assert learner.rows == [len(task.train) + len(task.validation)]
    assert final.loss == pytest.approx(0.5)  # balanced accuracy of one class
    assert final.metrics["accuracy"] == pytest.approx(np.mean(task.test.y == 0))
    assert final.model.predict(task.test.X).tolist() == [0] * len(task.test)


def test_only_the_final_score_reads_the_test_part(task: Task, learner: Fake) -> None:
    """A whole tuning, its baselines and the choice between their trainings leave the test part sealed."""
    closed = sealed(task)
    learners = {"tree": learner}

    def train(wanted: Sequence[Configuration]) -> list[Trial]:
        for configuration in wanted:
            if configuration["learner"] == "tree":
                learner.train(configuration, closed)
        return [trial(c, true_loss(c)) for c in wanted]

    tuned = tune(Tuner(FakeForecaster(), np.zeros(3), SPACE), train, Budget(trials=4))  # type: ignore[arg-type]
    assert tuned.best is not None
    random_searches(SPACE, train, trials=2, seeds=2)
    assert judge("all failed", [trial(NET)], closed, learners=learners).final is None
    with pytest.raises(AssertionError, match="the test part was read"):
        final_score(closed, TREE, learners=learners)


@pytest.mark.slow
def test_no_other_module_names_the_test_part() -> None:
    """`task.test` stands in tuning.final and nowhere else, but for counting its rows."""
    root = Path(forerun.__file__).parent
    readers = set()
    for path in root.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        counted = {id(argument) for node in ast.walk(tree) if _is_len(node) for argument in node.args}  # type: ignore[attr-defined]
        if any(_is_test_part(node) and id(node) not in counted for node in ast.walk(tree)):
            readers.add(path.relative_to(root).as_posix())
    assert readers == {"tuning/final.py"}


def _is_len(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "len"


def _is_test_part(node: ast.AST) -> bool:
    if not (isinstance(node, ast.Attribute) and node.attr == "test"):
        return False
    owner = node.value
    name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
    return any(word in name.lower() for word in ("task", "target"))


def test_contenders_are_chosen_by_validation_loss_and_judged_alike(task: Task, learner: Fake) -> None:
    trials = [trial(NET), trial({**TREE, "z": 0.1}, 0.4), trial(TREE, 0.3)]
    contender = judge("ours", trials, task, learners={"tree": learner})
    assert contender.chosen == trials[2]
    assert contender.final is not None
    assert contender.final.loss == pytest.approx(0.5)
    forced = judge("ours", trials, task, chosen=trials[1], learners={"tree": learner})
    assert forced.chosen == trials[1]


def test_a_contender_whose_trainings_or_last_fit_fail_says_why(task: Task, learner: Fake) -> None:
    failed = judge("random search", [trial(NET), trial(TREE, np.nan, reason="timed out after 2 s")], task)
    assert failed.chosen is None
    assert failed.reason == "diverged; timed out after 2 s"
    diverged = judge("ours", [trial(NET, 0.2)], task, learners={"net": learner})
    assert diverged.final is None
    assert diverged.reason == "diverged at epoch 1"
    assert judge("none", [], task).reason == "nothing was trained"


def test_random_searches_differ_by_seed_and_repeat_by_seed() -> None:
    one = random_searches(SPACE, Trainer(), trials=3, seeds=2, fixed={"z": 0.5})
    again = random_searches(SPACE, Trainer(), trials=3, seeds=2, fixed={"z": 0.5})
    assert one == again
    assert one[0] != one[1]
    for trials in one:
        assert [t.configuration for t in trials] in [random_configurations(SPACE, 3, s, {"z": 0.5}) for s in (0, 1)]
        assert all(t.configuration["z"] == 0.5 for t in trials)
    with pytest.raises(TrainingError, match="none came for"):
        in_order([TREE], lambda _: [])


def test_progress_is_the_best_so_far() -> None:
    trials = [trial(NET), trial(TREE, 0.4), trial(TREE, 0.5), trial(TREE, 0.2)]
    values = progress(trials)
    assert np.isnan(values[0])
    assert values[1:] == [0.4, 0.4, 0.2]
    assert progress([]) == []


@pytest.mark.parametrize("kind", ["binary", "regression"])
def test_library_defaults_belong_to_the_default_space(kind: str) -> None:
    from forerun.learners import LEARNERS
    from forerun.learners.joint import default_space

    for space in (default_space(kind), default_space(kind, ["a", "b"])):
        for name in LEARNERS:
            space.check(default_in(space, name, kind))


def test_random_searches_leave_out_what_is_forbidden_and_draw_as_many() -> None:
    low = Condition.of({"z": "< 0.9"})
    (one,) = random_searches(SPACE, Trainer(), trials=5, seeds=1, forbidden=[low])
    assert len(one) == 5
    assert all(float(t.configuration["z"]) >= 0.9 for t in one)  # type: ignore[arg-type]
    assert random_configurations(SPACE, 5, 0) == random_configurations(SPACE, 5, 0, forbidden=[])
    assert random_configurations(SPACE, 5, 0, forbidden=[Condition.of({"z": ">= 0"})]) == []
