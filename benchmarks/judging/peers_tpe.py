"""The tree-structured Parzen estimator (Bergstra et al., NeurIPS 2011), by Optuna.

`TPESampler` as it comes: ten random trials, then each hyperparameter by itself. It cannot be told that only
some configurations can be had, so it asks for one of the search space, parents before children, and gets the
untried candidate that is nearest in encoded space. The study is told that candidate's own values, not what
was asked for. Its random trials are drawn from the candidates. An ordinal domain is the position of its
values, an inactive hyperparameter is not suggested, a failed trial counts as the worst one so far.
"""

from typing import Any, Self

import numpy as np

from forerun.metadata import MetaDataset
from forerun.space import Categorical, Configuration, Integer, Ordinal, Real, SearchSpace, Subset, Value
from judging.base import Candidates, Method, Seen
from judging.peers_inputs import Inputs, highest, known, untried

RANDOM = 10
"""`n_startup_trials` of Optuna."""


class ParzenEstimator(Method):
    """No history: each task starts anew."""

    def fit(self, meta: MetaDataset, rng: np.random.Generator) -> Self:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.space_: SearchSpace = meta.space
        self.distributions_ = distributions(meta.space)
        self.last_: tuple[Any, ...] = (None, None, None)
        """Candidates that were asked about last, how to place rows, and those rows: a cache."""
        return self

    def choose(self, candidates: Candidates, seen: Seen, rng: np.random.Generator) -> int:
        left = untried(candidates, seen)
        if len(seen.rows) < RANDOM:
            return int(rng.choice(left))
        if self.last_[0] is not candidates:
            inputs = Inputs.of(self.space_, candidates.X)
            self.last_ = (candidates, inputs, inputs(candidates.X))
        _, inputs, X = self.last_
        asked = inputs(self.space_.encode([self._ask(candidates, seen, int(rng.integers(2**31)))]))
        return highest(-((X[left] - asked) ** 2).sum(axis=1), left, rng)

    def _ask(self, candidates: Candidates, seen: Seen, seed: int) -> Configuration:
        import optuna

        sampler = optuna.samplers.TPESampler(seed=seed)
        study = optuna.create_study(sampler=sampler)
        for row, loss in zip(seen.rows, known(seen), strict=True):
            values = self._parameters(candidates.configurations[row])
            named = {name: self.distributions_[name] for name in values}
            study.add_trial(optuna.trial.create_trial(params=values, distributions=named, value=float(loss)))
        trial, asked = study.ask(), dict[str, Value]()
        for name, domain in self.space_.domains.items():
            if not self.space_.condition(name).holds(asked):
                continue
            given = {n: trial._suggest(n, self.distributions_[n]) for n in parameters_of(name, domain)}
            asked[name] = _value(name, domain, given)
        return asked

    def _parameters(self, configuration: Configuration) -> dict[str, Any]:
        """The values of Optuna's parameters, but those that the space does not know."""
        found: dict[str, Any] = {}
        for name, value in configuration.items():
            domain = self.space_.domains[name]
            if isinstance(domain, Subset):
                found |= {f"{name} {v}": v in value for v in domain.values}  # type: ignore[operator]
            elif not domain.check(value):
                found[name] = round(domain._rank(value)) if isinstance(domain, Ordinal) else domain.restore(value)
        return found


def parameters_of(name: str, domain: Any) -> list[str]:
    """Names of the parameters that a domain is for Optuna: one for each element of a set."""
    return [f"{name} {v}" for v in domain.values] if isinstance(domain, Subset) else [name]


def distributions(space: SearchSpace) -> dict[str, Any]:
    """Optuna's parameters of a space."""
    return {p: _distribution(domain) for name, domain in space.domains.items() for p in parameters_of(name, domain)}


def _distribution(domain: Any) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    match domain:
        case Integer():
            return IntDistribution(domain.low, domain.high, log=domain.log)
        case Real():
            return FloatDistribution(domain.low, domain.high, log=domain.log)
        case Ordinal():
            return IntDistribution(0, len(domain.values) - 1)
        case Categorical():
            return CategoricalDistribution(domain.values)
        case _:
            return CategoricalDistribution((False, True))


def _value(name: str, domain: Any, given: dict[str, Any]) -> Value:
    if isinstance(domain, Subset):
        return tuple(v for v in domain.values if given[f"{name} {v}"])
    return domain.values[given[name]] if isinstance(domain, Ordinal) else given[name]
