"""Programs as processes of their own: their output kept in a file, a time limit, and nothing left behind.

Every program leads a process group. Where its time is up, or we are interrupted, the whole group and every
descendant that is known is asked to end, and killed where it does not.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from forerun.errors import SettingsError

GRACE_S = 3.0
"""Between asking to end and killing."""
TAIL = 20_000
"""Bytes of a program's output that are looked at."""


@dataclass
class Running:
    """A program that was started."""

    process: "subprocess.Popen[bytes]"
    output: Path
    """What it prints, errors too."""
    timeout_s: float | None
    began: float = field(default_factory=time.monotonic)

    @classmethod
    def start(
        cls, arguments: Sequence[str], output: Path, environment: Mapping[str, str], timeout_s: float | None = None
    ) -> "Running":
        """Start a program in an environment, all of it. Raises SettingsError where there is no such program."""
        try:
            with output.open("wb") as sink:
                process = subprocess.Popen(
                    list(arguments),
                    stdin=subprocess.DEVNULL,
                    stdout=sink,
                    stderr=subprocess.STDOUT,
                    env=dict(environment),
                    start_new_session=True,
                )
        except OSError as error:
            raise SettingsError(
                f"the command must be a program that runs; {arguments[0]!r}: {error.strerror}"
            ) from error
        return cls(process, output, timeout_s)

    @property
    def ended(self) -> bool:
        """Whether it has ended by itself."""
        return self.process.poll() is not None

    @property
    def late(self) -> bool:
        """Whether its time is up."""
        return self.timeout_s is not None and time.monotonic() - self.began > self.timeout_s

    def outcome(self) -> str:
        """Why it failed, in a line; empty where it ended well."""
        code = self.process.poll()
        if code is None or code == 0:
            return ""
        ended = f"ended by signal {_signal(-code)}" if code < 0 else f"ended with exit code {code}"
        lines = [line.strip() for line in self.tail().splitlines() if line.strip()]
        return f"{ended}: {lines[-1]}" if lines else ended

    def tail(self) -> str:
        """The end of what it said."""
        with self.output.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(file.tell() - TAIL, 0))
            return file.read().decode(errors="replace")

    def stop(self) -> None:
        """End it, its process group and its descendants, now."""
        stop([self])


def stop(running: Sequence[Running]) -> None:
    """End several programs at once, so that the grace is waited for once."""
    family = {r.process.pid: _descendants(r.process.pid) for r in running}
    for each in running:
        _tell(each, family[each.process.pid], signal.SIGTERM)
    until = time.monotonic() + GRACE_S
    waiting = [p for r in running for p in family[r.process.pid]]
    while time.monotonic() < until and (any(not r.ended for r in running) or any(_lives(p) for p in waiting)):
        time.sleep(0.02)
    for each in running:
        _tell(each, family[each.process.pid], signal.SIGKILL)
        each.process.wait()


def _tell(running: Running, family: Sequence[psutil.Process], message: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(running.process.pid, message)
    for process in family:
        # psutil knows a process from a later one of the same number
        with contextlib.suppress(psutil.Error):
            process.send_signal(message)


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
