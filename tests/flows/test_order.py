"""The order of the steps is written once, in dvc.yaml; flows only chain."""

import ast
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.repo import Repo
from flows.stages import stages

from forerun.steps import STEPS
from tests.flows.projects import REPOSITORY

DECLARED: dict[str, Any] = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())["stages"]
MADE_WHEN_RUN = ("data/",)


def names(entries: list[Any]) -> list[str]:
    return [next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries]


@pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")  # a library of DVC's
def test_stages_come_after_what_they_depend_on() -> None:
    with Repo(str(REPOSITORY)) as repo:
        order = [stage.name for stage in stages(repo)]
    assert sorted(order) == sorted(DECLARED)
    made: set[str] = {"data/history"}
    for name in order:
        stage = DECLARED[name]
        assert {dep for dep in stage["deps"] if dep.startswith(MADE_WHEN_RUN)} <= made, name
        made |= {out for kind in ("outs", "metrics", "plots") for out in names(stage.get(kind, []))}


def test_every_stage_is_a_step_with_a_flow() -> None:
    from flows.steps import FLOWS

    assert set(DECLARED) == set(STEPS) == set(FLOWS)
    assert [stage["cmd"] for stage in DECLARED.values()] == [f"forerun step {name}" for name in DECLARED]


def test_every_source_that_a_stage_depends_on_exists() -> None:
    missing = [
        d for s in DECLARED.values() for d in s["deps"] if d.startswith("src/") and not (REPOSITORY / d).exists()
    ]
    assert not missing


@pytest.mark.parametrize("file", sorted((REPOSITORY / "flows").glob("*.py")), ids=lambda path: path.name)
def test_flows_compute_nothing(file: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module.partition(".")[0])
    assert not imported & {"numpy", "pandas", "torch", "sklearn", "scipy", "mlflow"}
