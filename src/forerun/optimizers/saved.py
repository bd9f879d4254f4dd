"""Rules as files that load without executing code: safetensors and JSON.

rule.safetensors   the weights by name, float32
rule.json          format version, which form, its settings, and how the weights were made

The rules that come with forerun lie in `trained/`, in a folder each.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from forerun.errors import FormatError, SettingsError
from forerun.optimizers.lstm import Lstm
from forerun.optimizers.mlp import Mlp
from forerun.optimizers.rule import Rule

FORMAT_VERSION = 1
RULES: dict[str, type[Rule]] = {"mlp": Mlp, "lstm": Lstm}
"""The forms. A new one is one file, a line here, and `python -m forerun.metatraining`."""
TRAINED = Path(__file__).with_name("trained")


@dataclass(frozen=True)
class Trained:
    """A rule and its weights."""

    rule: Rule
    weights: Tensor
    """(1, W)."""
    made: Mapping[str, Any] = field(default_factory=dict)
    """How: settings and tasks of the meta-training, as JSON."""


def save(trained: Trained, folder: Path) -> None:
    """Write a rule; the folder is made if need be. The JSON, without which nothing is read, comes last."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: array[0].contiguous() for name, array in trained.rule.views(trained.weights).items()}
    save_file(tensors, folder / "rule.safetensors")
    head = {"format": FORMAT_VERSION, "form": trained.rule.form, "settings": asdict(trained.rule)}
    partial = folder / "rule.json.partial"
    partial.write_text(json.dumps({**head, "made": trained.made}, indent=1) + "\n", encoding="utf-8")
    partial.replace(folder / "rule.json")


def load(name: str | Path) -> Trained:
    """Read a rule that comes with forerun, by name, or one that `save` wrote, by folder.

    Raises SettingsError for a name that is neither, FormatError when a file is damaged or of a newer format.
    """
    folder = TRAINED / name if name in RULES else Path(name)
    if not (folder / "rule.json").is_file():
        known = ", ".join(RULES)
        raise SettingsError(f"a learned optimizer must be one of {known}, or a folder with a rule.json; got {name!r}")
    try:
        head = json.loads((folder / "rule.json").read_text(encoding="utf-8"))
        version = head["format"]
        if version > FORMAT_VERSION:
            raise FormatError(
                f"format of {folder} must be at most {FORMAT_VERSION}; got {version}. Upgrade forerun to read it"
            )
        rule = RULES[head["form"]](**head["settings"])
        tensors = load_file(folder / "rule.safetensors")
        found = {key: tuple(array.shape) for key, array in tensors.items()}
        if found != rule.shapes:
            raise FormatError(f"weights in {folder} must be {rule.shapes}; got {found}. Train the rule again")
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise FormatError(f"{folder} must hold a saved rule: {error!r}. Train it again") from error
    return Trained(rule, torch.cat([tensors[key].flatten() for key in rule.shapes])[None], head["made"])
