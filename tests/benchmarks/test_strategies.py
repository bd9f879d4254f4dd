"""The contest of strategies runs, and the learned optimizer is a method of `quality.py` and a chooser of trainings."""

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
from forerun.errors import HistoryError
from forerun.metalearners.linear import Linear
from forerun.search import Enumeration, Problem, Random
from forerun.search.recurrent import RecurrentOptimizer
from forerun.trials import Status, Trial
from forerun.tuning.learned import LearnedChooser, imagined
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
def test_the_learned_optimizer_chooses_trainings_of_the_tasks_own_space(method: LearnedOptimizer) -> None:
    """A task without the network's depth, which the history had."""
    part = type(SPACE)(
        "part",
        {k: v for k, v in SPACE.domains.items() if k != "mlp.depth"},
        {k: v for k, v in SPACE.conditions.items() if k != "mlp.depth"},
    )
    chooser, trials = LearnedChooser(method.optimizer, part), []
    for i in range(6):
        configuration = chooser.choose(trials)
        part.check(configuration)
        status, loss = (Status.FAILED, np.nan) if i == 2 else (Status.FINISHED, float(i % 3))
        trials.append(Trial("task", configuration, "part", 0, status, loss))
    assert chooser.choose(trials) == chooser.choose(trials)
    assert len({json.dumps(t.configuration, sort_keys=True) for t in trials}) > 1


@pytest.mark.slow
def test_a_metalearner_that_cannot_be_drawn_from_teaches_no_optimizer() -> None:
    meta = history(0, 6, 20)

    class Stubborn(Linear):
        def adapt(self, context: object) -> object:  # type: ignore[override]
            return object()

    with pytest.raises(HistoryError, match="can be drawn from"):
        imagined(Stubborn(), meta, 2, np.random.default_rng(0))


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize(
    ("section", "keys"),
    [
        ("certified", {"space", "networks", "seconds", "found", "runs"}),
        ("optimizer", {"functions", "tasks", "meta_loss", "curves", "optimum"}),
        ("wide", {"1e20", "1e40"}),
        ("rate", {"1e12", "1e20", "1e40"}),
    ],
)
def test_every_section_runs_and_what_is_a_curve_is_drawn(section: str, keys: set[str], tmp_path: Path) -> None:
    out = tmp_path / "strategies.json"
    command = [sys.executable, str(SCRIPT), "--json", str(out)]
    subprocess.run([*command, "--quick", "--only", section], check=True, capture_output=True, timeout=250)
    assert set(json.loads(out.read_text())[section]) == keys
    if section == "rate":
        return
    subprocess.run([*command, "--figures", str(tmp_path)], check=True, capture_output=True, timeout=250)
    assert (tmp_path / f"learned-search-{section}.png").stat().st_size > 10_000
