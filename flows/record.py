"""Record a history to ship: collect over a folder of data sets, then export what the runs teach.

    python -m flows.record DATA --store DIR --to data/history

Killed at any moment, the same command goes on. The settings are `record` of params.yaml.
"""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

from flows.chunks import fan_out
from flows.collect import CHUNKS_AT_A_TIME
from flows.server import a_server
from flows.terminal import from_terminal
from forerun.steps import Project
from forerun.steps.collect import Campaign
from forerun.steps.history import export
from forerun.steps.settings import CollectSettings
from forerun.tasks import folder_tasks
from forerun.tracking.store import open_store


@flow(name="forerun-record", task_runner=ThreadPoolTaskRunner(max_workers=CHUNKS_AT_A_TIME), persist_result=False)
def record(data: str, store: str, to: str, root: str) -> None:
    """Train the recording's plan on every data set of folder `data`, then write the history into `to`."""
    project = Project(Path(root))
    settings = CollectSettings(**asdict(project.settings.record), folder=data)
    tasks = folder_tasks(data, settings.max_rows, settings.seed)
    runs = open_store(None, Path(store))
    with Campaign(runs, project.root, tasks, settings) as todo:
        fan_out(todo)
    facts = {
        "rows": settings.max_rows,
        "shared": settings.shared,
        "own": settings.random,
        "timeout": settings.timeout_s,
    }
    export(runs, Path(to), **facts)


def main() -> int:
    """Read the command line and record."""
    parser = argparse.ArgumentParser(prog="python -m flows.record", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", help="a folder of Parquet data sets with a manifest.csv")
    parser.add_argument("--store", default=".forerun/recording", help="where the recording's MLflow store is kept")
    parser.add_argument("--to", default="data/history", help="where the history is written")
    options = parser.parse_args()
    root = Project.find().root
    with a_server():
        record(str(Path(options.data).resolve()), str((root / options.store).resolve()), options.to, str(root))
    return 0


if __name__ == "__main__":
    sys.exit(from_terminal(main))
