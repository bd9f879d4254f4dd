"""What a history costs: seconds and memory of a fit, and seconds to a suggestion, against rows and tasks.

    python benchmarks/scaling.py --json OUT                        every family, up to 100,000 rows and 400 tasks
    python benchmarks/scaling.py --json OUT --families mixture     some families; a result in OUT is added to
    python benchmarks/scaling.py --json OUT --quick                tiny histories, in a minute or two
    python benchmarks/scaling.py --json OUT --figures DIR          draws the result in OUT; nothing is measured

Every point is a process of its own, on one thread, one after the other: `scaled/measure.py` says what it does, and of
what the histories are made. Where a point takes longer than --limit seconds, larger ones are not tried, and it is
said. Progress goes to standard error.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forerun.metalearners import METALEARNERS
from scaled import figures, measure
from searching.tell import tell

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True)
class Sizes:
    """Of histories."""

    rows: Sequence[int] = (1_000, 3_000, 10_000, 30_000, 100_000)
    """At `fixed` tasks."""
    tasks: Sequence[int] = (3, 10, 30, 100, 400)
    """With `per_task` rows each."""
    fixed: int = 48
    per_task: int = 100

    def points(self) -> dict[str, list[tuple[int, int]]]:
        """Section -> tasks and rows a task, the smallest first."""
        return {
            "rows": [(self.fixed, max(rows // self.fixed, 1)) for rows in self.rows],
            "tasks": [(tasks, self.per_task) for tasks in self.tasks],
        }


QUICK = Sizes(rows=(120, 480), tasks=(3, 6), fixed=6, per_task=20)


def measured(family: str, tasks: int, per_task: int, limit: float) -> dict[str, Any] | None:
    """A point, by a process of its own; None when it took too long."""
    command = [sys.executable, __file__, "--measure", family, str(tasks), str(per_task)]
    environment = os.environ | dict.fromkeys(THREADS, "1")
    try:
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=limit, env=environment)
    except subprocess.TimeoutExpired:
        tell(f"  {family}: {tasks} tasks of {per_task} rows took more than {limit:g} s; larger ones are not tried")
        return None
    point: dict[str, Any] = json.loads(done.stdout)
    told = point["suggestions"]["100"]
    tell(
        f"  {family}: {tasks} tasks, {point['rows']:,} rows: fit {point['fit_cpu_seconds']:.1f} s of processor time, "
        f"{point['fit_mib']:.0f} MiB; adapt {told['adapt_seconds']:.3f} s, suggest {told['suggest_seconds']:.3f} s"
    )
    return point


def line(family: str, sizes: Sequence[tuple[int, int]], limit: float) -> list[dict[str, Any]]:
    """The points of a family, as long as they come in time."""
    found = []
    for tasks, per_task in sizes:
        point = measured(family, tasks, per_task, limit)
        if point is None:
            break
        found.append(point)
    return found


def main() -> None:
    """Measure, or draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, required=True, metavar="OUT", help="the result")
    parser.add_argument("--families", nargs="+", choices=list(METALEARNERS), default=list(METALEARNERS))
    parser.add_argument("--limit", type=float, default=1_800.0, help="seconds for a point")
    parser.add_argument("--quick", action="store_true", help="tiny histories")
    parser.add_argument("--figures", type=Path, metavar="DIR", help="draw the result in OUT; nothing is measured")
    given = parser.parse_args()
    if given.figures:
        figures.draw(json.loads(given.json.read_text()), given.figures)
        return
    sizes = QUICK if given.quick else Sizes()
    fixed = {"tasks": sizes.fixed, "per_task": sizes.per_task}
    machine = {"processor": platform.processor() or platform.machine(), "python": platform.python_version()}
    found: dict[str, Any] = {"fixed": fixed, "machine": machine, "rows": {}, "tasks": {}}
    if given.json.is_file():
        known = json.loads(given.json.read_text())
        if known["fixed"] != fixed:
            parser.error(f"{given.json} must hold a result for {fixed}; it is for {known['fixed']}")
        found |= known
    for family in given.families:
        for section, points in sizes.points().items():
            found[section][family] = line(family, points, given.limit)
            given.json.write_text(json.dumps(found, indent=1) + "\n")  # also what came so far, should it be stopped


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measure.measure(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
    else:
        main()
