"""Trainings on other machines: errands as Prefect tasks on an existing Dask cluster.

What runs there is forerun as it is installed there; these flows need not be. Dask sends errands pickled, between
the machines of a cluster that its owner trusts; what comes back is in MLflow.
"""

import asyncio
import importlib
import pickle
import platform
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.settings import get_current_settings

from forerun.errors import ForerunError, SettingsError, TrainingError
from forerun.steps import Project
from forerun.steps.errand import Elsewhere, Errand
from forerun.tracking.store import Store, open_store

if TYPE_CHECKING:
    from prefect_dask import DaskTaskRunner

ANSWER_SECONDS = 10


@task(name="train", task_run_name="{name}", cache_policy=NO_CACHE, persist_result=False)
def train(name: str, packed: bytes) -> None:
    """Run an errand where Dask puts it; started again elsewhere, it goes on where it stood."""
    # packed, for Dask's scheduler unpacks what it can, and would import forerun while everybody waits for it
    pickle.loads(packed).run()  # noqa: S301 - from the process that started the campaign


@contextmanager
def cluster(project: Project, retries: int = 0) -> Iterator[Elsewhere | None]:
    """Have the trainings done on the cluster that params.yaml names; None where it names none.

    Raises SettingsError, in seconds, for one that does not answer or whose workers cannot take errands.
    """
    address = project.settings.cluster.scheduler
    if address is None:
        yield None
        return
    runner = _runner(address)
    again = train.with_options(retries=retries, retry_delay_seconds=10)

    def elsewhere(errands: Sequence[Errand]) -> Iterator[Errand]:
        futures = [runner.submit(again, {"name": each.name, "packed": pickle.dumps(each)}) for each in errands]
        for errand, future in zip(errands, futures, strict=True):
            try:
                future.result()
            except _lost() as error:
                raise TrainingError(f"{errand.name} must be trained by the cluster at {address}; {error}") from error
            yield errand

    with runner:
        _connect(runner, address)
        _check_workers(runner, address, open_store(project.settings.store.uri, project.root))
        yield elsewhere


def _runner(address: str) -> "DaskTaskRunner":
    try:
        import cloudpickle
        from prefect_dask import DaskTaskRunner
    except ImportError as error:
        raise SettingsError(
            f"cluster.scheduler needs prefect-dask; it is not installed ({error}). Run: pip install 'forerun[dask]'"
        ) from error
    # by value, for the workers have forerun but not the project's flows
    cloudpickle.register_pickle_by_value(sys.modules["flows"])
    return DaskTaskRunner(address=address, client_kwargs={"timeout": ANSWER_SECONDS})


def _lost() -> tuple[type[BaseException], ...]:
    """What Dask raises when it gives up."""
    from distributed import KilledWorker
    from distributed.client import FutureCancelledError
    from distributed.comm import CommClosedError

    return KilledWorker, FutureCancelledError, CommClosedError


def _connect(runner: "DaskTaskRunner", address: str) -> None:
    try:
        workers = runner.client.scheduler_info()["workers"]
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"cluster.scheduler must be the address of a Dask scheduler that answers within {ANSWER_SECONDS} s; got "
            f"{address!r}: {error}. Start one with `dask scheduler`, or leave it null to train on this machine"
        ) from error
    if not workers:
        raise SettingsError(
            f"the cluster at {address} must have workers; it has none. Start them with: dask worker {address}"
        )


def _check_workers(runner: "DaskTaskRunner", address: str, store: Store) -> None:
    """Raise for workers that cannot take errands, and have everybody import now what tasks need.

    Beside the event loops: an import there would keep a worker, or all of them, from answering.
    """
    uri, host, health = store.uri, platform.node(), f"{get_current_settings().api.url}/health"

    def ask() -> None:
        import prefect_dask  # noqa: F401

        from forerun.steps.errand import ready

        ready(uri, host, health)

    async def ask_worker() -> None:
        await asyncio.to_thread(ask)

    async def ask_scheduler() -> None:
        await asyncio.to_thread(importlib.import_module, "prefect_dask")

    try:
        runner.client.run_on_scheduler(ask_scheduler)
    except ImportError as error:
        raise SettingsError(
            f"the scheduler at {address} must have forerun[dask] installed; it has not: {error}"
        ) from error
    found = runner.client.run(ask_worker, on_error="return")
    for worker, error in found.items():
        if isinstance(error, ForerunError):
            raise error
        if isinstance(error, ConnectionError):
            raise SettingsError(
                f"every worker must reach the Prefect server; {error}. Start one that all machines reach, `prefect "
                "server start --host 0.0.0.0`, and set PREFECT_API_URL=http://THIS_MACHINE:4200/api"
            ) from error
        if error is not None:
            raise SettingsError(
                f"workers of {address} must have this version of forerun; {worker} raises {error!r}. "
                "Install there what is installed here, with forerun[dask]"
            ) from error
