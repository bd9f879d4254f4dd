"""Fine-tuning as a Prefect flow: on a cluster, every training on the target is a task of its own."""

from pathlib import Path

from prefect import flow


@flow(name="forerun-tune", persist_result=False)
def tune(root: str) -> None:
    """Run the step 'tune' of the project in folder `root`."""
    # here, as in flows.collect
    from flows.cluster import cluster
    from forerun.steps import Project
    from forerun.steps.tune import run

    project = Project(Path(root))
    with cluster(project) as elsewhere:
        run(project, elsewhere)
