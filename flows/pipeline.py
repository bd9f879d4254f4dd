"""The pipeline as a Prefect flow: DVC's stages, in DVC's order, each one a flow of its own."""

import sys
from pathlib import Path

from prefect import flow

from flows.stages import walk
from flows.steps import FLOWS
from forerun.steps import Project


@flow(name="forerun", persist_result=False)
def pipeline(root: str = ".") -> list[str]:
    """Run what is out of date, from past runs to a registered best model; returns the stages that ran."""
    home = Project.find(Path(root)).root

    def tell(what: str) -> None:
        print(f"forerun: {what}", file=sys.stderr)

    return walk(home, lambda name: FLOWS[name](str(home)), tell)
