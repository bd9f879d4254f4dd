"""The walkthrough in docs/ runs as it is told."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.projects import REPOSITORY

PAGE = (REPOSITORY / "docs" / "afternoon.md").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.long
def test_the_afternoon_runs_from_end_to_end(tmp_path: Path) -> None:
    script = str(REPOSITORY / "docs" / "afternoon.py")
    done = subprocess.run(
        [sys.executable, script, str(tmp_path / "team"), "--small"],
        capture_output=True,
        text=True,
        check=False,
        timeout=800,
    )
    assert done.returncode == 0, done.stderr
    for said in ("3 tasks, one for each experiment", "minimises val_loss", "The best again:", "forerun is as good"):
        assert said in done.stdout
    numbers = json.loads((tmp_path / "team" / "afternoon.json").read_text())
    assert (numbers["repeats"], numbers["trainings"]) == (1, 3)
    assert (tmp_path / "team" / "afternoon.png").stat().st_size > 10_000


def test_the_page_tells_the_numbers_that_were_measured() -> None:
    measured = json.loads((REPOSITORY / "docs" / "afternoon.json").read_text())
    for name in measured["needed"]:
        rows = [[f"{losses[name][after - 1]:.3f}" for after in (1, 5, 10, 20)] for losses in measured["loss"].values()]
        for row in rows:
            assert " | ".join(row) in PAGE
    assert f"after {measured['median_needed']:g} trainings" in PAGE
    assert re.search(rf"in {measured['never']} of {measured['repeats']} repeats", PAGE)
