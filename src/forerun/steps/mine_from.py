"""Mine a store that other programs wrote: anyone's runs become a history folder that everything here can learn from.

The folder then holds

    trials.parquet, tasks.parquet, spaces.json   the history (see `trials`)
    DATASHEET.md                                 what was found, left out and guessed
    runs/, curves/                               what was read, so that the next time only what is new is
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from forerun.errors import SettingsError
from forerun.mining import Rules, Runs, Understood, as_text, datasheet, targets_of, understand
from forerun.tracking.reading import read
from forerun.tracking.store import hide

RUNS, CURVES = "runs", "curves"
"""Folders in which the reader keeps what it has read, without curves and with those of the targets."""


def mine_from(
    uri: str,
    rules: Rules,
    folder: Path | None = None,
    experiments: Sequence[str] | None = None,
    *,
    fresh: bool = False,
) -> Understood:
    """Read the runs of a store (all experiments by default), understand them and write the history into a folder.

    The store is never written to. Mined again into the same folder, only what is new or changed is read, and the
    result is that of reading everything anew, as with `fresh`. Raises StoreError, and HistoryError where the runs
    tell nothing.
    """
    runs: Runs = read(uri, experiments, cache=folder / RUNS if folder else None, fresh=fresh)
    if rules.needs_curve:
        curves = tuple(dict.fromkeys(target.metric for target in targets_of(runs, rules)))
        runs = read(uri, experiments, curves, cache=folder / CURVES if folder else None, fresh=fresh)
    understood = understand(runs, rules)
    if folder:
        understood.history.save(folder)
        (folder / "DATASHEET.md").write_text(datasheet(understood), encoding="utf-8")
    return understood


def command(options: argparse.Namespace) -> None:
    """Do what `forerun mine` was asked, and tell what was found."""
    rules = Rules(
        metric=options.metric,
        minimise=options.minimize,
        value=options.value,
        task_by=options.task_by,
        renames=dict(_pair(text) for text in options.rename),
        without=tuple(options.without),
        keep=tuple(options.keep),
        origin=hide(options.uri),
    )
    understood = mine_from(options.uri, rules, options.to, options.experiment or None, fresh=options.fresh)
    print(as_text(understood.findings))
    print(
        f"\n{len(understood.history):,} trials of {len(understood.history.tasks):,} tasks written to {options.to}, "
        f"with a datasheet.\nNext: forerun tune --history {options.to} --budget 20 -- python train.py ..., "
        f"or mine.history: [{options.to}] in params.yaml"
    )


def _pair(text: str) -> tuple[str, str]:
    old, between, new = text.partition("=")
    if not (old and between and new):
        raise SettingsError(f"a rename must be OLD=NEW, two names of parameters; got {text!r}")
    return old, new
