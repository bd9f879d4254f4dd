"""Machines and data sets, in whatever words runs tell of them."""

import math

import pytest

from forerun.metadata import hardware_features
from forerun.mining import DataSet
from forerun.mining.hardware import hardware
from forerun.mining.inputs import metafeatures, uses
from tests.mining.making import Run, data_set, runs_of


def facts(tags: dict[str, str], metrics: dict[str, float] | None = None) -> dict[str, object]:
    return {name: column[0] for name, column in hardware(runs_of([Run(tags=tags, metrics=metrics or {})])).items()}


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        (
            {"gpu_name": "NVIDIA A100", "num_cpus": "16", "ram": "64 GB"},
            {"gpu": "NVIDIA A100", "cores": 16, "memory_gb": 64},
        ),
        ({"device": "cpu", "total_memory": "16384 MB"}, {"gpu": "", "memory_gb": 16.384}),
        ({"Device": "cuda:0", "memory": "25,000,000,000"}, {"gpu": "gpu", "memory_gb": 25}),
        ({"n_gpus": "0", "hw.cores": "4"}, {"gpu": "", "cores": 4}),
        ({"hw.gpu": "Tesla T4", "num_gpus": "2"}, {"gpu": "Tesla T4"}),
        ({"cpu": "AMD EPYC 7B13", "nproc": "two"}, {"cpu_model": "AMD EPYC 7B13"}),
        ({"colour": "red"}, {}),
    ],
)
def test_tags_tell_the_machine_in_many_spellings(tags: dict[str, str], found: dict[str, object]) -> None:
    assert facts(tags) == found


def test_system_metrics_tell_memory_and_a_gpu() -> None:
    watched = {
        "system/system_memory_usage_megabytes": 6_400.0,
        "system/system_memory_usage_percentage": 40.0,
        "system/gpu_0_utilization_percentage": 3.0,
    }
    found = facts({}, watched)
    assert found == {"memory_gb": 16.0, "gpu": "gpu"}
    assert hardware_features(found) == {"memory_gb": 16.0, "gpu": 1.0}


def test_a_data_set_that_is_gone_is_known_by_its_schema_and_profile() -> None:
    found = metafeatures(data_set("x", rows=1000, columns="abcde"))
    assert found["log10_rows"] == 3
    assert found["log10_columns"] == pytest.approx(math.log10(5))
    assert found["log10_rows_per_column"] == pytest.approx(math.log10(200))


@pytest.mark.parametrize(
    ("profile", "rows", "columns"),
    [
        ('{"features_shape": [50, 4], "targets_shape": [50]}', 50, 4),
        ('{"features_shape": {"image": [50, 8, 8]}}', 50, 64),
        ('{"num_rows": 80, "dataset_size": 1, "size_in_bytes": 2}', 80, None),
        ('{"approx_count": 70}', 70, None),
        ('{"num_rows": "many"}', None, None),
        ('{"num_rows": -1, "num_elements": 0}', None, None),
        ("[1, 2]", None, None),
        ("{", None, None),
        ("", None, None),
    ],
)
def test_profiles_of_all_sorts_tell_what_they_can(profile: str, rows: int | None, columns: int | None) -> None:
    found = metafeatures(DataSet("d", "1", "", "not JSON", profile, ""))
    assert found.get("log10_rows") == (None if rows is None else pytest.approx(math.log10(rows)))
    assert found.get("log10_columns") == (None if columns is None else pytest.approx(math.log10(columns)))


def test_columns_that_only_some_tasks_use_are_told() -> None:
    used = uses(
        {"a": [data_set("1", columns="xy")], "b": [data_set("2", columns="xz")], "c": [data_set("3", columns="xz")]}
    )
    assert used.to_dict() == {"uses z": {"a": 0.0, "b": 1.0, "c": 1.0}}
