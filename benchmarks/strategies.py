"""Ways to search for the best of billions against each other: random, ascent, evolution, REINFORCE, and a learned one.

    python benchmarks/strategies.py --json OUT              everything, about 15 minutes on 1 core
    python benchmarks/strategies.py --quick                 the same with few networks, in a minute
    python benchmarks/strategies.py --only certified        some sections
    python benchmarks/strategies.py --json OUT --figures docs

Networks are the project's own meta-learners, trained on its own history. Times are those of the processor. How the
recurrent optimizer does on recorded trainings is told by `quality.py --methods recurrent_optimizer,...`.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from competing import certified, figures, optimizer, rate, wide
from forerun.search.recurrent import RecurrentOptimizer
from searching import networks
from searching.tell import tell

SECTIONS = ("certified", "wide", "rate", "optimizer")


def sections(given: argparse.Namespace) -> dict[str, Callable[[Any], Any]]:
    """What each section does with the meta-dataset, in the size that is asked for."""
    if given.quick:
        learner = RecurrentOptimizer(hidden=16, trials=4, batch=8, updates=5)
        return {
            "certified": lambda meta: certified.certified(meta, count=1, seeds=1, seconds=0.1, limit=5.0),
            "wide": lambda meta: wide.wide(meta, seeds=1, seconds=0.1),
            "rate": lambda meta: rate.rates(meta, repeats=1),
            "optimizer": lambda meta: optimizer.optimizer(meta, functions=4, trials=3, made=learner),
        }
    return {
        "certified": lambda meta: certified.certified(
            meta, count=given.networks, seeds=given.seeds, seconds=given.seconds, limit=60.0
        ),
        "wide": lambda meta: wide.wide(meta, seeds=given.seeds, seconds=2 * given.seconds),
        "rate": rate.rates,
        "optimizer": lambda meta: optimizer.optimizer(meta, functions=48, trials=15, made=RecurrentOptimizer()),
    }


def main() -> None:
    """Measure, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="where to write the result")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=SECTIONS)
    parser.add_argument("--networks", type=int, default=6)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="of the processor, for each search; twice in `wide`")
    parser.add_argument("--quick", action="store_true", help="few networks, little time")
    parser.add_argument("--figures", type=Path, metavar="FOLDER", help="draw figures there, of the result in --json")
    given = parser.parse_args()
    if given.figures:
        figures.draw(json.loads(given.json.read_text()), given.figures)
        return
    # what a section that is not asked for has found before stays
    found = json.loads(given.json.read_text()) if given.json and given.json.is_file() else {}
    meta = networks.history(20 if given.quick else None)
    for name, work in sections(given).items():
        if name in given.only:
            tell(name)
            found[name] = work(meta)
            if given.json:
                given.json.write_text(json.dumps(found, indent=1) + "\n")
    if not given.json:
        print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
