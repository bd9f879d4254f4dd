"""Being asked to end, heard at a moment when nothing is half written."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

ASKED = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def heard() -> Iterator[Callable[[], None]]:
    """Note Ctrl-C and SIGTERM; the function given raises KeyboardInterrupt once one has come.

    Raised in the middle of a write to the store, it would leave a transaction open, and whoever then tidies up would
    wait for the lock of its own process. A second request is not waited with. For the main thread only.
    """
    requests = 0

    def note(_: int, __: FrameType | None) -> None:
        nonlocal requests
        requests += 1
        if requests > 1:
            raise KeyboardInterrupt
        print("\nforerun: ending what runs; once more to end at once", file=sys.stderr)

    def check() -> None:
        if requests:
            raise KeyboardInterrupt

    before: dict[signal.Signals, Any] = {number: signal.signal(number, note) for number in ASKED}
    try:
        yield check
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
