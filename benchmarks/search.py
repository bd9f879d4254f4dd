"""Billions of configurations: how fast all are scored, how soon the best is certified, and what it takes.

    python benchmarks/search.py --json OUT            everything, about 20 minutes on 2 cores
    python benchmarks/search.py --quick               the same on small spaces, in a few minutes
    python benchmarks/search.py --only certified      some sections

Networks are the project's own meta-learners, trained on its own history; nothing is downloaded. Progress goes to
standard error. docs/search.md tells what came out, and `--figures` draws its figures from a result.
"""

import argparse
import json
import os
import platform
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from searching import certified, exhaustive, figures, networks, others, trade, wide
from searching.tell import tell

SECTIONS = ("exhaustive", "certified", "plain", "trade", "limits", "others", "agreement", "memory", "huge")


def machine() -> dict[str, Any]:
    """What it was measured on, and with."""
    packages = ("numpy", "torch", "numba", "scikit-learn", "optuna")
    return {
        "cores": os.cpu_count(),
        "processor": platform.processor() or platform.machine(),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        **{name: version(name) for name in packages if find_spec(name.replace("scikit-learn", "sklearn"))},
    }


def sections(given: argparse.Namespace) -> dict[str, Callable[[Any], Any]]:
    """What each section does with the meta-dataset, in the size that is asked for."""
    quick = given.quick
    count, limit = (2, 5.0) if quick else (20, given.limit)
    few, short = (1, 2.0) if quick else (6, 8.0)
    sizes = ["1e6", "1e7"] if quick else ["1e6", "1e7", "1e8", "1e9", "1e10"]
    repeats, seconds = (1, 0.2) if quick else (3, 2.0)
    return {
        "exhaustive": lambda meta: exhaustive.exhaustive(
            meta, space="1e6" if quick else "1e9", larger="1e7" if quick else "1e10", repeats=repeats, seconds=seconds
        ),
        "certified": lambda meta: certified.certified(meta, certified.ENTRIES, count=count, limit=limit),
        "plain": lambda meta: certified.certified(meta, certified.ENTRIES, count=few, limit=short, gap=0.0),
        "trade": lambda meta: trade.trade(meta, folds=2 if quick else 8, count=few, limit=short),
        "limits": lambda meta: certified.limits(meta, count=few, limit=short),
        "others": lambda meta: others.others(meta, count=few, limit=short),
        "agreement": lambda meta: others.agreement(meta, count=10 if quick else 200),
        "memory": lambda meta: wide.memory(meta, sizes),
        "huge": lambda meta: wide.huge(meta, short),
    }


def main() -> None:
    """Measure, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="where to write the result")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=SECTIONS)
    parser.add_argument("--limit", type=float, default=60.0, help="seconds for a certificate")
    parser.add_argument("--quick", action="store_true", help="small spaces, few networks")
    parser.add_argument("--figures", type=Path, metavar="FOLDER", help="draw figures there, of the result in --json")
    parser.add_argument("--measure-memory", nargs=2, metavar=("SPACE", "FOLDER"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure_memory:
        print(json.dumps(wide.measure_memory(given.measure_memory[0], Path(given.measure_memory[1]))))
        return
    if given.figures:
        figures.draw(json.loads(given.json.read_text()), given.figures)
        return
    meta, found = networks.history(60 if given.quick else None), {"machine": machine()}
    tell(f"the history: {len(meta):,} trials of {len(meta.tasks)} tasks")
    for name, work in sections(given).items():
        if name in given.only:
            tell(name)
            found[name] = work(meta)
            if given.json:  # also what came so far, should it be stopped
                given.json.write_text(json.dumps(found, indent=1) + "\n")
    if not given.json:
        print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
