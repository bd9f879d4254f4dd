"""Progress, on standard error: the result alone goes to standard output."""

import sys
import time

_BEGAN = time.perf_counter()


def tell(text: str) -> None:
    """Say how far it is."""
    print(f"{time.perf_counter() - _BEGAN:6.0f} s  {text}", file=sys.stderr, flush=True)
