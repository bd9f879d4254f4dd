"""How a flow is run from a terminal: quiet, ended by SIGTERM as by Ctrl-C, errors told in a line."""

import signal
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from forerun.cli import guarded


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def from_terminal(command: Callable[[], int | None]) -> int:
    """Run a command; returns the exit code: 0, 2 for what the user can mend, 130 when interrupted.

    What reads the environment (Prefect, torch) is to be imported by the command, not before.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    return guarded(command)
