"""The few lines that a run ends with in the terminal."""

from forerun.report import sentences
from forerun.report.story import Comparison, Estimate, Story
from forerun.report.wording import DASH, brief, loss, seconds, shorten

NAME_WIDTH = 44


def final_table(story: Story) -> str:
    """Return what was recommended and what it scored against the others, as plain text lines.

    Text from data is cleaned of control characters, so that it cannot drive the terminal.
    """
    found = story.recommendation
    lines = [
        f"Recommended for {shorten(story.task.name, 60)}:",
        f"  {brief(found.configuration, 400)}",
        f"  predicted validation loss {loss(found.loss)} ± {loss(found.std, like=found.loss)}, "
        f"training {seconds(found.seconds.mean)}",
    ]
    if story.tuning is None:
        return "\n".join([*lines, "  Nothing was trained: this is a zero-shot recommendation."])
    rows = [("", "validation", "test", "trainings"), *map(_row, story.tuning.comparison)]
    name = max(len(row[0]) for row in rows)
    table = [f"  {r[0]:<{name}}  {r[1]:>10}  {r[2]:>10}  {r[3]:>9}".rstrip() for r in rows]
    rule = "  " + "-" * (name + 35)
    caption = f"Loss ({sentences.unit(story.task)}, lower is better); no choice ever saw the test data:"
    notes = [f"  {shorten(r.name, NAME_WIDTH)}: {shorten(r.note)}" for r in story.tuning.comparison if r.note]
    return "\n".join([*lines, "", caption, table[0], rule, *table[1:], *notes])


def _row(row: Comparison) -> tuple[str, str, str, str]:
    trainings = DASH if row.trainings is None else str(row.trainings)
    return shorten(row.name, NAME_WIDTH), _mean(row.validation), _mean(row.test), trainings


def _mean(estimate: Estimate | None) -> str:
    return DASH if estimate is None else loss(estimate.mean)
