"""How a flow is run from a terminal: quiet, ended by SIGTERM as by Ctrl-C, errors told in a line."""

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from forerun.cli import guarded

ENDING_SECONDS = 8
"""From an interrupt to the end at the latest. Libraries may wait for each other; nothing is lost by a hard end."""
INTERRUPTED = 130


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    signal.signal(number, signal.SIG_DFL)  # a second one ends at once
    last = threading.Timer(ENDING_SECONDS, os._exit, [INTERRUPTED])
    last.daemon = True
    last.start()
    raise KeyboardInterrupt


def from_terminal(command: Callable[[], int | None]) -> int:
    """Run a command; returns the exit code: 0, 2 for what the user can mend, 130 when interrupted."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)
    return guarded(command)
