"""How long meta-features take, on one thread, and against pymfe where it can do the same.

    python benchmarks/metafeatures.py [--data FOLDER] [--json OUT]

Made-up tables of about 10,000 training rows, with and without missing values and categories, and, with --data,
every data set of a folder of tables (`tasks.folder`). pymfe gets the same rows, complete and numeric as it
needs them, and the groups general, statistical, info-theory and landmarking.
"""

import argparse
import json
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from forerun.metadata import metafeatures
from forerun.tasks import Task, make_task
from forerun.tasks.folder import folder_tasks

ROWS = 16_700  # six tenths of which are the training part


def made_up(columns: int, kind: str, mixed: bool) -> Task:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(ROWS, columns))).add_prefix("x")
    score = X["x0"] * X["x1"] + X["x2"]
    if mixed:
        for i in range(columns // 2):
            X[f"c{i}"] = rng.choice([*"abcdefgh"], ROWS)
        X = X.mask(rng.random(X.shape) < 0.05)
    X["y"] = score if kind == "regression" else np.digitize(score, [-0.5, 0.5] if kind == "multiclass" else [0])
    return make_task(X, "y", name=f"{kind}-{columns}{'-mixed' if mixed else ''}", kind=kind)


def seconds(work: Callable[[], object], repeats: int) -> float:
    """CPU seconds, on one thread those of an idle machine; the best of a few."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def by_pymfe(task: Task) -> None:
    from pymfe.mfe import MFE

    extractor = MFE(groups=["general", "statistical", "info-theory", "landmarking"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        extractor.fit(task.train.X.to_numpy(), task.train.y)
        extractor.extract(suppress_warnings=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="a folder of tables")
    parser.add_argument("--json", type=Path, help="where to write the result")
    given = parser.parse_args()
    tasks = [
        made_up(c, k, m)
        for c in (10, 30, 100, 300)
        for k in ("binary", "multiclass", "regression")
        for m in (False, True)
    ]
    if given.data:
        tasks += [make() for make in folder_tasks(given.data, ROWS).values()]
    metafeatures(tasks[0])  # imports
    found: dict[str, dict[str, float]] = {}
    with threadpool_limits(1):
        for task in tasks:
            found[task.name] = {
                "rows": len(task.train),
                "columns": len(task.columns),
                "seconds": seconds(lambda task=task: metafeatures(task), 3),
            }
            if task.name == "binary-30":
                found[task.name]["pymfe_seconds"] = seconds(lambda task=task: by_pymfe(task), 1)
            print(f"{task.name:28}", " ".join(f"{k} {v:.3g}" for k, v in found[task.name].items()), flush=True)
    print(f"slowest: {max(v['seconds'] for v in found.values()):.2f} s")
    if given.json:
        given.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
