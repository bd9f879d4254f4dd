"""The benchmark of what a history costs: its points, its result, its figure."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Self

import numpy as np
import pytest

from forerun.metadata import MetaDataset
from forerun.metalearners import METALEARNERS, Linear
from scaled import figures, measure
from scaling import QUICK, Sizes

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "scaling.py"
HUNGRY_MIB = 300
ENOUGH = 100
"""A history with so many rows is one on which the hungry learner is hungry: not the tiny one it is warmed up with."""


class Hungry(Linear):
    """Holds memory for a while when it is fitted."""

    def fit(self, meta: MetaDataset) -> Self:
        if len(meta) > ENOUGH:
            np.ones(HUNGRY_MIB << 17).sum()
        return super().fit(meta)


def test_a_point_tells_its_size_its_seconds_and_a_suggestion_for_every_number_of_trials():
    found = measure.measure("linear", 4, 30)
    assert (found["tasks"], found["rows"]) == (4, 120)
    assert 0 < found["fit_cpu_seconds"] < 60
    assert set(found["suggestions"]) == {"0", "10", "100"}
    for told in found["suggestions"].values():
        assert 0 < told["adapt_seconds"] < 10
        assert 0 < told["suggest_seconds"] < 10


@pytest.mark.slow
@pytest.mark.long
def test_memory_is_the_peak_of_the_fit_and_not_what_was_held_before_it(monkeypatch: pytest.MonkeyPatch):
    np.ones(2 * HUNGRY_MIB << 17).sum()
    monkeypatch.setitem(METALEARNERS, "hungry", Hungry)
    assert HUNGRY_MIB * 0.9 < measure.measure("hungry", 4, 30)["fit_mib"] < HUNGRY_MIB * 1.3


def test_sizes_grow_within_a_line_so_that_one_that_takes_too_long_ends_it():
    for sizes in (Sizes(), QUICK):
        for points in sizes.points().values():
            rows = [tasks * per_task for tasks, per_task in points]
            assert rows == sorted(set(rows))
    rows, tasks = Sizes().points()["rows"], Sizes().points()["tasks"]
    assert rows[-1][0] * rows[-1][1] == pytest.approx(100_000, rel=0.01)
    assert tasks[-1][0] == 400


@pytest.mark.slow
def test_the_figure_holds_every_family_and_the_default(tmp_path: Path):
    told = {str(k): {"adapt_seconds": 0.1, "suggest_seconds": 0.2} for k in (0, 10, 100)}
    point = {"tasks": 3, "rows": 300, "fit_cpu_seconds": 1.0, "fit_seconds": 1.0, "fit_mib": 0.0, "suggestions": told}
    line = [point, {**point, "tasks": 30, "rows": 3_000}]
    lines = dict.fromkeys(METALEARNERS, line)
    found = {"fixed": {"tasks": 6, "per_task": 20}, "rows": lines, "tasks": {**lines, "maml": []}}
    path = figures.draw(found, tmp_path)
    assert path.name == "scaling.png"
    assert path.stat().st_size > 10_000


@pytest.mark.slow
@pytest.mark.long
def test_a_quick_run_writes_every_line(tmp_path: Path):
    out = tmp_path / "scaling.json"
    command = [sys.executable, str(SCRIPT), "--json", str(out), "--quick", "--families", "linear"]
    subprocess.run(command, check=True, capture_output=True, timeout=800)
    found = json.loads(out.read_text())
    for section in ("rows", "tasks"):
        assert set(found[section]) == {"linear"}
        assert all(len(line) == 2 for line in found[section].values())
