"""Collecting as a Prefect flow, whose tasks are chunks of trainings (flows.chunks)."""

from pathlib import Path

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

CHUNKS_AT_A_TIME = 2
"""One trains while another logs; the pool bounds the trainings."""


@flow(name="forerun-collect", task_runner=ThreadPoolTaskRunner(max_workers=CHUNKS_AT_A_TIME), persist_result=False)
def collect(root: str) -> None:
    """Collect real trainings as params.yaml of the project in folder `root` asks."""
    # here, because a flow travels with each of its tasks to a cluster, with all that stands around it
    from flows.chunks import collect_chunks
    from forerun.steps import Project

    collect_chunks(Project(Path(root)))
