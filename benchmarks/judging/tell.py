"""Progress and remarks, on standard error: the result alone goes to standard output."""

import sys

from tqdm import tqdm


def tell(text: str) -> None:
    """Say something without tearing a progress bar."""
    tqdm.write(text, file=sys.stderr)
