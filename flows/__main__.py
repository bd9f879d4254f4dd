"""`python -m flows`: run the pipeline once, in the project of this folder, as `forerun run` does.

Prefect is started only when something is out of date.
"""

import sys
import time

from flows.terminal import from_terminal


def main() -> int:
    """Run what is out of date and say what came of it."""
    from flows.stages import pending
    from forerun.steps import Project
    from forerun.steps.summary import summary

    started = time.monotonic()
    project = Project.find()
    todo, total = pending(project)
    if todo:
        from flows.server import a_server
        from forerun.steps import architectures, collect, knowledge

        # before Prefect, which takes seconds to start, and before the trainings that come first
        collect.check(project)
        knowledge.check_tuning(project.settings.tune)
        architectures.check(project)
        with a_server():
            from flows.pipeline import pipeline

            pipeline(str(project.root))
    else:
        print(f"Nothing to do: all {total} stages are up to date.")
    print(summary(project))
    print(f"({time.monotonic() - started:.0f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(from_terminal(main))
