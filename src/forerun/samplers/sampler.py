"""A sampler for Optuna: what a history teaches, from the first trial on.

    study = optuna.create_study(sampler=forerun.ForerunSampler(history="data/foreign"))

Before each trial forerun plans one configuration of all parameters that it knows: those of the study's trials so far
and, before there are any, those of the history. Optuna asks for the ones that every trial had together (relative
sampling). The others, which some trials have and some have not, or whose range has moved, it asks for one by one as
the objective comes to them; they are answered from the same plan where it fits, else at random. What is tried in
other threads or processes counts as tried, so n_jobs needs nothing else. Without a history it learns from the study.
"""

import random
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.search_space import IntersectionSearchSpace
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from forerun.metalearners import Forecaster
from forerun.samplers.distributions import param_of, space_of, value_of
from forerun.samplers.studies import trials_of
from forerun.search import CoordinateAscent
from forerun.space import Configuration, SearchSpace, Value
from forerun.trials import History
from forerun.tuning import Tuner
from forerun.tuning.external import Chooser, encoder_of
from forerun.tuning.external.knowledge import learned, untaught_chooser

SEARCH = CoordinateAscent(restarts=8, sweeps=3)
"""A trial of Optuna's may take no time at all; a choice must not take seconds."""


class ForerunSampler(BaseSampler):
    """Samples what forerun chooses; one objective.

    history: what to learn from, also as its folder (`forerun mine --from URI --to FOLDER`, or
    `forerun.samplers.history_of_studies(...)`); None to learn from the study alone. metafeatures: of the data set at
    hand, as the history names them. seed: the same seed and trials, the same choices.
    Raises HistoryError where the history and the study have no parameter in common.
    """

    def __init__(
        self,
        history: History | Path | str | None = None,
        *,
        metafeatures: Mapping[str, float] | None = None,
        seed: int | None = None,
    ) -> None:
        """Nothing is read or fitted before the first trial."""
        self._history = Path(history) if isinstance(history, str) else history
        self._metafeatures = metafeatures
        self._random = RandomSampler(seed)
        self._seed = random.randrange(2**31) if seed is None else seed  # noqa: S311 - no secret
        self._common = IntersectionSearchSpace(include_pruned=True)
        self._fitted: Forecaster | None = None
        self._plans: dict[int, Configuration] = {}
        self._turn = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        """Without the lock, and without plans for trials that another process will not end."""
        return {name: value for name, value in self.__dict__.items() if name not in ("_turn", "_plans")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _turn=threading.Lock(), _plans={})

    def reseed_rng(self) -> None:
        """As `BaseSampler.reseed_rng`."""
        self._random.reseed_rng()
        self._seed = random.randrange(2**31)  # noqa: S311 - no secret

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """What every trial had, with more than one value."""
        return {name: d for name, d in self._common.calculate(study).items() if not d.single()}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The plan of these parameters."""
        self._raise_error_if_multi_objective(study)
        if not search_space:
            return {}
        plan = self._plan(study, trial, search_space)
        found = {name: param_of(d, plan[name]) for name, d in search_space.items() if name in plan}
        return {name: value for name, value in found.items() if value is not None}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """The plan of one parameter where it fits, else a random value."""
        self._raise_error_if_multi_objective(study)
        plan = self._plan(study, trial, {})
        domain = space_of("one", {param_name: param_distribution})
        if domain is not None and param_name in plan and not domain.domains[param_name].check(plan[param_name]):
            found = param_of(param_distribution, plan[param_name])
            if found is not None:
                return found
        return self._random.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """As `BaseSampler.after_trial`: the plan was carried out."""
        self._plans.pop(trial.number, None)

    # -- planning -------------------------------------------------------------------------------------

    def _plan(self, study: Study, trial: FrozenTrial, asked: Mapping[str, BaseDistribution]) -> Configuration:
        """One configuration for a trial, chosen when it is first asked for."""
        with self._turn:
            known = self._plans.get(trial.number)
            if known is None or not set(asked) <= set(known):
                known = self._plans[trial.number] = self._chosen(study, trial, asked)
            return known

    def _chosen(self, study: Study, trial: FrozenTrial, asked: Mapping[str, BaseDistribution]) -> Configuration:
        distributions: dict[str, BaseDistribution] = {}
        others = [t for t in study.get_trials(deepcopy=False) if t.number != trial.number]
        for other in others:
            distributions |= other.distributions
        space = space_of("study", {**distributions, **asked}) or self._of_history()
        if space is None:
            return {}
        chooser = self._for(space)
        running = [t for t in others if t.state == TrialState.RUNNING]
        found = chooser.choose(trials_of(study, space), [self._pending(t, space) for t in running])
        # where everything was tried, Optuna may try it again
        return found or space.sample(np.random.default_rng([self._seed, trial.number]), 1)[0]

    def _pending(self, trial: FrozenTrial, space: SearchSpace) -> Configuration:
        """What a running trial has been told so far, and what it will be told, as far as that is planned."""
        told: dict[str, Value] = {n: value_of(d, trial.params[n]) for n, d in trial.distributions.items()}
        planned = {**self._plans.get(trial.number, {}), **told}
        return {name: value for name, value in planned.items() if name in space.domains}

    def _of_history(self) -> SearchSpace | None:
        """All that the history's trials had; None without a history."""
        if self._history is None:
            return None
        history = self._history if isinstance(self._history, History) else History.load(self._history)
        used = [history.spaces[str(name)] for name in sorted(history.trials["space"].unique())]
        return encoder_of(used[1:], used[0])

    def _for(self, space: SearchSpace) -> Chooser:
        """What chooses in a space; fitted anew only where the space has outgrown what was fitted."""
        if self._history is None:
            return untaught_chooser(space, self._seed, SEARCH)
        fitted = self._fitted
        if fitted is None or encoder_of([fitted.space_], space).domains != fitted.space_.domains:
            fitted = self._fitted = learned(self._history, space)
        features = fitted.scaler_.transform(self._metafeatures or {})
        return Chooser(Tuner(fitted, features, space, strategy=SEARCH, seed=self._seed), taught=True)
