"""One way of reading a store, in a process of its own: seconds, and the most memory it held."""

import json
import re
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def by_forerun(uri: str, cache: Path | None) -> Callable[[], Any]:
    """Our own reader; in increments with a cache."""
    from forerun.tracking.reading import reader
    from forerun.tracking.reading.cache import read_cached

    found = reader(uri)
    if cache is None:
        return lambda: found.read(None, ()).runs
    return lambda: read_cached(found, "the benchmark's", None, (), cache)


def by_mlflow(uri: str, cache: Path | None) -> Callable[[], Any]:
    """What anyone would do."""
    import mlflow

    mlflow.set_tracking_uri(uri)
    places = [each.experiment_id for each in mlflow.search_experiments()]
    return lambda: mlflow.search_runs(places, max_results=1_000_000)


ROUTES = {"forerun": by_forerun, "mlflow": by_mlflow}


def measure(route: str, uri: str, cache: Path | None) -> dict[str, float]:
    """Read once. Imports and MLflow's look at the schema do not count as time; as memory they do.

    `cells_seconds` are those until there is an object for every text: of columns that come from our cache they are
    made when they are asked for.
    """
    read = ROUTES[route](uri, cache)
    wall, processor = time.perf_counter(), time.process_time()
    runs = read()
    seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - processor
    for columns in (runs.params, runs.tags) if route == "forerun" else ():
        for name in columns:
            columns[name]
    return {
        "runs": len(runs),
        "seconds": seconds,
        "cells_seconds": time.perf_counter() - wall,
        "cpu_seconds": cpu_seconds,
        "peak_mib": peak_mib(),
    }


def peak_mib() -> float:
    """The most memory that this process held."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    # getrusage counts what the parent held when it started us
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status.read_text())[0]) / 1024


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], sys.argv[2], Path(sys.argv[3]) if len(sys.argv) > 3 else None)))
