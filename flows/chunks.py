"""Chunks of trainings as Prefect tasks, each of which fans out to worker processes itself.

Trainings share one pool of as many processes as cores, however many chunks are under way. On a cluster (flows.cluster)
a chunk is an errand of one process.
"""

from threading import Event
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.futures import wait

from flows.cluster import cluster
from forerun.steps import Project
from forerun.steps.collect import Campaign, campaign, finish
from forerun.steps.plan import Chunk


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


def collect_chunks(project: Project) -> None:
    """Collect as the project's params.yaml asks, here or on a cluster."""
    with cluster(project, project.settings.collect.retries) as elsewhere, campaign(project) as todo:
        if elsewhere is None:
            fan_out(todo)
        else:
            todo.follow(elsewhere([todo.errand(chunk) for chunk in todo.pending]))
        finish(project, todo)
