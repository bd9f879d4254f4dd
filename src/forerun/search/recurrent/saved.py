"""A recurrent optimizer as files that load without executing code.

optimizer.json          format version, settings, the space in which it proposes
optimizer.safetensors   its weights
"""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from forerun.errors import ForerunError, FormatError
from forerun.search.recurrent.optimizer import RecurrentOptimizer
from forerun.space import SearchSpace

FORMAT_VERSION = 2
SETTINGS, WEIGHTS = "optimizer.json", "optimizer.safetensors"


def save(optimizer: RecurrentOptimizer, folder: Path) -> None:
    """Write a fitted optimizer; the folder is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file(optimizer.proposer_.state_dict(), folder / WEIGHTS)
    settings = {f.name: getattr(optimizer, f.name) for f in fields(optimizer) if f.init}
    head = {"settings": settings, "space": optimizer.grid_.space.to_dict()}
    # the JSON, without which nothing is read, comes last
    partial = folder / f"{SETTINGS}.partial"
    partial.write_text(json.dumps({"format": FORMAT_VERSION, **head}, indent=1) + "\n", encoding="utf-8")
    partial.replace(folder / SETTINGS)


def load(folder: Path) -> RecurrentOptimizer:
    """Read what `save` wrote: it proposes the same. Raises FormatError for what is missing, damaged or newer."""
    path = folder / SETTINGS
    try:
        head = json.loads(path.read_text(encoding="utf-8"))
        weights = load_file(folder / WEIGHTS)
    except (OSError, ValueError, SafetensorError) as error:
        raise FormatError(f"{folder} must hold a saved optimizer: {error}. Train it again") from error
    version = head.get("format") if isinstance(head, dict) else None
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise FormatError(
            f"format of {path} must be at most {FORMAT_VERSION}; got {version!r}. Upgrade forerun to read it"
        )
    try:
        return _restored(head, weights)
    except (KeyError, TypeError, RuntimeError, ForerunError) as error:
        raise FormatError(f"the optimizer in {folder} is damaged: {error!r}. Train it again") from error


def _restored(head: dict[str, Any], weights: dict[str, Any]) -> RecurrentOptimizer:
    found = RecurrentOptimizer(**head["settings"])
    found.prepare(SearchSpace.from_dict(head["space"]), seed=0)
    found.proposer_.load_state_dict(weights)
    return found
