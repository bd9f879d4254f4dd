"""Task features made comparable."""

import json

import numpy as np
import pandas as pd
import pytest

from forerun.errors import FormatError
from forerun.metadata import FeatureScaler, hardware_features
from forerun.metadata.hardware import environment


def test_columns_come_out_centred_and_of_unit_spread():
    rng = np.random.default_rng(0)
    raw = pd.DataFrame({"mf_a": 1e6 + 1e3 * rng.normal(size=200), "mf_b": rng.uniform(size=200)})
    features = FeatureScaler.fit(raw).apply(raw)
    assert np.median(features, axis=0) == pytest.approx([0, 0], abs=1e-9)
    assert features.std(axis=0) == pytest.approx([1, 1], rel=0.35)


def test_a_heavy_tail_is_taken_to_its_logarithm_and_a_normal_column_is_not():
    rng = np.random.default_rng(0)
    raw = pd.DataFrame({"mf_heavy": np.exp(3 * rng.normal(size=100)), "mf_light": rng.normal(size=100)})
    assert [c.log for c in FeatureScaler.fit(raw).columns] == [True, False]


def test_missing_values_become_the_median_and_far_ones_are_cut():
    raw = pd.DataFrame({"mf_a": [1.0, 2.0, 3.0, 4.0, np.nan]})
    scaler = FeatureScaler.fit(raw)
    assert scaler.apply(raw)[-1] == 0
    assert scaler.transform({"a": 1e12}) == pytest.approx([3.0])
    assert scaler.transform({"a": float("nan")}) == scaler.transform({}) == [0]


def test_columns_that_tell_no_tasks_apart_are_left_out():
    raw = pd.DataFrame({"mf_constant": [2.0] * 4, "mf_unknown": [np.nan] * 4, "mf_a": [1.0, 2.0, 3.0, 4.0]})
    assert FeatureScaler.fit(raw).names == ["mf_a"]


def test_a_rare_flag_is_kept():
    raw = pd.DataFrame({"mf_is_regression": [0.0] * 19 + [1.0]})
    features = FeatureScaler.fit(raw).apply(raw)
    assert np.ptp(features) > 1


def test_what_a_task_has_beyond_the_history_is_ignored():
    raw = pd.DataFrame({"mf_a": [1.0, 2.0, 3.0]})
    scaler = FeatureScaler.fit(raw)
    assert scaler.transform({"a": 2.0, "b": 5.0}, {"cores": 4, "colour": "red"}) == [0]


def test_a_scaler_survives_json():
    scaler = FeatureScaler.fit(pd.DataFrame({"mf_a": [1.0, 2.0, 4.0], "hw_cores": [2.0, 8.0, 64.0]}))
    assert FeatureScaler.from_dict(json.loads(json.dumps(scaler.to_dict()))) == scaler
    with pytest.raises(FormatError, match="feature scaler must have columns"):
        FeatureScaler.from_dict({"columns": [{"name": "a"}]})


@pytest.mark.parametrize(
    ("facts", "features"),
    [
        ({}, {}),
        ({"cpu_model": "Intel(R) Xeon(R) CPU @ 2.20GHz"}, {"cpu_ghz": 2.2, "cpu_server": 1.0}),
        ({"cpu_model": "Apple M3", "gpu": ""}, {"cpu_server": 0.0, "gpu": 0.0}),
        ({"logical_cores": "8", "cpu_mhz": 3100.0, "gpu": "NVIDIA T4"}, {"cores": 8.0, "cpu_ghz": 3.1, "gpu": 1.0}),
        ({"cpu_count": 4, "ram_gb": "15.5 GB", "gpu": None}, {"cores": 4.0, "memory_gb": 15.5}),
        ({"cores": float("nan"), "memory_gb": float("nan"), "gpu": float("nan")}, {}),
    ],
)
def test_hardware_facts_in_many_spellings_become_numbers(facts, features):
    assert hardware_features(facts) == features


def test_an_environment_is_the_machine_and_neither_its_versions_nor_its_momentary_clock():
    one = {"cpu_model": "AMD EPYC", "logical_cores": 2.0, "cpu_mhz": 2596.0, "python": "3.11.7"}
    other = {**one, "cpu_mhz": 3100.0, "python": "3.13.0"}
    assert environment(one) == environment(other) == "cpu_model=AMD EPYC, logical_cores=2"
    assert environment({**one, "logical_cores": "2.0", "memory_gb": 23.4}) == environment({**one, "memory_gb": 23.5})
    assert environment({**one, "logical_cores": 4.0}) != environment(one)
    assert environment({}) == ""
