"""A benchmark run: folds of whole groups, every method fitted on the rest, in processes, resumable.

The unit of work is a method on a fold: fitted once, then replayed on each task held out and each seed. Its
result is one JSON file next to the result, so that a run that was killed goes on where it stood.
"""

import hashlib
import json
import os
import re
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from forerun.errors import HistoryError
from forerun.evaluation import split
from forerun.metalearners.threads import one_thread
from judging.recordings import Benchmark
from judging.registry import make
from judging.replay import Held, JudgingError, replay
from judging.sources import SOURCES
from judging.tell import tell

Rows = list[dict[str, Any]]
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True)
class Plan:
    """How a benchmark is run; the same for every method."""

    trials: int = 25
    seeds: int = 5
    folds: int = 10
    """0 for one a group."""
    tasks: int | None = None
    """How many are held out, drawn at random; all others still teach. None for all."""
    sources: str = "real"


@dataclass(frozen=True)
class Piece:
    """One method on one fold."""

    method: str
    fold: int
    held: Sequence[int]
    rest: Sequence[int]


def pieces(benchmark: Benchmark, methods: Sequence[str], plan: Plan) -> list[Piece]:
    """The work, fold by fold, so that all methods are about equally far."""
    able = benchmark.replayable
    if len(able) < len(benchmark.meta.tasks):
        count = len(benchmark.meta.tasks) - len(able)
        tell(f"{benchmark.name}: {count} of {len(benchmark.meta.tasks)} tasks have equal losses; they only teach")
    rng = np.random.default_rng(0)
    fold = split(benchmark.meta.families, plan.folds or None, rng)
    if plan.tasks is not None and plan.tasks < len(able):
        able = sorted(rng.choice(able, plan.tasks, replace=False).tolist())
    found = []
    for number in range(int(fold.max()) + 1):
        held = [t for t in able if fold[t] == number]
        rest = np.flatnonzero(fold != number).tolist()
        found += [Piece(method, number, held, rest) for method in methods if held]
    if not found:
        raise HistoryError(f"{benchmark.name} must have a task whose losses differ; none has")
    return found


def work(benchmark: Benchmark, piece: Piece, plan: Plan) -> Rows:
    """Fit on the rest, replay what is held out."""
    rng = np.random.default_rng([0, piece.fold])
    meta = SOURCES[plan.sources](benchmark.meta.of_tasks(piece.rest), rng)
    began = time.perf_counter()
    with one_thread():
        try:
            method = make(piece.method).fit(meta, np.random.default_rng([1, piece.fold]))
        except Exception as error:
            raise JudgingError(
                f"{piece.method} could not fit fold {piece.fold} of {benchmark.name}: {error!r}"
            ) from error
        fitted = time.perf_counter() - began
        rows = []
        for task in piece.held:
            for seed in range(plan.seeds):
                row = replay(method, piece.method, Held.of(benchmark, task, seed), plan.trials, seed)
                rows.append({**row, "fold": piece.fold, "fit_seconds": fitted})
    return rows


def run(
    benchmark: Benchmark, methods: Sequence[str], plan: Plan, *, jobs: int, parts: Path | None, resume: bool
) -> dict[str, Rows]:
    """Judge methods on a benchmark: a row for each method, task and seed. Parts of the result go to a folder."""
    found: dict[str, Rows] = {name: [] for name in methods}
    waiting = []
    for piece in pieces(benchmark, methods, plan):
        known = _read(_part(parts, benchmark, piece, plan)) if parts and resume else None
        if known is None:
            waiting.append(piece)
        else:
            found[piece.method] += known
    bar = tqdm(total=len(waiting), desc=benchmark.name, unit="fold", dynamic_ncols=True)
    for piece, rows in _done(benchmark, waiting, plan, jobs):
        if parts:
            _write(_part(parts, benchmark, piece, plan), rows)
        found[piece.method] += rows
        bar.set_postfix_str(piece.method)
        bar.update()
    bar.close()
    return {name: sorted(rows, key=lambda row: (row["task"], row["seed"])) for name, rows in found.items()}


def _done(benchmark: Benchmark, waiting: Sequence[Piece], plan: Plan, jobs: int) -> Iterator[tuple[Piece, Rows]]:
    """Each piece as it is done."""
    if jobs == 1 or len(waiting) < 2:
        yield from ((piece, work(benchmark, piece, plan)) for piece in waiting)
        return
    # libraries read these when they are loaded, that is in processes that are started, not forked
    os.environ.update(dict.fromkeys(THREADS, "1"))
    pool = ProcessPoolExecutor(
        min(jobs, len(waiting)), get_context("spawn"), initializer=_start, initargs=(benchmark, plan)
    )
    with pool:
        futures = {pool.submit(_work_there, piece): piece for piece in waiting}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


_HERE: dict[str, Any] = {}
"""What a worker process was started with."""


def _start(benchmark: Benchmark, plan: Plan) -> None:
    _HERE.update(benchmark=benchmark, plan=plan)


def _work_there(piece: Piece) -> Rows:
    return work(_HERE["benchmark"], piece, _HERE["plan"])


def _part(parts: Path, benchmark: Benchmark, piece: Piece, plan: Plan) -> Path:
    """The file of a piece; other recordings or another plan have another name."""
    text = json.dumps([benchmark.digest, asdict(plan), list(piece.held)])
    key = hashlib.sha256(text.encode()).hexdigest()[:12]
    folder, method = (re.sub(r"[^\w-]", "_", name) for name in (benchmark.name, piece.method))
    return parts / folder / f"{method}-{piece.fold}-{key}.json"


def _read(path: Path) -> Rows | None:
    return json.loads(path.read_text()) if path.is_file() else None


def _write(path: Path, rows: Rows) -> None:
    """Complete before it takes its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(rows))
    partial.replace(path)
