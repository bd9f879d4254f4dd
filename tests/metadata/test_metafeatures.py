"""Meta-features of small data sets, against pymfe, and what must not change them."""

import math
import time

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from threadpoolctl import threadpool_limits

from forerun.metadata import metafeatures
from forerun.metadata.landmarks import CLASSIFIERS, REGRESSORS, landmarks
from forerun.metadata.statistical import codings, components, correlations, entropy, moments, mutual_information
from forerun.metadata.table import MAX_COLUMNS, MAX_ROWS, Table, bins
from forerun.tasks import Part, Task, make_task


def make_frame(rows: int, seed: int = 0) -> pd.DataFrame:
    """Mixed columns, some missing values; 'y' follows a and the colour."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=rows), rng.exponential(size=rows)
    colour = rng.choice(["red", "green", "blue"], rows, p=[0.6, 0.3, 0.1])
    score = a + (colour == "red") + 0.5 * rng.normal(size=rows)
    frame = pd.DataFrame({"a": a, "b": np.where(rng.random(rows) < 0.1, np.nan, b), "colour": colour, "y": score})
    return frame.assign(label=np.where(score > 0.5, "yes", "no"))


def make_classification(rows: int = 300) -> Task:
    return make_task(make_frame(rows).drop(columns="y"), "label", name="c")


def make_regression(rows: int = 300) -> Task:
    return make_task(make_frame(rows).drop(columns="label"), "y", name="r")


def with_train(task: Task, X: pd.DataFrame, y: np.ndarray) -> Task:
    from dataclasses import replace

    return replace(task, train=Part(X, y))


@pytest.mark.parametrize("make", [make_classification, make_regression])
def test_every_kind_of_task_has_the_same_features_and_none_is_infinite(make):
    found = metafeatures(make())
    assert list(found) == list(metafeatures(make_classification()))
    assert not any(math.isinf(v) for v in found.values())


@pytest.mark.parametrize("make", [make_classification, make_regression])
@pytest.mark.parametrize("rows", [60, 3000])
def test_the_order_of_rows_changes_nothing(make, rows):
    task = make(rows)
    order = np.random.default_rng(1).permutation(len(task.train))
    shuffled = with_train(task, task.train.X.iloc[order].reset_index(drop=True), task.train.y[order])
    assert metafeatures(shuffled) == pytest.approx(metafeatures(task), nan_ok=True, rel=1e-9)


def test_the_names_of_columns_change_nothing():
    task = make_classification()
    renamed = with_train(task, task.train.X.set_axis(["z", "y", "x"], axis=1), task.train.y)
    assert metafeatures(renamed) == pytest.approx(metafeatures(task), nan_ok=True)


def test_the_unit_of_a_regression_target_changes_nothing():
    task = make_regression(30)
    other = with_train(task, task.train.X, 1e6 + 1000 * task.train.y)
    one, two = metafeatures(task), metafeatures(other)
    sampled = [name for name in one if name.startswith("landmark")]
    assert {k: two[k] for k in two if k not in sampled} == pytest.approx(
        {k: one[k] for k in one if k not in sampled}, nan_ok=True, rel=1e-6
    )


def test_validation_and_test_parts_are_not_looked_at():
    task = make_classification()
    poison = Part(pd.DataFrame(), np.array([]))
    from dataclasses import replace

    assert metafeatures(replace(task, validation=poison, test=poison)) == pytest.approx(metafeatures(task), nan_ok=True)


def test_landmarkers_see_what_can_be_learned_and_only_that():
    task = make_classification(1000)
    found = metafeatures(task)
    assert max(found[name] for name in CLASSIFIERS) < 0.4
    # 600 coin flips: four standard deviations of a balanced error are 0.08
    y = np.random.default_rng(0).permutation(task.train.y)
    chance = metafeatures(with_train(task, task.train.X, y))
    assert [chance[name] for name in CLASSIFIERS] == pytest.approx([0.5] * len(CLASSIFIERS), abs=0.08)
    regression = metafeatures(make_regression(1000))
    assert regression["landmark_linear"] == pytest.approx(0.5 / math.sqrt(1 + 0.24 + 0.25), abs=0.05)
    assert all(0 < regression[name] < 1 for name in REGRESSORS)


def test_hard_data_sets_are_described_too():
    rng = np.random.default_rng(0)
    extreme = pd.DataFrame({"huge": rng.normal(size=40) * 1e300, "tiny": rng.normal(size=40) * 1e-300})
    extreme["y"] = rng.normal(size=40) * 1e100
    found = metafeatures(make_task(extreme, "y", name="extreme"))
    assert not math.isnan(found["skewness_mean"] + found["relevance_mean"] + found["landmark_linear"])
    tiny = pd.DataFrame({"x": range(10), "y": ["a", "b"] * 5})
    assert 0 <= metafeatures(make_task(tiny, "y", name="tiny"))["landmark_nearest"] <= 1


def test_a_training_part_with_nothing_to_tell_gives_missing_values_not_errors():
    task = make_classification(60)
    n = len(task.train)
    X = task.train.X.assign(a=1.0, b=np.nan, colour=pd.Categorical(["red"] * n))
    constant = with_train(task, X, task.train.y)
    one_class = with_train(task, task.train.X, np.zeros(n, dtype=int))
    for found in (metafeatures(constant), metafeatures(one_class)):
        assert all(math.isnan(found[name]) for name in CLASSIFIERS)
    assert metafeatures(constant)["columns_with_missing_share"] == pytest.approx(1 / 3)


@pytest.mark.slow
def test_ten_thousand_rows_take_less_than_a_second():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(17_000, 30))).add_prefix("x")
    X["y"] = np.where(X["x0"] * X["x1"] > 0, "a", "b")
    task = make_task(X, "y", name="large")
    assert len(task.train) > 10_000
    with threadpool_limits(1):
        seconds = min(_seconds(task) for _ in range(3))
    assert seconds < 1.0


def _seconds(task: Task) -> float:
    start = time.process_time()
    metafeatures(task)
    return time.process_time() - start


# -- the field's library as an oracle --------------------------------------------------------------


def pymfe_says(X: np.ndarray, y: np.ndarray, names: list[str], **options: object) -> dict[str, float]:
    from pymfe.mfe import MFE

    extractor = MFE(groups=["general", "statistical", "info-theory"], features=names, summary=["mean"])
    extractor.fit(X, y, **options)
    found, values = extractor.extract(skewness={"method": 1}, kurtosis={"method": 1}, suppress_warnings=True)
    return {name.partition(".")[0]: float(value) for name, value in zip(found, values, strict=True)}


def test_statistics_agree_with_pymfe():
    from sklearn.datasets import load_wine

    X, y = load_wine(return_X_y=True)
    task = with_train(make_classification(), pd.DataFrame(X).add_prefix("c"), y)
    ours = metafeatures(task)
    theirs = pymfe_says(X, y, ["skewness", "kurtosis", "cor", "nr_cor_attr", "class_ent", "attr_to_inst"])
    assert ours["skewness_mean"] == pytest.approx(theirs["skewness"])
    assert ours["kurtosis_mean"] == pytest.approx(theirs["kurtosis"])
    assert ours["correlation_mean"] == pytest.approx(theirs["cor"])
    assert ours["correlated_share"] == pytest.approx(theirs["nr_cor_attr"])
    assert ours["class_balance"] * math.log2(3) == pytest.approx(theirs["class_ent"])
    assert ours["log10_rows_per_column"] == pytest.approx(-math.log10(theirs["attr_to_inst"]))


def test_information_agrees_with_pymfe():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 4, (200, 5))
    y = (X[:, 0] + X[:, 1] + rng.integers(0, 2, 200)) // 3
    task = with_train(make_classification(), pd.DataFrame(X).add_prefix("c").astype(str).astype("category"), y)
    ours, goal = metafeatures(task), entropy(y)
    names = ["attr_ent", "mut_inf", "ns_ratio", "eq_num_attr", "class_ent", "joint_ent"]
    theirs = pymfe_says(X, y, names, cat_cols=list(range(5)))
    assert goal == pytest.approx(theirs["class_ent"])
    assert ours["entropy_mean"] * 2 == pytest.approx(theirs["attr_ent"])
    # pymfe smooths its joint entropy a little
    assert ours["information_mean"] * goal == pytest.approx(theirs["mut_inf"], rel=1e-4)
    assert ours["noise_ratio"] == pytest.approx(theirs["ns_ratio"], rel=1e-4)
    assert ours["equivalent_columns"] == pytest.approx(theirs["eq_num_attr"], rel=1e-4)


def test_moments_agree_with_scipy_where_values_are_missing():
    X = np.random.default_rng(0).exponential(size=(50, 3))
    X[::7, 1] = np.nan
    X[:, 2] = 4.0
    skewness, kurtosis = moments(X)
    assert skewness[:2] == pytest.approx(stats.skew(X[:, :2], nan_policy="omit"))
    assert kurtosis[:2] == pytest.approx(stats.kurtosis(X[:, :2], nan_policy="omit"))
    assert np.isnan(skewness[2])
    assert np.isnan(kurtosis[2])


def test_components_agree_with_scikit_learn():
    from sklearn.decomposition import PCA

    Z = stats.zscore(np.random.default_rng(0).normal(size=(80, 4)) @ np.random.default_rng(1).normal(size=(4, 4)))
    assert components(Z) == pytest.approx(PCA().fit(Z).explained_variance_ratio_)
    assert correlations(Z) == pytest.approx(np.abs(np.corrcoef(Z.T))[np.triu_indices(4, 1)])


def test_mutual_information_agrees_with_scikit_learn():
    from sklearn.metrics import mutual_info_score

    one, other = np.random.default_rng(0).integers(0, 3, (2, 100))
    both = one + other
    assert mutual_information(both, one) * math.log(2) == pytest.approx(mutual_info_score(both, one))
    assert mutual_information(one, one) == pytest.approx(entropy(one))


def test_bins_are_equally_frequent_and_keep_few_values_and_missing_ones_apart():
    assert np.bincount(bins(np.random.default_rng(0).normal(size=100), 5)).tolist() == [20] * 5
    assert bins(np.array([3.0, 1.0, np.nan, 3.0, 1.0]), 5).tolist() == [1, 0, 2, 1, 0]
    assert bins(np.array([1.0] * 90 + [2.0, 3.0, 4.0, 5.0, 6.0, 7.0]), 5).max() <= 5


def test_a_large_data_set_is_sampled_fairly():
    X = pd.DataFrame({"x": np.arange(20_000.0)})
    table = Table.of(with_train(make_classification(), X, np.zeros(20_000)))
    rows = table.numeric[:, 0] * X["x"].iloc[-1]
    assert len(table) == MAX_ROWS == len(np.unique(rows))
    # the mean of 5,000 uniform values, and of the first 600 of them, to four standard deviations
    for part in (rows, rows[:600]):
        assert abs(part.mean() / 20_000 - 0.5) < 4 * 0.289 / np.sqrt(len(part))


def test_wide_data_is_looked_at_from_end_to_end():
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(50, 1000))).add_prefix("x")
    task = with_train(make_classification(), X, np.arange(50) % 2)
    table = Table.of(task)
    assert table.numeric.shape[1] == MAX_COLUMNS
    for end in (0, -1):
        both = np.corrcoef(np.sort(table.numeric[:, end]), np.sort(X.iloc[:, end]))
        assert both[0, 1] == pytest.approx(1)
    assert metafeatures(task)["log10_columns"] == 3


def test_codings_speak_of_every_column():
    table = Table.of(make_classification())
    assert [len(c) for c in codings(table)] == [len(table)] * 3


def test_nearest_and_naive_bayes_landmarkers_agree_with_scikit_learn():
    from sklearn.datasets import load_wine
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.model_selection import cross_val_predict
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neighbors import KNeighborsClassifier

    X, y = load_wine(return_X_y=True)
    table = Table.of(with_train(make_classification(), pd.DataFrame(X).add_prefix("c"), y))
    ours = landmarks(table)
    for name, model in (("nearest", KNeighborsClassifier(1)), ("naive_bayes", GaussianNB(priors=[1 / 3] * 3))):
        theirs = 1 - balanced_accuracy_score(table.y, cross_val_predict(model, table.encoded, table.y, cv=3))
        # other folds of 178 rows: errors near 0.04 differ by a few rows
        assert ours[f"landmark_{name}"] == pytest.approx(theirs, abs=0.04)
