"""What the README shows works as written."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forerun.cli import parser
from forerun.metalearners import METALEARNERS
from tests.projects import REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def write_churn(path: Path, n: int = 300) -> None:
    rng = np.random.default_rng(0)
    calls, plan = rng.poisson(2, n).astype(float), rng.choice(["basic", "plus", "pro"], n)
    calls[rng.random(n) < 0.05] = np.nan
    churned = np.where(np.nan_to_num(calls, nan=2) + (plan == "basic") + rng.normal(0, 1, n) > 3, "yes", "no")
    pd.DataFrame({"calls": calls, "plan": plan, "churned": churned}).to_csv(path, index=False)


@pytest.mark.slow
def test_the_lines_of_python_run_as_they_stand(project: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    write_churn(project / "churn.csv")
    (project / "example.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "example.py"], cwd=project, capture_output=True, text=True, check=False, timeout=800
    )
    assert done.returncode == 0, done.stderr
    assert "'learner'" in done.stdout
    assert "forerun-champion-churn" in done.stdout


def test_every_command_of_the_table_exists() -> None:
    known = next(a for a in parser()._actions if hasattr(a, "choices") and isinstance(a.choices, dict)).choices
    shown = set(re.findall(r"`forerun (\w+)", README))
    assert shown == set(known)


def test_every_link_and_picture_is_there() -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert targets
    assert [t for t in targets if not (REPOSITORY / t).exists()] == []


def test_every_meta_learner_is_in_the_table_of_meta_learners() -> None:
    _, _, table = README.partition("## The meta-learners\n")
    table, _, _ = table.partition("\n## ")
    assert set(re.findall(r"^\| (\w+) \|", table, re.MULTILINE)) - {"name"} == set(METALEARNERS)
