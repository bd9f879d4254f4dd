"""Progress of long work on standard error: lively in a terminal, a line now and then in a log."""

import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm

IN_A_LOG = 5.0
"""Seconds between two lines where nobody watches: a log keeps every one of them."""


def bar(iterable: Iterable[Any] | None = None, **options: Any) -> "tqdm[Any]":
    """Return a tqdm bar, also around an iterable; options are tqdm's."""
    return tqdm(iterable, mininterval=0.1 if sys.stderr.isatty() else IN_A_LOG, **options)
