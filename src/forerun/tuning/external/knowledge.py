"""What a history teaches of a program that is to be tuned: a forecaster, fitted once and kept beside the history.

The meta-learner is the project's default, the mixture; which of several is best is not asked here, for that takes
minutes (`forerun run` asks it). Times are told by the linear one. Fitting takes seconds, so it is remembered in
`HISTORY/forecasters/`, under a digest of the history, the encoding and forerun's version.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from forerun import __version__
from forerun.errors import FormatError, HistoryError
from forerun.metadata.featurize import encode, featurize, usable
from forerun.metalearners import Forecaster, Linear, Mixture
from forerun.search import SearchStrategy
from forerun.space import SearchSpace, Value
from forerun.trials import History
from forerun.tuning.external.chooser import Chooser
from forerun.tuning.external.encoder import encoder_of
from forerun.tuning.external.untaught import untaught
from forerun.tuning.portfolio import portfolio
from forerun.tuning.tuner import Tuner

LEAST = 5
"""Finished trials that a task of the history must have."""
FOLDER = "forecasters"
PORTFOLIO = 3


def learned(history: History | Path, space: SearchSpace) -> Forecaster:
    """What a history, in memory or in a folder, teaches of configurations of a space.

    Raises HistoryError where it teaches nothing of them, SpaceError where the two name different things alike.
    """
    found = history if isinstance(history, History) else History.load(history)
    encoder = _encoder(found, space)
    if isinstance(history, History):
        return fit(found, encoder)
    place = history / FOLDER / digest(history, encoder)
    if place.is_dir():
        try:
            return Forecaster.load(place)
        except FormatError:
            shutil.rmtree(place, ignore_errors=True)  # damaged: made again
    forecaster = fit(found, encoder)
    keep(forecaster, place)
    return forecaster


def _encoder(history: History, space: SearchSpace) -> SearchSpace:
    """Encodes the history's configurations and those of the space alike; that of the history where it knows them."""
    past = [history.spaces[name] for name in sorted(usable(history, LEAST)["space"].unique())]
    known = dict.fromkeys(name for each in past for name in each.domains)
    if not known.keys() & space.domains.keys():
        raise HistoryError(
            f"a history must know at least one domain of the space ({', '.join(space.domains)}); it knows "
            f"{', '.join(list(known)[:20])}. Name them alike, or leave the history out"
        )
    return encoder_of(past, space)


def fit(history: History, encoder: SearchSpace) -> Forecaster:
    """Fit a forecaster that encodes as it is told."""
    X = encode(history, usable(history, LEAST), encoder)
    meta = replace(featurize(history, min_trials=LEAST), space=encoder, X=X)
    return Forecaster(Mixture(), Linear()).fit(meta)


def digest(folder: Path, encoder: SearchSpace) -> str:
    """What a fit depends on, as 16 hex digits."""
    found = hashlib.sha256(json.dumps([__version__, LEAST, encoder.to_dict()]).encode())
    for name in ("trials.parquet", "tasks.parquet", "spaces.json"):
        found.update(hashlib.sha256((folder / name).read_bytes()).digest())
    return found.hexdigest()[:16]


def keep(forecaster: Forecaster, place: Path) -> None:
    """Save a forecaster, complete before it has its name; a history that cannot be written to is left as it is."""
    partial = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        forecaster.save(partial)
        partial.replace(place)
    except OSError:
        shutil.rmtree(partial, ignore_errors=True)  # read-only, or another process was first


def chooser_of(
    space: SearchSpace,
    history: History | Path | None,
    *,
    metafeatures: Mapping[str, float] | None = None,
    hardware: Mapping[str, object] | None = None,
    kind: str | None = None,
    seed: int = 0,
) -> Chooser:
    """What chooses configurations of a space, with what a history teaches of it; None: nothing.

    metafeatures: of the data set at hand, as the history names them; what is not known is taken to be ordinary.
    kind: of the task, 'regression' or another; None for what most tasks of the history are.
    """
    if history is None:
        return untaught_chooser(space, seed)
    forecaster = learned(history, space)
    features = forecaster.scaler_.transform(metafeatures or {}, hardware)
    known = history if isinstance(history, History) else History.load(history)
    return Chooser(Tuner(forecaster, features, space, portfolio=_recurring(known, space, kind), seed=seed), taught=True)


def untaught_chooser(space: SearchSpace, seed: int, strategy: SearchStrategy | None = None) -> Chooser:
    """What chooses configurations of a space by their own trials alone."""
    forecaster = untaught(space)
    features = forecaster.scaler_.transform({})
    return Chooser(Tuner(forecaster, features, space, strategy=strategy, plausible=1.0, seed=seed), taught=False)


def _recurring(history: History, space: SearchSpace, kind: str | None) -> list[dict[str, Value]]:
    """What was best on average, where the history's tasks tried the same; nothing where all tried something else."""
    kinds = history.tasks["kind"].astype(str)
    try:
        return portfolio(history, space, PORTFOLIO, kind=kind or str(kinds.mode().iloc[0]))
    except HistoryError:
        return []
