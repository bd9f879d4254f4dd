"""One Prefect flow for each step of the pipeline. Those that train have files of their own."""

from pathlib import Path

from prefect import Flow, flow

from flows.collect import collect
from flows.tune import tune
from forerun.steps import STEPS, Project, run_step


def _flow(name: str) -> Flow[[str], None]:
    # no retries: steps fail for what a user has to mend; what may pass by itself is retried in chunks of `collect`
    @flow(name=f"forerun-{name}", persist_result=False)
    def step(root: str) -> None:
        run_step(name, Project(Path(root)))

    step.__doc__ = f"Run the step {name!r} of the project in folder `root`."
    return step


FLOWS: dict[str, Flow[[str], None]] = {name: _flow(name) for name in STEPS} | {"collect": collect, "tune": tune}
