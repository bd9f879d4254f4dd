import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forerun.errors import DataError
from forerun.learners.preprocessing import STEPS, Interactions, build, training_part
from forerun.tasks import Task, make_task

ALL = {"preprocessing": STEPS}


@pytest.mark.slow
@given(steps=st.sets(st.sampled_from(STEPS)), kind=st.sampled_from(["binary", "multiclass", "regression"]))
def test_any_set_of_steps_gives_finite_numbers_for_any_rows(steps: set[str], kind: str, tasks: dict[str, Task]) -> None:
    task = tasks[kind]
    transformer = build({"preprocessing": tuple(steps)}, task)
    Z = transformer.fit_transform(task.train.X, task.train.y)
    strange = task.validation.X.astype({"colour": object}).assign(a=np.nan, colour="mauve")
    assert np.isfinite(Z).all()
    assert np.isfinite(transformer.transform(strange)).all()
    assert Z.shape[0] == len(task.train)


def test_what_is_always_done(tasks: dict[str, Task]) -> None:
    task = tasks["binary"]
    Z = build({}, task).fit_transform(task.train.X, task.train.y)
    # three numbers, three colours and their gap, four shades
    assert Z.shape[1] == 3 + 4 + 4
    np.testing.assert_allclose(Z[:, :3].mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(Z[:, :3].std(axis=0), 1, atol=1e-12)
    assert (Z[:, 3:7].sum(axis=1) == 1).all()


@pytest.mark.parametrize(
    ("step", "width"), [("missing_indicator", 12), ("quantile", 11), ("interactions", 14), ("select", 6), ("pca", 8)]
)
def test_each_step_does_its_own_thing(step: str, width: int, tasks: dict[str, Task]) -> None:
    task = tasks["binary"]
    plain = build({}, task).fit_transform(task.train.X, task.train.y)
    Z = build({"preprocessing": (step,)}, task).fit_transform(task.train.X, task.train.y)
    assert Z.shape[1] == pytest.approx(width, abs=1)
    assert Z.shape != plain.shape or not np.allclose(Z, plain)


def test_columns_without_a_value_or_with_one_only_in_the_training_part_fall_out() -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"a": rng.normal(size=200), "void": np.nan, "flat": 1.0, "one": "x", "y": rng.choice(["p", "q"], 200)}
    )
    task = make_task(table.assign(void=rng.normal(size=200), flat=rng.normal(size=200)), "y", name="flat")
    X = task.train.X.assign(void=np.nan, flat=1.0)
    assert build(ALL | {"preprocessing": ("missing_indicator",)}, task).fit_transform(X, task.train.y).shape[1] == 1


def test_rare_categories_share_a_column_and_their_number_is_bounded() -> None:
    rng = np.random.default_rng(0)
    names = [f"c{i}" for i in range(40)]
    table = pd.DataFrame({"c": rng.choice(names, 2000), "y": rng.normal(size=2000)})
    table["c"] = pd.Categorical(table["c"])
    task = make_task(table, "y", name="many", kind="regression")
    assert build({}, task).fit_transform(task.train.X, task.train.y).shape[1] == 20


def test_interactions_are_bounded_and_those_of_the_strongest() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 15))
    y = X[:, 3] + X[:, 7]
    products = Interactions(classification=False, strongest=2).fit(X, y).transform(X)
    np.testing.assert_array_equal(products, np.column_stack([X, X[:, 3] * X[:, 7]]))
    assert Interactions(classification=False).fit(X, y).transform(X).shape[1] == 15 + 45


def test_samples_are_stratified_and_the_same_every_time(tasks: dict[str, Task]) -> None:
    task = tasks["multiclass"]
    part = training_part({"sample_fraction": 0.5}, task)
    assert len(part) == pytest.approx(len(task.train) / 2, abs=1)
    shares = [np.bincount(p.y, minlength=3) / len(p) for p in (part, task.train)]
    np.testing.assert_allclose(*shares, atol=0.02)
    assert training_part({"sample_fraction": 1.0}, task) is task.train
    assert training_part({"sample_fraction": 0.5}, task).X.equals(part.X)


def test_the_smallest_sample_keeps_rows_of_every_class() -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.normal(size=100), "y": ["rare"] * 6 + ["often"] * 94})
    task = make_task(table, "y", name="imbalanced")
    assert set(training_part({"sample_fraction": 0.1}, task).y) == {0, 1}


def test_a_subset_of_features_is_all_that_is_used(tasks: dict[str, Task]) -> None:
    task = tasks["binary"]
    transformer = build({"features": ("b", "a")}, task)
    assert transformer.fit_transform(task.train.X, task.train.y).shape[1] == 2
    assert transformer.transform(task.validation.X[["a", "b"]]).shape[1] == 2


@pytest.mark.parametrize("features", [(), ("a", "nonsense")])
def test_features_that_the_task_lacks_are_named(features: tuple[str, ...], tasks: dict[str, Task]) -> None:
    with pytest.raises(DataError, match=r"features of a training on 'easy-binary' must name .* got \("):
        build({"features": features}, tasks["binary"])
