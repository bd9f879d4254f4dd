"""The learned optimizer that proposes trainings where `tune.acquisition` says so: taught once, and kept."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from forerun.metadata import MetaDataset
from forerun.steps.progress import bar
from forerun.steps.settings import TuneSettings
from forerun.tuning.tuner import LEARNED

if TYPE_CHECKING:
    from forerun.search.recurrent import RecurrentOptimizer


def optimizer_of(meta: MetaDataset, settings: TuneSettings, folder: Path) -> "RecurrentOptimizer | None":
    """The optimizer, read where it was kept, else taught in a minute or two and kept; None where none is asked for.

    Raises FormatError where the files are damaged.
    """
    if settings.acquisition != LEARNED:
        return None
    from forerun.search.recurrent import RecurrentOptimizer, load, save
    from forerun.search.recurrent.saved import SETTINGS
    from forerun.tuning.learned import learn_to_optimize

    optimizer = RecurrentOptimizer(resolution=settings.resolution)
    place = folder / _digest(meta, optimizer, settings.seed)
    if (place / SETTINGS).is_file():  # written last: without it the saving was killed
        return load(place)
    with bar(total=1, desc="teach an optimizer on the history", unit="optimizer") as shown:
        learn_to_optimize(meta, np.random.default_rng(settings.seed), optimizer)
        shown.update()
    save(optimizer, place)
    return optimizer


def _digest(meta: MetaDataset, optimizer: "RecurrentOptimizer", seed: int) -> str:
    """All that it is taught on, as 16 hex digits."""
    from forerun.search.recurrent.saved import FORMAT_VERSION

    told = repr((FORMAT_VERSION, optimizer, seed, meta.tasks, meta.space.to_dict())).encode()
    parts = (meta.X, meta.task, meta.loss, meta.features)
    return hashlib.sha256(b"".join([told, *(np.ascontiguousarray(part).tobytes() for part in parts)])).hexdigest()[:16]
