"""The benchmark of super-networks: what it counts, and that a run which was ended goes on."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

import supernet
from forerun.learners.architectures import ARCHITECTURES, Recipe
from forerun.supernets import SANDWICHES, Sandwich
from supernetted.agreement import correlation
from supernetted.compare import chosen
from supernetted.data import DEVELOPED, TOLD
from supernetted.record import Record, task_of

pytestmark = pytest.mark.slow  # models are trained


def row(loss: float, test: float, seconds: float = 1.0) -> dict[str, float]:
    return {"loss": loss, "test": test, "seconds": seconds}


def test_the_lowest_validation_loss_among_trainings_that_end_in_time_is_chosen():
    rows = [row(0.5, 0.1), row(0.3, 0.4), row(float("nan"), 0.0), row(0.2, 0.3)]
    assert chosen(rows, 3.5)["test"] == 0.4
    assert chosen(rows, 4.0)["test"] == 0.3


def test_a_correlation_counts_what_diverged_as_worst_and_lies_within_its_interval():
    found = {"scores": [0.1, 0.2, 0.3, 0.4, 0.5], "losses": [1.0, 2.0, 3.0, 4.0, float("nan")]}
    rho, low, high = correlation(found, "losses")
    assert rho == pytest.approx(1.0)
    assert low <= rho <= high


def test_no_data_set_that_results_are_told_of_shares_its_family_with_one_that_settings_were_chosen_on():
    told, developed = ({task_of(one.name).family for one in group} for group in (TOLD, DEVELOPED))
    assert len(told) == len(TOLD)
    assert not told & developed


def test_what_was_done_is_not_done_again(tmp_path: Path):
    path = tmp_path / "out.json"
    assert Record.open(path).once("a", lambda: 1) == 1
    assert Record.open(path).once("a", lambda: pytest.fail("it was done")) == 1


@pytest.mark.long
def test_a_quick_run_tells_of_all_three_ways_and_draws_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setitem(ARCHITECTURES, "dense", type(ARCHITECTURES["dense"])(Recipe(epochs=1)))
    monkeypatch.setitem(SANDWICHES, "dense", Sandwich(epochs=1))
    out = tmp_path / "out.json"
    monkeypatch.setattr(
        sys, "argv", ["supernet.py", "--quick", "--only", "cars_mpg", "--json", str(out), "--figures", str(tmp_path)]
    )
    supernet.main()
    told = json.loads(out.read_text())["told"]["cars_mpg"]
    (arms,) = told["arms"]
    assert all(np.isfinite(arms[arm]["mean"]) for arm in ("random", "without", "with"))
    assert told["ratio"] > 0
    assert (tmp_path / "supernet.png").stat().st_size > 1000
    assert "mean correlation" in capsys.readouterr().out
