"""Progress is lively in a terminal and sparing in a log."""

import io
import sys

import pytest

from forerun.steps.progress import IN_A_LOG, bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_is_told_at_once_and_a_log_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert bar().mininterval == 0.1
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert bar().mininterval == IN_A_LOG


def test_a_log_of_short_work_holds_its_beginning_and_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    assert list(bar(range(1000), desc="train", unit="training")) == list(range(1000))
    assert log.getvalue().count("train:") == 2
    assert "1000/1000" in log.getvalue()
