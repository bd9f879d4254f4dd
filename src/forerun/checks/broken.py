"""What a broken promise is."""

import numpy as np


class PromiseBroken(AssertionError):  # noqa: N818 - a broken promise is what it is
    """A plug-in does not do what its contract promises; the message says what came instead."""


def require(kept: bool | np.bool_, words: str) -> None:
    """Raise PromiseBroken unless the promise is kept."""
    if not kept:
        raise PromiseBroken(words)
