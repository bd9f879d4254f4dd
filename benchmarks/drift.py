"""Drift: when it is noticed, how often it is imagined, and what forgetting is worth when the optimum moves half-way.

    python benchmarks/drift.py --json OUT                             the project's own recordings
    python benchmarks/drift.py yahpo_lcbench_sampled --data DIR --json OUT \
        --metrics metric_val_accuracy,metric_test_cross_entropy,metric_time_s --kinds time,hardware,metric,none,narrowed
    python benchmarks/drift.py --json OUT --figures docs              the figure of what OUT holds

Data sets arrive one a day (`drifting/histories.py` has the kinds of change). Each night drift is measured as the step
`train` does. The last data sets to arrive are held out; on them regret is told of a meta-learner that learned from
everything, from what is recent (where drift was said; else from everything), and of one that knows of the change and
learned from nothing older.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from tqdm import tqdm

from drifting.histories import CHANGES, KINDS, Recordings, story
from drifting.measure import Rows, night, regrets
from drifting.summary import curves, nights, noticed, table
from forerun.errors import ForerunError, SettingsError
from forerun.metalearners.threads import one_thread


@one_thread()
def measured(recordings: Recordings, given: argparse.Namespace) -> dict[str, Any]:
    """All kinds; regret only of those that change something."""
    began, kinds = time.process_time(), {}
    size = {"slower": given.slower, "tests": given.tests, "trials": given.trials, "pool": given.pool}
    for kind in given.kinds:
        learners = given.learners if kind in CHANGES else []
        told: Rows = []
        rows: Rows = []
        for seed in tqdm(range(given.seeds), desc=kind, unit="order"):
            history = story(recordings, kind, seed, **size)
            for since in given.since:
                if history.half + since > len(history.order) - history.tests:
                    raise SettingsError(f"--since must leave {history.tests} data sets to be held out; got {since}")
                row, found = night(history, since, seed)
                told.append(row)
                rows += regrets(history, since, found, learners, seed)
        kinds[kind] = {
            "before": history.half,
            "nights": nights(told),
            "noticed": noticed(told),
            "curves": curves(rows) if rows else {},
            "rows": told,
        }
    return {"recordings": recordings.name, **size, "cpu_seconds": time.process_time() - began, "kinds": kinds}


def recorded(given: argparse.Namespace) -> Recordings:
    """What histories are made of."""
    if bool(given.name) != bool(given.data):
        raise SettingsError("NAME and --data belong together; give both, or neither for the project's own")
    if unknown := [kind for kind in given.kinds if kind not in KINDS]:
        raise SettingsError(f"--kinds must be among {', '.join(KINDS)}; got {', '.join(unknown)}")
    if given.name is None:
        return Recordings.of_project()
    if len(given.metrics) not in (2, 3):
        raise SettingsError("--metrics must name the columns of the loss, of the loss after the change and of seconds")
    return Recordings.of_folder(given.name, given.data, given.metrics)


def main() -> None:
    """Measure or draw; print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="?", metavar="NAME", help="a benchmark of --data")
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of recordings in the tidy form")
    parser.add_argument("--metrics", type=names, default=[], metavar="A,B,C", help="loss, other loss, seconds if known")
    parser.add_argument("--kinds", type=names, default=["time", "hardware", "none", "narrowed"], help=", ".join(KINDS))
    parser.add_argument("--learners", type=names, default=["linear", "network"])
    parser.add_argument("--seeds", type=int, default=6, help="orders of arrival")
    parser.add_argument("--since", type=numbers, default=[0, 2, 4, 6, 8, 11], help="data sets since the change")
    parser.add_argument("--slower", type=float, default=16.0, help="how many times as long trainings take")
    parser.add_argument("--tests", type=int, default=6, help="data sets held out")
    parser.add_argument("--trials", type=int, default=60, help="known trials of a data set")
    parser.add_argument("--pool", type=int, default=150, help="recorded trials of one held out, to choose from")
    parser.add_argument("--json", type=Path, metavar="OUT", help="where to write the result")
    parser.add_argument("--figures", type=Path, metavar="DIR", help="draw what OUT holds, and measure nothing")
    given = parser.parse_args()
    if given.figures:
        from drifting.figures import draw

        print(draw(json.loads(given.json.read_text()), given.figures))
        return
    try:
        found = measured(recorded(given), given)
    except ForerunError as error:
        sys.exit(f"error: {error}")
    print(table(found))
    if given.json:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps(found, indent=1) + "\n")


def names(text: str) -> list[str]:
    """Read a list of names."""
    return text.split(",")


def numbers(text: str) -> list[int]:
    """Read a list of whole numbers."""
    return [int(part) for part in text.split(",")]


if __name__ == "__main__":
    main()
