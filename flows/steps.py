"""One Prefect flow for each step of the pipeline. Collecting fans out and has a file of its own."""

from pathlib import Path

from prefect import Flow, flow

from flows.collect import collect
from forerun.steps import STEPS, Project, run_step


def _flow(name: str) -> Flow[[str], None]:
    # a step that fails leaves what it had; starting it again goes on from there
    @flow(name=f"forerun-{name}", retries=1, retry_delay_seconds=5, persist_result=False)
    def step(root: str) -> None:
        run_step(name, Project(Path(root)))

    step.__doc__ = f"Run the step {name!r} of the project in folder `root`."
    return step


FLOWS: dict[str, Flow[[str], None]] = {name: _flow(name) for name in STEPS} | {"collect": collect}
