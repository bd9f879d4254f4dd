"""How good recommendations are: recorded evaluations replayed, ours and every peer's, task by held-out task.

    python benchmarks/quality.py hylap_svm --data DIR --json OUT             every method that is installed
    python benchmarks/quality.py all --data DIR --methods forerun,portfolio  every benchmark of a folder
    python benchmarks/quality.py                                             the project's own recordings
    python benchmarks/quality.py --json OUT --figures DIR --page DIR         draws and tells a result

benchmarks/README.md says what a benchmark's files are, and where recordings are published. Progress goes to
standard error, a table to standard output, and OUT holds
benchmark -> method -> {regret, rank, interval, seconds, ...}.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from forerun.errors import ForerunError, SettingsError
from judging import figures, page
from judging.recordings import Benchmark, names_in, read, shipped
from judging.registry import chosen
from judging.run import Plan, run
from judging.scores import score
from judging.sources import SOURCES
from judging.table import table

SHIPPED = Path(__file__).parents[1] / "data" / "history"


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="benchmarks of --data, or 'all'")
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of recordings in the tidy form")
    parser.add_argument("--methods", default="all", help="'all' or a comma list")
    parser.add_argument("--trials", type=int, default=25)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--folds", type=int, default=10, help="parts of the groups; 0: one a group")
    parser.add_argument("--tasks", type=int, metavar="N", help="hold out N random tasks; the others still teach")
    parser.add_argument("--metric", help="a column metric_*, in place of the first one of space.json")
    parser.add_argument("--sources", choices=SOURCES, default="real", help="what the methods learn from")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--json", type=Path, metavar="OUT", help="where to write the result")
    parser.add_argument("--resume", action="store_true", help="go on with what a killed run left next to OUT")
    parser.add_argument("--figures", type=Path, metavar="DIR", help="draw the result in OUT; nothing is run")
    parser.add_argument("--page", type=Path, metavar="DIR", help="write a page on the result in OUT; nothing is run")
    return parser


def benchmarks(given: argparse.Namespace) -> Iterator[Benchmark]:
    """What is asked for, one after the other."""
    if bool(given.names) != bool(given.data):
        raise SettingsError("NAME and --data belong together; give both, or neither for the project's own recordings")
    if not given.names:
        yield shipped(SHIPPED)
        return
    for name in names_in(given.data) if given.names == ["all"] else given.names:
        yield read(name, given.data, given.metric)


def judge(given: argparse.Namespace) -> None:
    """Run, print, write."""
    plan = Plan(given.trials, given.seeds, given.folds, given.tasks, given.sources)
    if min(plan.trials, plan.seeds, given.jobs) < 1:
        raise SettingsError(f"trials, seeds and jobs must be at least 1; got {plan}, jobs={given.jobs}")
    methods = chosen(given.methods)
    parts = given.json.with_suffix(".parts") if given.json else None
    if given.json:
        given.json.parent.mkdir(parents=True, exist_ok=True)
    found = {}
    for benchmark in benchmarks(given):
        rows = run(benchmark, methods, plan, jobs=given.jobs, parts=parts, resume=given.resume)
        found[benchmark.name] = score(rows)
        print(table(benchmark.name, found[benchmark.name]), end="\n\n", flush=True)
        if given.json:  # also what came so far, should it be stopped
            given.json.write_text(json.dumps(found, indent=1) + "\n")


def tell_of(given: argparse.Namespace) -> None:
    """Draw and write what a result says."""
    if not given.json or not given.json.is_file():
        raise SettingsError(f"--figures and --page tell of the result in --json OUT; got {given.json}")
    found = json.loads(given.json.read_text())
    if given.figures:
        figures.draw(found, given.figures)
    if given.page:
        page.write(found, given.page)


def main() -> None:
    """Judge, or tell of a result."""
    given = arguments().parse_args()
    try:
        if given.figures or given.page:
            tell_of(given)
        else:
            judge(given)
    except ForerunError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
