"""Histories whose optimum moves: what is changed, what is said, and what is told of it."""

from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drift import measured
from drifting.figures import draw
from drifting.histories import Recordings, story
from drifting.summary import nights, noticed
from forerun.checks.world import history, with_losses
from forerun.errors import SettingsError
from forerun.metadata import MetaDataset
from forerun.metadata.recency import DAY

SIZE = {"slower": 4.0, "tests": 4, "trials": 20, "pool": 30}


@pytest.fixture(scope="module")
def recordings() -> Recordings:
    meta = history(tasks=24, trials=40)
    return Recordings("world", meta, -meta.loss, meta.seconds)


def losses(meta: MetaDataset) -> dict[tuple[str, bytes], float | None]:
    # failed is None, as NaN is not itself
    loss = [None if np.isnan(v) else float(v) for v in meta.loss]
    return {(meta.tasks[t], x.tobytes()): v for t, x, v in zip(meta.task, meta.X, loss, strict=True)}


def test_the_loss_changes_from_the_change_on_and_not_before(recordings: Recordings) -> None:
    told = story(recordings, "metric", 3, **SIZE)
    before, recorded = told.known(0), losses(recordings.meta)
    assert len(before.tasks) == told.half == 10
    assert losses(before).items() <= recorded.items()
    after = losses(told.forgotten(6))
    assert {name for name, _ in after} == {recordings.meta.tasks[t] for t in told.order[10:16]}
    assert after == {key: None if recorded[key] is None else -recorded[key] for key in after}


def test_data_sets_arrive_one_a_day_and_the_last_are_never_known(recordings: Recordings) -> None:
    told = story(recordings, "none", 3, **SIZE)
    known = told.known(10)
    days = (known.started // DAY).astype(int)
    assert [set(days[known.task == t]) for t in range(20)] == [{t} for t in range(20)]
    held = {told.later.tasks[t] for t in told.order[-4:]}
    assert not held & set(known.tasks)


def test_on_slower_hardware_what_would_have_run_into_the_limit_fails(recordings: Recordings) -> None:
    after, meta = recordings.after("hardware", 4.0), recordings.meta
    longest = np.array([meta.seconds[meta.task == t].max() for t in range(24)])[meta.task]
    np.testing.assert_array_equal(np.isnan(after), (4 * meta.seconds > longest) | np.isnan(meta.loss))


def test_a_narrowed_history_holds_the_better_half_from_the_middle_on(recordings: Recordings) -> None:
    whole, half = (story(recordings, kind, 3, **SIZE | {"trials": 1_000}) for kind in ("none", "narrowed"))
    assert len(half.known(0)) == len(whole.known(0))
    assert len(half.forgotten(6)) <= 0.5 * len(whole.forgotten(6)) + 6
    # those who are held out are there with all they have
    assert len(half.later) == len(whole.later)


def test_a_second_metric_or_a_time_that_is_not_there_is_an_error_that_says_so(recordings: Recordings) -> None:
    with pytest.raises(SettingsError, match="must have a second metric"):
        replace(recordings, other=None).after("metric", 4.0)
    for kind in ("time", "hardware"):
        with pytest.raises(SettingsError, match="must have seconds"):
            replace(recordings, seconds=None).after(kind, 4.0)


def test_nights_are_counted_and_the_first_on_which_drift_was_said_is_told() -> None:
    def row(seed: int, since: int, said: bool) -> dict[str, object]:
        return {"seed": seed, "since": since, "said": said, "drift": 0.1 * seed, "usual": 0.3, "now": 0.3 + 0.1 * since}

    rows = [row(0, 0, True), row(0, 2, False), row(0, 4, True), row(1, 0, False), row(1, 2, False), row(1, 4, False)]
    assert noticed(rows) == [4, None]
    found = nights(rows)
    assert [found[s]["said"] for s in ("0", "2", "4")] == [1, 0, 1]
    assert [found[s]["plain"] for s in ("0", "2", "4")] == [0, 2, 2]


@pytest.mark.slow
def test_a_small_run_sees_the_change_draws_it_and_forgetting_pays(recordings: Recordings, tmp_path: Path) -> None:
    turned = with_losses(recordings.meta, recordings.meta.loss)
    given = Namespace(kinds=["metric", "none"], learners=["linear"], seeds=1, since=[8], **SIZE | {"tests": 3})
    found = measured(replace(recordings, meta=turned), given)
    assert found["kinds"]["metric"]["noticed"] == [8]
    assert found["kinds"]["none"]["noticed"] == [None]
    ways = found["kinds"]["metric"]["curves"]["linear"]
    saved = ways["everything"]["8"]["1"]["mean"] - ways["recent"]["8"]["1"]["mean"]
    assert saved > 0
    assert ways["saved"]["8"]["1"]["mean"] == pytest.approx(saved)
    assert draw(found, tmp_path).stat().st_size > 10_000
