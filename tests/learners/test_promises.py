"""What every registered learner promises, on every kind of task."""

import numpy as np
import pytest

from forerun.learners import LEARNERS
from forerun.learners.joint import default_configuration, default_space
from forerun.learners.trial import run_trial
from forerun.tasks import KINDS, Task, make_task
from forerun.trials import Status
from tests.learners.conftest import frame

pytestmark = pytest.mark.slow  # it trains every learner many times over

pairs = pytest.mark.parametrize(("name", "kind"), [(name, kind) for name in LEARNERS for kind in KINDS])
learners = pytest.mark.parametrize("name", LEARNERS)


@pairs
def test_defaults_belong_to_the_space(name: str, kind: str) -> None:
    default_space(kind).check(default_configuration(name, kind))


@pairs
def test_defaults_learn_clearly_better_than_chance(name: str, kind: str, tasks: dict[str, Task]) -> None:
    trial = run_trial(tasks[kind], default_configuration(name, kind), space=default_space(kind))
    assert trial.status == Status.FINISHED, trial.reason
    # chance is 0.5, 0.67 and 1 (the standard deviation); the noise of 60 validation rows is about 0.06
    assert trial.loss < {"binary": 0.3, "multiclass": 0.4, "regression": 0.6}[kind]


@pairs
def test_same_seed_same_loss(name: str, kind: str, tasks: dict[str, Task]) -> None:
    space = default_space(kind)
    configuration = default_configuration(name, kind)
    first, second = (run_trial(tasks[kind], configuration, space=space, seed=3, fidelity=0.3) for _ in range(2))
    assert first.loss == second.loss
    assert first.metrics == second.metrics
    assert first.curve == second.curve


@learners
def test_a_random_configuration_ends_as_a_trial_without_a_warning(name: str, tasks: dict[str, Task]) -> None:
    rng = np.random.default_rng(0)
    for kind in ("multiclass", "regression"):
        space = default_space(kind)
        drawn = [c for c in space.sample(rng, 60) if c["learner"] == name][:4]
        assert drawn
        for configuration in drawn:
            trial = run_trial(tasks[kind], configuration, space=space, fidelity=0.3)
            assert (trial.status == Status.FINISHED) == np.isfinite(trial.loss)
            assert (trial.status == Status.FAILED) == bool(trial.reason)


@learners
def test_probabilities_sum_to_one_and_agree_with_predictions(name: str, tasks: dict[str, Task]) -> None:
    task = tasks["multiclass"]
    model = LEARNERS[name].train(default_configuration(name, "multiclass"), task, fidelity=0.3).model
    proba = model.predict_proba(task.validation.X)
    assert proba.shape == (len(task.validation), 3)
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-9)
    np.testing.assert_array_equal(proba.argmax(axis=1), model.predict(task.validation.X))


@learners
def test_columns_may_come_in_any_order_with_unknown_categories_and_gaps(name: str, tasks: dict[str, Task]) -> None:
    task = tasks["binary"]
    model = LEARNERS[name].train(default_configuration(name, "binary"), task, fidelity=0.3).model
    X = task.validation.X
    np.testing.assert_array_equal(model.predict(X), model.predict(X[X.columns[::-1]]))
    strange = X.astype({"colour": object}).assign(a=np.nan, colour="mauve")
    assert len(model.predict(strange)) == len(X)


@learners
def test_the_unit_of_a_regression_target_changes_no_loss(name: str, tasks: dict[str, Task]) -> None:
    configuration = default_configuration(name, "regression")
    table = frame("regression")
    # a power of two, so that nothing is rounded and even the ties of trees stay as they are
    table["y"] = table["y"] * 1024
    other = make_task(table, "y", name="scaled", kind="regression")
    losses = [
        run_trial(t, configuration, space=default_space("regression"), fidelity=0.2).loss
        for t in (tasks["regression"], other)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-9)


@pytest.mark.parametrize("name", ["mlp", "forest", "boosting"])
def test_fidelity_makes_a_training_cheaper(name: str, tasks: dict[str, Task]) -> None:
    configuration = default_configuration(name, "binary")
    sizes = []
    for fidelity in (0.1, 1.0):
        trial = run_trial(tasks["binary"], configuration, space=default_space("binary"), fidelity=fidelity)
        sizes.append(len(trial.curve) or trial.model_kb)
    assert sizes[0] < 0.5 * sizes[1]
