"""The benchmark of learned optimizers: what it compares, how it counts, its figures."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from forerun.metatraining import FAMILIES, Table
from forerun.metatraining.problems import ACTIVATIONS, DEEPEST, WIDEST
from forerun.tasks.builtin import RECIPES
from optimized import figures, summary, unseen
from optimized.cases import DEVELOPMENT, HELD_OUT, REPORTED, SHAPES, TASKS
from optimized.measure import Contender, curves, tuned

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "learned_optimizer.py"


def case(learned: float, tuned: float, family: str = "a") -> dict:
    """Two seeds of an optimizer at two learning rates, and of a rule; the blind loss is 2."""
    return {
        "family": family,
        "blind": 2.0,
        "shown": [0, 100],
        "tuned": [("adam", 0.1, [[2.0, tuned]] * 2), ("adam", 1.0, [[2.0, 9.0]] * 2)],
        "learned": {"mlp": [[2.0, learned]] * 2},
    }


def test_no_family_and_no_sort_of_network_that_is_reported_was_practised_on() -> None:
    reported = {RECIPES[name].family for name in TASKS}
    chosen = {RECIPES[name].family for name, _ in DEVELOPMENT}
    assert chosen == set(HELD_OUT)
    assert not reported & (set(FAMILIES) | chosen)
    assert not chosen & set(FAMILIES)
    for shape in SHAPES.values():
        unseen = shape.residual, shape.activation not in ACTIVATIONS, max(shape.widths) > WIDEST
        assert any(unseen) or len(shape.widths) > DEEPEST


def test_every_task_is_reported_with_two_networks_and_every_network_on_some_task() -> None:
    assert len(set(REPORTED)) == 2 * len(TASKS)
    assert {shape for _, shape in REPORTED} == set(SHAPES)


def test_each_of_three_optimizers_is_tuned_over_seven_learning_rates() -> None:
    rates = {name: [c.rate for c in tuned() if c.optimizer == name] for name in ("sgd", "adam", "adamw")}
    assert [len(set(found)) for found in rates.values()] == [7, 7, 7]


def test_optimizers_start_alike_and_move_as_when_alone() -> None:
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    table = Table("x", rng.normal(size=(70, 3)).astype(np.float32), np.arange(70) % 2, 2)
    few = Table("x", table.X[:9], table.y[:9], 2)
    several = [Contender("adam", 0.01), Contender("sgd", 0.1), Contender("adamw", 0.03)]
    architecture = SHAPES["batch"].architecture(table)
    together, other = curves([table, few], architecture, several, [0, 1], (0, 4))
    assert together.shape == (3, 2, 2)
    np.testing.assert_allclose(together[:, :, 0], together[:1, :, 0].repeat(3, axis=0), rtol=1e-5)
    alone, again = curves([table, table], architecture, several[1:2], [1], (0, 4))
    np.testing.assert_allclose(together[1, 1], alone[0, 0], rtol=1e-4)
    # other rows are judged by the same networks, and not trained on
    np.testing.assert_array_equal(alone, again)
    assert (np.abs(other - together) > 1e-3).all()


def test_as_good_allows_a_hundredth_of_the_blind_loss_and_lower_allows_nothing() -> None:
    cases = {"lower": case(0.9, 1.0), "close": case(1.01, 1.0, "b"), "worse": case(1.03, 1.0, "c")}
    found = summary.compared(cases, "mlp")
    assert (found["as_good"], found["lower"], found["cases"]) == (2, 1, 3)
    assert found["as_good_as"] == {"adam": 2}
    assert found["diverged"] == 0
    assert summary.fixed(cases) == {"adam 0.1": 3, "adam 1": 0}
    assert summary.best_tuned(cases["worse"]) == {"adam": (0.1, 1.0)}


def held_back(validation: list[float], test: list[float]) -> dict:
    """A case of one seed, with losses after three steps of Adam at two learning rates; the first trains best."""
    known, unknown = (
        {"tuned": [("adam", 0.1, [[2.0, 1.0, loss]]), ("adam", 1.0, [[2.0, 2.0, loss / 2]])], "learned": {"mlp": [row]}}
        for loss, row in ((3.0, validation), (4.0, test))
    )
    seen = {"tuned": [("adam", 0.1, [[2.0, 1.0, 0.2]]), ("adam", 1.0, [[2.0, 1.0, 0.4]])]}
    return {"family": "a", "blind": 2.0, **seen, "learned": {"mlp": [[2.0, 1.0, 0.1]]}, "unseen": [known, unknown]}


def test_on_unseen_rows_learning_rates_are_chosen_by_either_loss_and_trainings_stop_where_validation_is_best() -> None:
    case = held_back([2.0, 1.0, 1.2], [2.0, 0.5, 0.7])
    (ours,) = unseen.learned(case).values()
    assert ours == unseen.Outcome(0.05, 0.6, 0.35, validation_best=0.5, test_stopped=0.25)
    others = unseen.tuned(case)
    assert others["adam"] == others[unseen.ANY]
    by_training, by_validation = (unseen.chosen(others["adam"], choice) for choice in ("training", "validation"))
    # stopped, the first rate is best by validation; at the end, the second is
    assert by_training == unseen.Outcome(0.1, 1.5, 2.0, validation_best=0.5, test_stopped=0.5)
    assert by_validation == unseen.Outcome(0.2, 0.75, 1.0, validation_best=0.5, test_stopped=0.5)
    above = unseen.compared({"one": case})["above"]["mlp"]["adam by validation"]
    assert (above["test"]["mean"], above["test_stopped"]["mean"]) == pytest.approx((-0.65, -0.25))
    assert above["test"]["as_good"] == 1


def test_a_training_diverges_by_its_end_and_overshoots_on_the_way() -> None:
    rising, lost, overshot, well = [1.0, 0.5, 1.2], [1.0, 0.5, np.nan], [1.5, 4.0, 0.5], [3.0, 2.0, 0.5]
    found = summary.steadiness([np.array([rising, overshot]), np.array([well])])
    assert (found["trainings"], found["diverged"], found["overshot"]) == (3, 1, 1)
    assert found["highest"] == pytest.approx(4 / 1.5)
    assert summary.steadiness([np.array([lost])])["diverged"] == 1


def test_stability_tells_what_came_after_the_practised_steps() -> None:
    cases = {"a": {"shown": [0, 200, 2000], "relative": {"mlp": [[1.0, 0.5, 0.1]]}}}
    cases["b"] = {"shown": [0, 200, 2000], "relative": {"mlp": [[1.2, 0.5, 0.6]]}}
    found = summary.stability(cases, "mlp")
    assert (found["diverged"], found["fell_further"]) == (0, 1)
    assert found["largest_rise"] == pytest.approx(0.1)


def test_intervals_resample_whole_families() -> None:
    found = summary.interval(np.array([0.0, 0.0, 1.0]), ["a", "a", "b"])
    assert found["mean"] == pytest.approx(1 / 3)
    assert (found["low"], found["high"]) == (0.0, 1.0)


@pytest.mark.slow
@pytest.mark.long
def test_a_quick_run_writes_every_section_and_is_drawn(tmp_path: Path) -> None:
    out = tmp_path / "learned.json"
    command = [sys.executable, str(SCRIPT), "--json", str(out), "--quick"]
    subprocess.run(command, check=True, capture_output=True, timeout=800)
    found = json.loads(out.read_text())
    assert set(found) == {"machine", "losses", "long", "overhead"}
    assert set(found["losses"]["summary"]) == set(found["losses"]["unseen"]["above"]) == {"mlp", "lstm"}
    figures.draw(found, tmp_path)
    for name in ("", "-cases", "-long"):
        assert (tmp_path / f"learned-optimizer{name}.png").stat().st_size > 5_000
