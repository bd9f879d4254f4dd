"""What reading a team's MLflow history costs, against `mlflow.search_runs`, on SQLite and on PostgreSQL.

    python benchmarks/mining.py --runs 200000 --json OUT
    python benchmarks/mining.py --runs 2000 --json OUT --databases sqlite

Each reading is a process of its own (`mined/measure.py`), all on the same store: ours three times, of which the
middle one counts, MLflow's once, for it takes minutes. Then one more run in a hundred is logged, and what is new is
read. PostgreSQL is installed where that is possible and runs for the while in a temporary folder; where it is not
there, its part of the result is null, and it is said. Progress goes to standard error.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mined import measure
from mined.cluster import cluster, install
from mined.making import BEGAN, MINUTE, fill
from searching.tell import tell

REPEATS = 3
SHARE = 100
"""One run in so many is new when an increment is read."""
DATABASES = ("sqlite", "postgres")


def measured(route: str, uri: str, cache: Path | None = None) -> dict[str, float]:
    """One reading."""
    command = [sys.executable, measure.__file__, route, uri, *([str(cache)] if cache else [])]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    found: dict[str, float] = json.loads(done.stdout)
    what = f"{route}, an increment" if cache else route
    tell(
        f"  {what}: {found['runs']:,} runs in {found['seconds']:.2f} s ({found['cells_seconds']:.2f} s with objects of "
        f"all texts), {found['peak_mib']:.0f} MiB at most"
    )
    return found


def compared(uri: str, n: int, folder: Path) -> dict[str, Any]:
    """Make a store of n runs and read it in every way."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    began = time.perf_counter()
    engine = SqlAlchemyStore(uri, str(folder)).engine
    fill(engine, n)
    tell(f"  {n:,} runs written in {time.perf_counter() - began:.0f} s")
    cache = folder / "cache"
    measured("forerun", uri, cache)  # fills the cache, and the system's of the file
    ours = sorted((measured("forerun", uri) for _ in range(REPEATS)), key=lambda each: each["seconds"])[REPEATS // 2]
    theirs = measured("mlflow", uri)
    fill(engine, max(n // SHARE, 1), seed=1, began=BEGAN + n * MINUTE)
    engine.dispose()
    increment = measured("forerun", uri, cache)
    total = n + max(n // SHARE, 1)
    if (ours["runs"], theirs["runs"], increment["runs"]) != (n, n, total):
        raise RuntimeError(f"all must read {n} runs, and {total} in the end; got {ours}, {theirs}, {increment}")
    return {
        "runs_per_s": ours["runs"] / ours["seconds"],
        "ratio": theirs["seconds"] / ours["seconds"],
        "memory_ratio": theirs["peak_mib"] / ours["peak_mib"],
        "incremental_s": increment["seconds"],
        "forerun": ours,
        "mlflow": theirs,
        "increment": increment,
    }


def result(n: int, databases: Sequence[str], folder: Path) -> dict[str, Any]:
    """Database to what reading it costs; None where it cannot be run."""
    found: dict[str, Any] = dict.fromkeys(DATABASES)
    if "sqlite" in databases:
        tell("SQLite")
        (folder / "sqlite").mkdir()
        found["sqlite"] = compared(f"sqlite:///{folder / 'sqlite' / 'mlflow.db'}", n, folder / "sqlite")
    if "postgres" in databases:
        tell("PostgreSQL")
        if install() is None:
            tell("  it is not installed, and cannot be")
        else:
            folder.chmod(0o755)  # its server is run by another user
            with cluster(folder / "postgres") as uri:
                found["postgres"] = compared(uri, n, folder / "other")
    return found


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200_000)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=DATABASES)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="forerun-mining-") as folder:
        found = result(options.runs, options.databases, Path(folder))
    options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for name, told in found.items():
        if told:
            tell(
                f"{name}: {told['runs_per_s']:,.0f} runs a second, {told['ratio']:.0f} times as fast as MLflow, "
                f"{told['memory_ratio']:.1f} times less memory, an increment in {told['incremental_s']:.2f} s"
            )


if __name__ == "__main__":
    main()
