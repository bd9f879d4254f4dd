"""Optuna's studies as a history: every study is a task, and its distributions, which are exact, its space."""

import hashlib
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import optuna
import pandas as pd
from optuna.trial import FrozenTrial, TrialState

from forerun.errors import HistoryError, SpaceError
from forerun.samplers.distributions import domain_of, value_of
from forerun.space import Domain, SearchSpace
from forerun.trials import History, Status, Trial

Storage = str | optuna.storages.BaseStorage


def history_of_studies(source: Storage | Iterable[optuna.Study], names: Sequence[str] | None = None) -> History:
    """Make a history of studies, or of those of a storage (all, or some by name).

    Meta-features are the numbers among a study's user attributes. A pruned trial counts with the last value that it
    reported, and as no better than half of those that were not pruned. Raises HistoryError for a study with several
    objectives, and where there is nothing to learn from.
    """
    studies = _loaded(source, names) if isinstance(source, (str, optuna.storages.BaseStorage)) else list(source)
    spaces: dict[str, SearchSpace] = {}
    trials: list[Trial] = []
    used = []
    for study in studies:
        if len(study.directions) > 1:
            raise HistoryError(
                f"a study must have one objective to be a task; {study.study_name!r} has {len(study.directions)}. "
                "Leave it out, by the names of the others"
            )
        space = _space(study)
        if space is not None:
            spaces[space.name] = space
            used.append(study)
            trials += trials_of(study, space)
    if not trials:
        raise HistoryError(f"a history must have trials that have ended; {len(studies)} studies have none. Run them")
    return History.of(trials, _tasks(used), spaces)


def _loaded(storage: Storage, names: Sequence[str] | None) -> list[optuna.Study]:
    known = optuna.get_all_study_names(storage)
    missing = sorted(set(names or ()) - set(known))
    if missing:
        raise HistoryError(f"studies must be in the storage ({', '.join(known[:20])}); got {missing[0]!r}")
    return [optuna.load_study(study_name=name, storage=storage) for name in (known if names is None else names)]


def _space(study: optuna.Study) -> SearchSpace | None:
    """Every parameter that any trial had, over all ranges that it ever had."""
    domains: dict[str, Domain] = {}
    for trial in study.get_trials(deepcopy=False):
        for name, distribution in trial.distributions.items():
            domain = domain_of(distribution)
            if domain is None or not name or "=" in name:
                continue
            try:
                domains[name] = domains[name].join(domain) if name in domains else domain
            except SpaceError as error:
                raise HistoryError(f"{name!r} of study {study.study_name!r} must be of one sort: {error}") from error
    return SearchSpace(study.study_name, domains) if domains else None


def trials_of(study: optuna.Study, space: SearchSpace) -> list[Trial]:
    """The trials of a study that have ended, in their order; lower is better."""
    sign = -1.0 if study.direction == optuna.study.StudyDirection.MAXIMIZE else 1.0
    ended = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL))
    finished = [sign * t.value for t in ended if t.state == TrialState.COMPLETE and t.value is not None]
    middle = float(np.median(finished)) if finished else math.nan
    return [_trial(study.study_name, space, t, _loss(t, sign, middle)) for t in ended]


def _loss(trial: FrozenTrial, sign: float, middle: float) -> float:
    """NaN for a failed one; a heuristic for a pruned one: it was pruned since others were better at that step."""
    if trial.state == TrialState.COMPLETE and trial.value is not None:
        return sign * trial.value
    if trial.state == TrialState.PRUNED and trial.intermediate_values:
        last = sign * trial.intermediate_values[max(trial.intermediate_values)]
        return max(last, middle) if math.isfinite(middle) else last
    return math.nan


def _trial(task: str, space: SearchSpace, trial: FrozenTrial, loss: float) -> Trial:
    finished = math.isfinite(loss)
    known = {n: d for n, d in trial.distributions.items() if n in space.domains}
    duration = trial.duration
    return Trial(
        task=task,
        configuration={name: value_of(d, trial.params[name]) for name, d in known.items()},
        space=space.name,
        seed=trial.number,
        status=Status.FINISHED if finished else Status.FAILED,
        loss=loss if finished else math.nan,
        reason="" if finished else f"its state is {trial.state.name}",
        fit_seconds=duration.total_seconds() if duration else math.nan,
        started=trial.datetime_start.timestamp() if trial.datetime_start else math.nan,
    )


def _tasks(studies: Sequence[optuna.Study]) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for study in studies:
        numbers = {
            f"mf_{name}": float(value)
            for name, value in study.user_attrs.items()
            if isinstance(value, (int, float)) and not isinstance(value, bool)
        }
        digest = hashlib.sha256(study.study_name.encode()).hexdigest()
        rows.append(
            {
                "task": study.study_name,
                "family": study.study_name,
                "kind": "",
                "metric": (study.metric_names or ["value"])[0],
                "source": "a study of Optuna",
                "digest": digest,
                **numbers,
            }
        )
    return pd.DataFrame(rows).set_index("task")
