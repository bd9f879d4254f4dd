"""The contest of strategies runs, and the learned optimizer is a method of `quality.py`."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from competing.running import compete
from forerun.checks.search import RandomNetwork
from forerun.checks.world import SPACE, example, history
from forerun.search import Enumeration, Problem, Random
from forerun.search.recurrent import RecurrentOptimizer
from judging.base import Candidates, Seen
from judging.learned import LearnedOptimizer
from judging.registry import make

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "strategies.py"


@pytest.fixture(scope="module")
def method() -> LearnedOptimizer:
    torch.set_num_threads(1)
    small = RecurrentOptimizer(resolution=6, hidden=16, trials=5, batch=16, updates=40, rate=1e-2)
    return LearnedOptimizer(small).fit(history(0, 8, 30), np.random.default_rng(0))


def test_a_search_stops_when_the_target_is_found_and_says_what_that_took() -> None:
    grid = SPACE.grid(6)
    problem = Problem(RandomNetwork.drawn(len(SPACE.columns), 0), grid)
    best = Enumeration().search(problem, 1, np.random.default_rng(0)).scores[0]
    found = compete(Random(), problem, 5.0, 0, best)
    assert found["reached"]
    assert found["best"] == pytest.approx(best)
    seconds, scored, scores = zip(*found["points"], strict=True)
    assert sorted(scores, reverse=True) == list(scores)
    assert 0 < seconds[-1] <= found["seconds"]
    assert scored[-1] == found["scored"]


def test_a_search_without_a_target_goes_on_until_its_time_is_up() -> None:
    problem = Problem(RandomNetwork.drawn(len(SPACE.columns), 0), SPACE.grid(6))
    found = compete(Random(draws=200), problem, 0.05, 0)
    assert not found["reached"]
    assert found["seconds"] >= 0.05
    assert found["scored"] > 200


@pytest.mark.slow
def test_the_learned_optimizer_is_a_method_that_never_tries_twice(method: LearnedOptimizer) -> None:
    task = example(np.random.default_rng(5), 40)
    candidates, tried = Candidates(task.features, task.X, []), []
    for _ in range(10):
        losses = np.where(np.array(tried) % 7 == 0, np.nan, task.loss[tried]) if tried else np.zeros(0)
        tried.append(method.choose(candidates, Seen(tuple(tried), losses), np.random.default_rng(0)))
    assert len(set(tried)) == 10
    assert isinstance(make("recurrent_optimizer"), LearnedOptimizer)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize(
    ("section", "keys"),
    [
        ("certified", {"space", "networks", "seconds", "found", "runs"}),
        ("optimizer", {"history", "strangers"}),
        ("wide", {"1e20", "1e40"}),
        ("rate", {"1e12", "1e20", "1e40"}),
    ],
)
def test_every_section_runs_and_what_is_a_curve_is_drawn(section: str, keys: set[str], tmp_path: Path) -> None:
    out = tmp_path / "strategies.json"
    command = [sys.executable, str(SCRIPT), "--json", str(out)]
    subprocess.run([*command, "--quick", "--only", section], check=True, capture_output=True, timeout=800)
    assert set(json.loads(out.read_text())[section]) == keys
    if section == "rate":
        return
    subprocess.run([*command, "--figures", str(tmp_path)], check=True, capture_output=True, timeout=800)
    assert (tmp_path / f"learned-search-{section}.png").stat().st_size > 10_000
