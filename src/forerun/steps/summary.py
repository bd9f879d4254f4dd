"""What a run ends with in the terminal: the table, the page, and how to look further."""

from forerun.report import final_table
from forerun.steps.project import Project
from forerun.steps.tell import load_story


def summary(project: Project) -> str:
    """Return the last recommendation in a few lines."""
    story = load_story(project.recommendation / "story.json")
    return "\n".join(
        [
            "",
            final_table(story),
            "",
            f"Report:    {project.page}",
            "MLflow UI: forerun ui   (http://127.0.0.1:5000, this machine only)",
        ]
    )
