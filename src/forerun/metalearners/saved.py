"""Meta-learners as files that load without executing code: JSON and safetensors.

metalearner.json          format version, which meta-learner, its settings
metalearner.safetensors   its arrays, float64
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from forerun.errors import FormatError
from forerun.metalearners.base import MetaLearner

FORMAT_VERSION = 1
"""Raised when a reader of the old one could misread the new one."""
SETTINGS, ARRAYS = "metalearner.json", "metalearner.safetensors"


def save(metalearner: MetaLearner, folder: Path) -> None:
    """Write a fitted meta-learner of the registry; the folder is made if need be."""
    write(folder, *describe(metalearner))


def load(folder: Path) -> MetaLearner:
    """Read what `save` wrote: it predicts the same numbers to the last bit.

    Raises FormatError when a file is missing, damaged or of a newer format.
    """
    head, arrays = read(folder)
    return restore(head, arrays, str(folder))


def describe(metalearner: MetaLearner) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the head and arrays that `restore` makes the meta-learner of."""
    settings, arrays = metalearner.state()
    return {"metalearner": name_of(metalearner), "settings": settings}, arrays


def name_of(metalearner: MetaLearner) -> str:
    """Its name in the registry. Raises FormatError for one that is not there: it could not be loaded."""
    from forerun.metalearners import METALEARNERS  # the registry imports this module

    for name, sort in METALEARNERS.items():
        if type(metalearner) is sort:
            return name
    allowed = ", ".join(METALEARNERS)
    raise FormatError(f"a meta-learner to save must be one of {allowed}; got {type(metalearner).__name__}. Register it")


def restore(head: dict[str, Any], arrays: dict[str, np.ndarray], origin: str) -> MetaLearner:
    """Make the meta-learner that a head and arrays describe. Raises FormatError that names `origin`."""
    from forerun.metalearners import METALEARNERS

    name = head.get("metalearner")
    if name not in METALEARNERS:
        raise FormatError(f"the meta-learner in {origin} must be one of {', '.join(METALEARNERS)}; got {name!r}")
    try:
        return METALEARNERS[name].from_state(head["settings"], arrays)
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(f"the meta-learner in {origin} is damaged: {error!r}. Train it again") from error


def write(folder: Path, head: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Write a head and arrays; the JSON, without which nothing is read, comes last."""
    folder.mkdir(parents=True, exist_ok=True)
    # not ascontiguousarray, which gives a number a dimension
    save_file({name: np.asarray(array, order="C") for name, array in arrays.items()}, folder / ARRAYS)
    partial = folder / f"{SETTINGS}.partial"
    partial.write_text(json.dumps({"format": FORMAT_VERSION, **head}, indent=1) + "\n", encoding="utf-8")
    partial.replace(folder / SETTINGS)


def read(folder: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read what `write` wrote."""
    path = folder / SETTINGS
    try:
        head = json.loads(path.read_text(encoding="utf-8"))
        # copied out of the file's memory map, where arrays lie unaligned
        arrays = {name: np.array(array) for name, array in load_file(folder / ARRAYS).items()}
    except (OSError, ValueError, SafetensorError) as error:
        raise FormatError(f"{folder} must hold a saved meta-learner: {error}. Train it again") from error
    version = head.get("format") if isinstance(head, dict) else None
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise FormatError(
            f"format of {path} must be at most {FORMAT_VERSION}; got {version!r}. Upgrade forerun to read it"
        )
    return head, arrays
