"""Listing all runs of an experiment page by page, while others add and delete runs."""

from collections.abc import Callable, Iterator

from forerun.tracking.reading.base import Logged

PAGE = 1_000
"""Runs asked for at a time; MLflow's databases take two seconds for them, and hold 1.6 MB of JSON."""
ORDER = "attributes.start_time ASC"

Page = Callable[[str, str | None], tuple[list[Logged], str | None]]
"""Gives the runs for a condition and a token, in the order of their start, and the next token."""


def listed(page: Page, condition: str = "") -> Iterator[Logged]:
    """Yield all runs that meet a condition, some of them twice.

    MLflow's tokens are offsets: a run that is deleted meanwhile would shift another one out of sight. So a page
    begins at the last start of the page before, and a token is followed only among runs of the same start.
    """
    since: int | None = None
    while True:
        bound = "" if since is None else f"attributes.start_time >= {since}"
        token: str | None = None
        while True:
            runs, token = page(" and ".join(filter(None, (condition, bound))), token)
            yield from runs
            if not token or not runs:
                return
            if runs[-1].start != since:
                break
        since = runs[-1].start
