"""Train a learned optimizer: python -m forerun.metatraining FOLDER --form mlp.

Writes FOLDER/rule.safetensors and FOLDER/rule.json, after every hundred outer steps and at the end. The rules that
come with forerun were made so, with the defaults.
"""

import argparse
from dataclasses import fields
from pathlib import Path

import torch

from forerun.metatraining import FAMILIES, Settings, meta_train, tables
from forerun.optimizers import RULES, save


def main() -> None:
    """Read the settings, train, save."""
    parser = argparse.ArgumentParser(prog="python -m forerun.metatraining", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="where to write the rule")
    parser.add_argument("--families", nargs="+", choices=FAMILIES, default=FAMILIES, metavar="FAMILY", help="of data")
    for setting in fields(Settings):
        choices = list(RULES) if setting.name == "form" else None
        sort = type(setting.default)
        parser.add_argument(f"--{setting.name.replace('_', '-')}", type=sort, default=setting.default, choices=choices)
    given = parser.parse_args()
    settings = Settings(**{setting.name: getattr(given, setting.name) for setting in fields(Settings)})
    # the arrays are small: threads would only wait for each other
    torch.set_num_threads(1)
    save(
        meta_train(tables(given.families), settings, watch=lambda _, rule: save(rule, given.folder), progress=True),
        given.folder,
    )


if __name__ == "__main__":
    main()
