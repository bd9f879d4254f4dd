"""Collecting as a Prefect flow: a task is a chunk of trainings, which fans out to worker processes itself.

Trainings share one pool of as many processes as cores, however many chunks are under way.
"""

from pathlib import Path
from threading import Event
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.futures import wait
from prefect.task_runners import ThreadPoolTaskRunner

from forerun.steps import Project
from forerun.steps.collect import Campaign, Chunk, campaign, finish

CHUNKS_AT_A_TIME = 2
"""One trains while another logs; the pool bounds the trainings."""


@task(name="train", task_run_name="{chunk.name}", cache_policy=NO_CACHE, persist_result=False)
def train(todo: Campaign, chunk: Chunk) -> int:
    """Train a chunk; started again, it goes on where it stood."""
    return todo.train(chunk)


def fan_out(todo: Campaign) -> None:
    """Train every pending chunk; raises the first error once all have ended."""
    ending = Event()

    def worth_it(*_: Any) -> bool:
        return not ending.is_set()

    again = train.with_options(retries=todo.settings.retries, retry_delay_seconds=10, retry_condition_fn=worth_it)
    futures = [again.submit(todo, chunk) for chunk in todo.pending]
    try:
        wait(futures)
    except BaseException:
        # interrupted: the campaign's end ends the chunks under way, which then must not be started again
        ending.set()
        raise
    for future in futures:
        future.result()


@flow(name="forerun-collect", task_runner=ThreadPoolTaskRunner(max_workers=CHUNKS_AT_A_TIME), persist_result=False)
def collect(root: str) -> None:
    """Collect real trainings as params.yaml of the project in folder `root` asks."""
    project = Project(Path(root))
    with campaign(project) as todo:
        fan_out(todo)
        finish(project, todo)
