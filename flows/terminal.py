"""How a flow is run from a terminal: quiet, ended by SIGTERM as by Ctrl-C, errors told in a line."""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from forerun.cli import guarded

ENDING_SECONDS = 8
"""From an interrupt to the end at the latest. Libraries may wait for each other; nothing is lost by a hard end."""
INTERRUPTED = 130


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _end_in_time(signals: socket.socket) -> None:
    while signals.recv(1)[0] not in (signal.SIGTERM, signal.SIGINT):
        pass
    time.sleep(ENDING_SECONDS)
    print("\nforerun: interrupted; what was finished is kept, start again to go on", file=sys.stderr, flush=True)
    os._exit(INTERRUPTED)


def from_terminal(command: Callable[[], int | None]) -> int:
    """Run a command; returns the exit code: 0, 2 for what the user can mend, 130 when interrupted."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)
    # heard whoever handles the signal: while a flow runs, SIGTERM is Prefect's
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_end_in_time, args=(ours,), daemon=True).start()
    try:
        return guarded(command)
    finally:
        signal.set_wakeup_fd(-1)
        theirs.detach()
