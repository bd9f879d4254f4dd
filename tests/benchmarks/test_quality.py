"""The harness that judges recommendations: what it reads, how it replays, what it tells."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forerun.errors import HistoryError, SettingsError
from forerun.evaluation.replay import random_regret
from judging import run as running
from judging.base import Candidates, Seen
from judging.matrix import Matrix
from judging.page import write
from judging.recordings import Benchmark, read
from judging.registry import make
from judging.regret import Ends
from judging.replay import Held, JudgingError, replay
from judging.run import Piece, Plan, pieces, run, work
from judging.scores import score
from judging.simple import Portfolio, Random
from judging.sources import SOURCES

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "quality.py"
FAST = ("random", "average", "portfolio", "nearest")


def recordings(folder: Path, data_sets: int = 8, name: str = "tiny") -> Path:
    """Six data sets prefer a C near their own taste, in pairs that are alike; one is constant, one fails at times."""
    rows = []
    for d in range(data_sets):
        for kernel in ("linear", "rbf"):
            for c in (0.1, 1.0, 10.0, 100.0):
                accuracy = 0.9 - 0.1 * abs(np.log10(c) - d // 2) - 0.05 * (kernel == "linear") + 0.001 * d
                accuracy = 0.5 if d == data_sets - 1 else accuracy
                failed = d == data_sets - 2 and c == 100.0
                rows.append((f"d{d}", kernel, c, np.nan if failed else accuracy))
    frame = pd.DataFrame(rows, columns=["dataset", "hp_kernel", "hp_C", "metric_accuracy"])
    folder.mkdir(parents=True, exist_ok=True)
    frame.to_parquet(folder / f"{name}.parquet")
    groups = pd.DataFrame({"benchmark": name, "dataset": [f"d{d}" for d in range(data_sets)]})
    groups.assign(group=[f"g{d // 2}" for d in range(data_sets)]).to_csv(folder / "dataset_groups.csv", index=False)
    described = {
        "space": {"kernel": {"type": "cat", "values": ["linear", "rbf"]}, "C": {"type": "float", "scale": "log10"}},
        "metrics": {"metric_accuracy": "maximise; 10-fold CV"},
    }
    (folder / f"{name}.space.json").write_text(json.dumps(described))
    facts = {"dataset": [f"d{d}" for d in range(data_sets)], "mf_taste": [d // 2 for d in range(data_sets)]}
    pd.DataFrame(facts).to_parquet(folder / f"{name}.metafeatures.parquet")
    return folder


@pytest.fixture
def tiny(tmp_path: Path) -> Benchmark:
    return read("tiny", recordings(tmp_path))


# -- regret ---------------------------------------------------------------------------------------


def test_regret_is_the_share_of_the_way_from_the_best_to_the_worst_and_1_where_failed():
    losses = np.array([0.1, 0.3, np.nan, 0.5])
    assert Ends.of(losses).regret(losses) == pytest.approx([0, 0.5, 1, 1])


def test_an_exploded_loss_does_not_make_the_others_look_perfect():
    losses = np.array([0.1, 0.2, 0.3, 0.4, 1e9])
    assert Ends.of(losses).regret(losses) == pytest.approx([0, 0.5, 1, 1, 1])


def test_a_bad_loss_that_is_no_explosion_stays_the_worst():
    losses = np.array([0.0, 0.1, 0.1, 0.1, 10.0])
    assert Ends.of(losses).regret(losses) == pytest.approx([0, 0.01, 0.01, 0.01, 1])


# -- reading --------------------------------------------------------------------------------------


def test_the_tidy_form_is_read_with_space_groups_and_features(tiny: Benchmark):
    assert len(tiny.meta) == 64
    assert list(tiny.meta.families) == [f"g{d // 2}" for d in range(8)]
    assert tiny.meta.space.domains["C"].log
    assert tiny.meta.features.shape == (8, 1)
    first = tiny.configurations[0]
    assert first == {"kernel": "linear", "C": 0.1}
    assert tiny.meta.loss[0] == pytest.approx(-0.75)
    assert np.array_equal(tiny.meta.space.encode(tiny.configurations), tiny.meta.X)


def test_a_data_set_of_equal_losses_teaches_and_is_not_held_out(tiny: Benchmark):
    assert tiny.replayable == [0, 1, 2, 3, 4, 5, 6]
    for piece in pieces(tiny, ["random"], Plan(folds=0)):
        assert 7 not in piece.held
        assert 7 in piece.rest or 6 in piece.held


def test_a_file_with_odd_columns_and_nothing_beside_it_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    rng = np.random.default_rng(0)
    n = 60
    frame = pd.DataFrame(
        {
            "dataset": np.repeat([7, 11, 13], n // 3),
            "hp_a=b": rng.uniform(size=n).astype("float32"),
            "hp_steps": pd.array(rng.integers(1, 4, n), dtype="Int8"),
            "hp_name": pd.Categorical(rng.choice(["x", "y"], n)),
            "hp_flag": pd.array(rng.choice([True, False, None], n), dtype="boolean"),
            "hp_text": rng.choice(["0.1", "10", "1e3"], n),
            "hp_layers": [[64, 32] if i % 2 else [16] for i in range(n)],
            "hp_wild": np.where(np.arange(n) % 5 == 0, np.inf, 10.0 ** rng.uniform(-8, 2, n)),
            "hp_empty": np.nan,
            "hp_constant": 3.0,
            "metric_fit_time": rng.uniform(size=n),
            "metric_r2": rng.normal(size=n),
        }
    )
    frame.to_parquet(tmp_path / "odd.parquet")
    (tmp_path / "odd.space.json").write_text('{"space": [1, 2], "metrics": 5}')
    benchmark = read("odd", tmp_path)
    said = capsys.readouterr().err
    assert benchmark.metric == "metric_r2"
    assert "metric_r2 is maximised (guessed from its name" in said
    assert set(benchmark.meta.tasks) == {"7", "11", "13"}
    assert benchmark.meta.features.shape == (3, 0)
    assert set(benchmark.meta.space.domains) == {
        "a_b", "steps", "name", "flag", "text", "layers", "wild", "constant",
    }  # fmt: skip
    assert benchmark.meta.space.domains["wild"].log
    assert np.isfinite(benchmark.meta.X).all()
    found = score(run(benchmark, FAST, Plan(4, 1, 0), jobs=1, parts=None, resume=False))
    assert set(found) == set(FAST)


def test_of_each_configuration_the_highest_budget_counts_and_repeated_rows_are_averaged(tmp_path: Path):
    rows = [
        ("a", 1, 10, 0.9), ("a", 1, 20, 0.5), ("a", 2, 10, 0.3), ("a", 3, 20, 0.2), ("a", 3, 20, 0.4),
        ("b", 1, 20, 0.1), ("b", 2, 20, 0.2), ("b", 2, 5, 0.0),
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["dataset", "hp_x", "budget_epochs", "metric_error"])
    frame.to_parquet(tmp_path / "budgets.parquet")
    meta = read("budgets", tmp_path).meta
    assert meta.loss.tolist() == pytest.approx([0.5, 0.3, 0.3, 0.1, 0.2])
    assert meta.task.tolist() == [0, 0, 0, 1, 1]


def test_an_evaluation_in_two_contexts_makes_two_tasks_of_one_group(tmp_path: Path):
    rows = [("a", x, gpu, x * (1 + gpu)) for x in (1, 2, 3) for gpu in (0, 1)] + [("b", x, 0, x) for x in (1, 2, 3)]
    pd.DataFrame(rows, columns=["dataset", "hp_x", "ctx_gpu", "metric_loss"]).to_parquet(tmp_path / "two.parquet")
    meta = read("two", tmp_path).meta
    assert sorted(meta.tasks) == ["a gpu=0", "a gpu=1", "b gpu=0"]
    assert sorted(meta.families) == ["a", "a", "b"]


@pytest.mark.parametrize(
    ("described", "wanted", "metric", "maximise"),
    [
        ({"metric_odd": "minimise", "metric_auc": "maximise"}, None, "metric_odd", False),
        ({"metric_odd": "", "metric_auc": ""}, None, "metric_auc", True),
        ({"metric_gone": "maximise", "loss": "higher is better"}, None, "metric_loss", True),
        (["metric_auc"], None, "metric_auc", True),
        (None, None, "metric_loss", False),
        (None, "metric_odd", "metric_odd", False),
    ],
)
def test_the_metric_and_its_direction_are_told_by_the_file_or_else_by_its_name(
    tmp_path: Path, described: object, wanted: str | None, metric: str, maximise: bool
):
    values = [1.0, 2.0, 3.0, 4.0]
    frame = pd.DataFrame({"dataset": [*"aabb"], "hp_x": [1, 2, 1, 2]})
    frame = frame.assign(metric_train_loss=values, metric_odd=values, metric_loss=values, metric_auc=values)
    frame.to_parquet(tmp_path / "m.parquet")
    (tmp_path / "m.space.json").write_text(json.dumps({"metrics": described}))
    benchmark = read("m", tmp_path, wanted)
    assert benchmark.metric == metric
    assert (benchmark.meta.loss[0] < 0) == maximise


def test_what_is_not_there_is_named_with_what_is(tmp_path: Path):
    recordings(tmp_path)
    with pytest.raises(HistoryError, match="benchmark must be one of tiny; got 'huge'"):
        read("huge", tmp_path)
    with pytest.raises(HistoryError, match="metric must be one of"):
        read("tiny", tmp_path, "metric_x")
    with pytest.raises(SettingsError, match=r"methods must be among .*forerun.*; got 'astrology'"):
        make("astrology")


# -- the matrix -----------------------------------------------------------------------------------


def test_the_matrix_says_what_was_recorded_where_a_configuration_recurs_and_else_what_a_surrogate_says(
    tiny: Benchmark,
):
    meta = tiny.meta.of_tasks([0, 2, 6])
    one = np.flatnonzero(meta.task == 0)
    rest = meta.of_rows(np.flatnonzero(~((meta.task == 1) & (meta.X[one[3]] == meta.X).all(axis=1))))
    losses, known = Matrix.of(rest).at(meta.X[one])
    assert np.array_equal(losses[0], meta.loss[one])
    assert known.tolist() == [[True] * 8, [c != 3 for c in range(8)], [True] * 8]
    assert np.isnan(losses[2, [3, 7]]).all()
    # between the losses of its neighbours, C = 10 and the other kernel
    mine = meta.loss[meta.task == 1]
    assert mine.min() <= losses[1, 3] <= mine.max()


def test_the_portfolio_serves_next_the_tasks_that_it_serves_badly():
    R = np.array([[0.0, 0.9, 0.4, 0.2], [0.1, 1.0, 0.4, 0.2], [1.0, 0.0, 0.4, 0.9]])
    nothing = Candidates(np.zeros(0), np.zeros((4, 0)), [{}] * 4)
    order: list[int] = []
    for _ in range(4):
        first, second = Portfolio().scores(R, nothing, Seen(tuple(order), np.zeros(len(order))))
        first[order] = np.inf
        order.append(int(np.lexsort([second, first])[0]))
    # means .37 .63 .40 .43; after the first one the second lowers the sum by 1, the third by .6, the fourth by .1
    assert order == [0, 1, 2, 3]


# -- replaying ------------------------------------------------------------------------------------


def test_no_split_parts_a_group(tiny: Benchmark):
    for folds in (0, 2, 3, 10):
        found = pieces(tiny, ["random"], Plan(folds=folds))
        assert sorted(t for piece in found for t in piece.held) == tiny.replayable
        for piece in found:
            held, rest = ({tiny.meta.families[t] for t in tasks} for tasks in (piece.held, piece.rest))
            assert not held & rest


def test_only_some_tasks_are_held_out_when_asked_and_the_others_still_teach(tiny: Benchmark):
    found = pieces(tiny, ["random", "average"], Plan(folds=0, tasks=2))
    assert len({t for piece in found for t in piece.held}) == 2
    assert all(len(piece.rest) == 6 for piece in found)


def test_random_search_has_the_regret_that_is_exactly_expected_of_it(tiny: Benchmark):
    held = Held.of(tiny, 3, 0)
    curves = [replay(Random(), "random", Held.of(tiny, 3, s), 4, s)["regret"] for s in range(400)]
    # the standard error is below 0.018; off by four of them once in 16,000 numbers
    assert np.mean(curves, axis=0) == pytest.approx(random_regret(held.regret, 4), abs=0.07)


def test_a_failed_trial_costs_all_there_is_to_lose_and_once_all_are_tried_nothing_more_is_found(tiny: Benchmark):
    class FailedFirst(Random):
        def choose(self, candidates: Candidates, seen: Seen, rng: np.random.Generator) -> int:
            worst = [i for i, c in enumerate(candidates.configurations) if c["C"] == 100.0]
            return worst[len(seen.rows)] if len(seen.rows) < 2 else super().choose(candidates, seen, rng)

    curve = replay(FailedFirst(), "failed first", Held.of(tiny, 6, 0), 12, 0)["regret"]
    assert curve[:2] == [1.0, 1.0]
    assert len(curve) == 12
    assert curve[7:] == [0.0] * 5


def test_the_order_of_candidates_is_the_seeds_and_the_same_for_every_method(tiny: Benchmark):
    orders = [Held.of(tiny, 0, seed).losses.tolist() for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == sorted(orders[2])


def test_a_method_that_raises_or_cheats_is_named_with_the_task(tiny: Benchmark):
    class Again(Random):
        def choose(self, candidates: Candidates, seen: Seen, rng: np.random.Generator) -> int:
            return 0

    class Broken(Random):
        def choose(self, candidates: Candidates, seen: Seen, rng: np.random.Generator) -> int:
            raise ZeroDivisionError("oh")

    with pytest.raises(JudgingError, match="again on d0 must choose an untried number below 8; got 0 after"):
        replay(Again(), "again", Held.of(tiny, 0, 0), 3, 0)
    with pytest.raises(JudgingError, match=r"broken on d0, trial 1, seed 0: ZeroDivisionError\('oh'\)"):
        replay(Broken(), "broken", Held.of(tiny, 0, 0), 3, 0)


def test_a_resumed_run_does_only_what_is_left_and_ends_like_a_full_one(
    tiny: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    plan, parts = Plan(trials=5, seeds=2, folds=3), tmp_path / "out.parts"
    full = run(tiny, FAST, plan, jobs=1, parts=parts, resume=False)
    files = sorted(parts.rglob("*.json"))
    assert len(files) == 3 * len(FAST)
    files[0].unlink()
    done: list[Piece] = []
    monkeypatch.setattr(running, "work", lambda b, piece, plan: done.append(piece) or work(b, piece, plan))
    resumed = run(tiny, FAST, plan, jobs=1, parts=parts, resume=True)
    assert len(done) == 1
    for name in FAST:
        assert [row["regret"] for row in resumed[name]] == [row["regret"] for row in full[name]]
    run(tiny, FAST, replace(plan, trials=6), jobs=1, parts=parts, resume=True)
    assert len(done) == 1 + 3 * len(FAST), "what another plan left was taken for this one's"


# -- scores ---------------------------------------------------------------------------------------


def rows(task: str, family: str, *curves: list[float]) -> list[dict[str, object]]:
    common = {"task": task, "family": family, "seconds": 0.1, "fit_seconds": 1.0, "fold": 0, "told": {}}
    return [{**common, "seed": seed, "regret": curve} for seed, curve in enumerate(curves)]


def test_regret_rank_and_interval_are_those_by_hand():
    ours = rows("a", "A", [0.4, 0.2], [0.2, 0.0]) + rows("b", "B", [0.5, 0.5], [0.5, 0.5])
    theirs = rows("a", "A", [0.4, 0.3], [0.4, 0.0]) + rows("b", "B", [0.1, 0.1], [0.7, 0.1])
    found = score({"forerun": ours, "peer": theirs})
    assert found["forerun"]["regret"] == pytest.approx({"1": 0.4, "2": 0.3})
    assert found["peer"]["regret"] == pytest.approx({"1": 0.4, "2": 0.125})
    # at trial 1: a tie, a win, a loss, a win
    assert found["forerun"]["rank"]["1"] == pytest.approx((1.5 + 1 + 2 + 1) / 4)
    assert found["forerun"]["rank"]["2"] == pytest.approx((1 + 1.5 + 2 + 2) / 4)
    assert found["forerun"]["auc"] == pytest.approx(0.35)
    assert found["peer"]["above_forerun"]["2"][0] == pytest.approx(-0.175)
    # two groups: a draw holds one of them alone half of the time
    assert found["forerun"]["interval"]["1"] == pytest.approx([0.3, 0.5])


def test_groups_not_data_sets_are_drawn_for_intervals():
    apart, alike = (
        score({"m": [r for i in range(24) for r in rows(f"t{i:02}", f"g{i // size}", [i / 24])]})["m"]
        for size in (1, 4)
    )
    # the standard error of a mean over 6 groups, not over 24 data sets: about twice as wide
    assert np.diff(alike["interval"]["1"]) > 1.6 * np.diff(apart["interval"]["1"])


@pytest.mark.slow
def test_a_result_is_told_on_a_page_with_a_picture(tiny: Benchmark, tmp_path: Path):
    methods = ("forerun", "random", "portfolio")
    found = score(run(tiny, methods, Plan(6, 1, 2), jobs=1, parts=None, resume=False))
    assert set(found["forerun"]["coverage"]) == {"0", "5"}
    assert set(found["forerun"]["coverage"]["0"]) == {"50", "80", "95"}
    assert "spearman" not in found["random"]
    page = write({"tiny": found}, tmp_path / "page")
    assert "![regret curves on tiny](quality-tiny.png)" in page.read_text()
    assert (tmp_path / "page" / "quality-tiny.png").stat().st_size > 10_000


# -- sources that mislead -------------------------------------------------------------------------


def test_misleading_sources_are_what_they_say(tiny: Benchmark):
    rng = np.random.default_rng(0)
    real = tiny.meta
    shuffled, reversed_, none = (SOURCES[name](real, rng) for name in ("shuffled", "reversed", "none"))
    assert not np.array_equal(shuffled.loss, real.loss, equal_nan=True)
    for task in range(8):
        mine = real.task == task
        assert np.array_equal(np.sort(shuffled.loss[mine]), np.sort(real.loss[mine]), equal_nan=True)
        known = mine & ~real.failed
        if task < 7:
            assert reversed_.y[known][np.argmax(real.y[known])] < reversed_.y[known][np.argmin(real.y[known])]
    assert np.array_equal(reversed_.failed, real.failed)
    assert len(none.tasks) == 1
    assert np.ptp(none.y) == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["forerun", *FAST])
@pytest.mark.parametrize("sources", ["shuffled", "reversed", "none"])
def test_a_method_runs_on_sources_that_mislead(tiny: Benchmark, name: str, sources: str):
    found = work(tiny, pieces(tiny, [name], Plan(folds=2))[0], Plan(trials=4, seeds=1, folds=2, sources=sources))
    assert all(0 <= v <= 1 for row in found for v in row["regret"])


def test_the_portfolio_is_led_astray_by_reversed_sources(tiny: Benchmark):
    areas = {}
    for sources in ("real", "reversed"):
        found = run(tiny, ["portfolio"], Plan(4, 2, 0, sources=sources), jobs=1, parts=None, resume=False)
        areas[sources] = score(found)["portfolio"]["auc"]
    assert areas["reversed"] > areas["real"] + 0.1


# -- the command ----------------------------------------------------------------------------------


def command(*words: str) -> subprocess.CompletedProcess[str]:
    given = [sys.executable, str(SCRIPT), *words]
    return subprocess.run(given, capture_output=True, text=True, timeout=800, check=False)


@pytest.mark.slow
@pytest.mark.long
def test_the_command_judges_all_benchmarks_of_a_folder_in_processes(tmp_path: Path):
    data, out = recordings(tmp_path / "data"), tmp_path / "out.json"
    recordings(data, 6, "other")
    given = ["--data", str(data), "--methods", "random,portfolio", "--trials", "5", "--seeds", "2", "--json", str(out)]
    done = command("all", *given, "--jobs", "2")
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())
    assert set(found) == {"tiny", "other"}
    for scores in found.values():
        assert set(scores) == {"random", "portfolio"}
        assert set(scores["random"]) >= {"regret", "rank", "interval", "seconds", "auc", "curve"}
        assert list(scores["random"]["regret"]) == ["1", "2", "3", "5"]
    told = command("--json", str(out), "--figures", str(tmp_path / "figures"))
    assert told.returncode == 0, told.stderr
    assert (tmp_path / "figures" / "quality-tiny.png").is_file()


@pytest.mark.slow
def test_a_mistake_on_the_command_line_is_one_line(tmp_path: Path):
    done = command("tiny", "--data", str(recordings(tmp_path)), "--methods", "astrology")
    assert done.returncode == 1
    assert done.stderr.strip().startswith("error: methods must be among")
