"""Architecture search on the target: what a super-network says of it, and a forecaster that learns how far to trust it.

The scores of the super-network are one more task of the family's own history; the others are earlier targets, with the
trainings from scratch that were made on them. A forecaster is fitted to that history alone. The joint space has no
choice in common with a family, so the trials of one would be noise for the other: the step `featurize` leaves
architectures out, for the same reason.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from forerun import __version__
from forerun.errors import DataError, FormatError, HistoryError, SettingsError
from forerun.evaluation.replay import spearman
from forerun.learners.architectures import Family
from forerun.metadata import featurize
from forerun.metadata.metafeatures import metafeatures
from forerun.metalearners import Forecaster, Linear, Mixture
from forerun.metalearners.threads import one_thread
from forerun.report import Architectures
from forerun.search import Evolution
from forerun.steps.forbidden import check_something_is_left, read_forbidden
from forerun.steps.knowledge import Knowledge, Target, family_of, strategy_of
from forerun.steps.learned import optimizer_of
from forerun.steps.progress import bar
from forerun.steps.project import Project
from forerun.steps.settings import TuneSettings
from forerun.steps.target import load_target
from forerun.supernets import SANDWICHES, Shared, SuperNet, recorded, shared_history, shortlist
from forerun.supernets.teaching import RESOLUTION
from forerun.tasks import Task
from forerun.tracking import names
from forerun.tracking.mine import mine
from forerun.tracking.models import validation_digest
from forerun.tracking.records import named_apart
from forerun.tracking.store import Store
from forerun.trials import History, Status, Trial, trial_key
from forerun.tuning.baselines import random_configurations

SEARCH = Evolution(population=64, brood=16, generations=10, tournament=8)
"""Of a super-network, where no strategy is asked for; longer ones were not measured to pay (docs/supernet.md)."""
SHORT = 20
"""Architectures that the super-network finds best, and as many random ones, to choose trainings among, at least."""
LEAST = 5
"""Finished trials that a task of the history must have."""
FORMAT_VERSION = 3
"""Of what is kept; raised when scores are made otherwise."""
SECONDS = "seconds.json"
"""Beside the scores: what they took."""


def target_of(store: Store, project: Project, knowledge: Knowledge, task: Task, settings: TuneSettings) -> Target:
    """The task as what is searched sees it: all learners, or a family of architectures.

    The latter trains a super-network, unless an earlier call with the same inputs did; so the former teaches an
    optimizer, where one is asked for. Raises SettingsError, DataError.
    """
    if settings.architectures is None:
        optimizer = optimizer_of(knowledge.meta, settings, project.optimizers)
        return Target(knowledge, task, settings, optimizer=optimizer)
    family, task = family_of(settings.architectures), named_apart(store, task)
    shared = _shared(family, task, settings, project.supernets)
    history = earlier(store, knowledge.history, shared, task)
    meta = featurize(history, min_trials=LEAST)
    told = history.trials[["trial", "loss"]].sort_values("trial").to_json(orient="values")
    own = Knowledge(
        forecaster=Forecaster(Mixture(), Linear()).fit(meta),
        meta=meta,
        history=history,
        remembered=np.ones(len(history), dtype=np.bool_),
        digest=hashlib.sha256(told.encode()).hexdigest()[:16],
    )
    return Target(own, task, settings, shared)


def told(target: Target, trials: Sequence[Trial]) -> Architectures | None:
    """What the super-network was worth, for the report; None where there was none."""
    shared = target.shared
    if shared is None:
        return None
    pairs = [(shared.score(t.configuration), t.loss) for t in trials if t.status == Status.FINISHED]
    return Architectures(
        family=shared.family,
        size=shared.space.grid(RESOLUTION).size,
        scored=len(shared.shortlist),
        seconds=shared.seconds,
        pairs=pairs,
        agreement=spearman(*np.array(pairs, dtype=np.float64).reshape(-1, 2).T),
        earlier=len(target.knowledge.history) - len(shared.history),
    )


def check(project: Project) -> None:
    """Raise SettingsError, before anything long is done on the way, where the family cannot take the target."""
    if (name := project.settings.tune.architectures) is not None:
        task = load_target(project)
        try:
            family_of(name).transformer(task)
        except DataError as error:
            raise SettingsError(
                f"tune.architectures: {name} cannot be built for the target {task.name!r}: {error}"
            ) from error


def earlier(store: Store, history: History, shared: Shared, task: Task) -> History:
    """The scores, and all trainings of the family on earlier targets, those of baselines too."""
    known = mine(store, [names.TUNE, names.BASELINES]).join(history)
    others = known.tasks.index[known.tasks["family"] != task.family]
    trials = known.trials[(known.trials["space"] == shared.space.name) & known.trials["task"].isin(others)]
    if trials.empty:
        return shared.history
    # without the columns of other spaces
    part = History(trials.dropna(axis=1, how="all"), known.tasks, {shared.space.name: shared.space})
    return part.of_tasks(trials["task"].unique()).join(shared.history)


def _shared(family: Family, task: Task, settings: TuneSettings, folder: Path) -> Shared:
    """What the super-network says of the task: read where it was kept, else trained, searched and kept."""
    space = family.space(task.kind)
    fixed, forbidden = space.restore(settings.fixed), read_forbidden(settings.forbidden, space)
    check_something_is_left(space.grid(RESOLUTION, fixed), forbidden, fixed)
    n = max(SHORT, 2 * settings.trials)
    place = folder / _digest(family, task, settings, n)
    if (kept := _read(place, family)) is not None:
        return kept
    began = time.monotonic()
    with one_thread(), bar(total=3, desc=f"super-network of {family.name} architectures", unit="part") as shown:
        supernet = SuperNet.fit(family, task, seed=settings.seed)
        shown.update()
        rng = np.random.default_rng(settings.seed)
        found = shortlist(supernet, n, rng, strategy_of(settings) or SEARCH, fixed=fixed, forbidden=forbidden)
        shown.update()
        # the best alone would tell a forecaster neither how much worse others are nor where to look if scores mislead
        drawn = random_configurations(space, n, settings.seed, fixed, forbidden)
        several = {trial_key(task.name, c, 0): c for c in (*(f.configuration for f in found), *drawn)}
        trials = recorded(supernet, list(several.values()), metric=True)
        shown.update()
    history = shared_history(supernet, trials, metafeatures(task))
    shared = Shared(family.name, history, time.monotonic() - began)
    _keep(shared, place)
    return shared


def _digest(family: Family, task: Task, settings: TuneSettings, n: int) -> str:
    """All that the scores depend on, as 16 hex digits."""
    sandwich = SANDWICHES.get(family.name)
    inputs = {
        "version": [__version__, FORMAT_VERSION],
        "family": [family.name, asdict(family.recipe), sandwich and asdict(sandwich)],
        "task": [task.name, task.digest, validation_digest(task)],
        "search": [n, settings.strategy, settings.fixed, settings.forbidden, settings.seed],
    }
    return hashlib.sha256(json.dumps(inputs, default=list).encode()).hexdigest()[:16]


def _read(place: Path, family: Family) -> Shared | None:
    """What was kept; None where nothing was, or it is damaged."""
    try:
        seconds = float(json.loads((place / SECONDS).read_text(encoding="utf-8")))
        return Shared(family.name, History.load(place), seconds)
    except (OSError, ValueError, HistoryError, FormatError):
        return None


def _keep(shared: Shared, place: Path) -> None:
    """Save the scores; they are complete before they have their name."""
    partial = place.with_name(f"{place.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    shared.history.save(partial)
    (partial / SECONDS).write_text(f"{shared.seconds}\n", encoding="utf-8")
    shutil.rmtree(place, ignore_errors=True)
    partial.rename(place)
