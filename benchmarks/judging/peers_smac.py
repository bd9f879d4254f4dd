"""SMAC3's hyperparameter optimisation (Lindauer et al., JMLR 2022), by its own components.

What `HyperparameterOptimizationFacade` puts together, asked about the candidates in place of its own search
among 10,000 random and local ones: a random forest of ten trees on log-scaled costs, expected improvement of
log costs, every fifth trial (at random) drawn at random, and a first design of a quarter of the budget, taken
to be 25 trials. The first design is random in place of Sobol's, as only recorded candidates can be had.
Inactive hyperparameters are imputed as SMAC does. A failed trial counts as the worst one so far.
"""

import warnings
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from forerun.metadata import MetaDataset
from forerun.space import Categorical, Configuration, Floats, SearchSpace, Subset
from judging.base import Candidates, Method, Seen
from judging.peers_inputs import highest, known, untried

RANDOM = 6
"""A quarter of 25."""
INTERLEAVED = 0.2
PERCENTILE = 5
"""Of the costs; estimates how far the best one is from the optimum (`RunHistoryLogScaledEncoder`)."""


class Smac(Method):
    """No history: each task starts anew."""

    def fit(self, meta: MetaDataset, rng: np.random.Generator) -> Self:
        self.space_: SearchSpace = meta.space
        self.configspace_ = configspace(meta.space)
        self.last_: tuple[Any, ...] = (None, None)
        """Candidates that were asked about last, and their vectors: a cache."""
        return self

    def choose(self, candidates: Candidates, seen: Seen, rng: np.random.Generator) -> int:
        left = untried(candidates, seen)
        if len(seen.rows) < RANDOM or rng.random() < INTERLEAVED:
            return int(rng.choice(left))
        if self.last_[0] is not candidates:
            self.last_ = (candidates, vectors(self.space_, self.configspace_, candidates.configurations))
        X = self.last_[1]
        improvement = self._improvement(X[list(seen.rows)], known(seen), X[left], int(rng.integers(2**31)))
        return highest(improvement, left, rng)

    def _improvement(self, X: Floats, losses: Floats, left: Floats, seed: int) -> Floats:
        from smac.acquisition.function import EI
        from smac.model.random_forest import RandomForest

        y = log_scaled(losses)[:, None]
        forest = RandomForest(
            self.configspace_,
            log_y=True,
            n_trees=10,
            ratio_features=1.0,
            min_samples_split=2,
            min_samples_leaf=1,
            # never reached by k leaves; scikit-learn makes room for all of the default's 2^20, for a third of a second
            max_leaf_nodes=len(X) + 1,
            bootstrapping=True,
            n_jobs=1,
            seed=seed,
        )
        acquisition = EI(xi=0.0, log=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            forest.train(X, y)
            acquisition.update(model=forest, eta=float(y.min()))
            return acquisition._compute(left)[:, 0]


def log_scaled(losses: Floats) -> Floats:
    """Costs (k,) as the facade's encoder gives them to the forest."""
    from smac.runhistory.encoder import RunHistoryLogScaledEncoder

    encoder = RunHistoryLogScaledEncoder.__new__(RunHistoryLogScaledEncoder)
    # made without a scenario, which would write files: these are what it would find in the run history
    encoder._percentile = np.percentile(losses, PERCENTILE, keepdims=True)
    encoder._min_y, encoder._max_y = losses.min(keepdims=True), losses.max(keepdims=True)
    if encoder._min_y == encoder._max_y:
        return np.zeros(len(losses))
    return encoder.transform_response_values(losses)


def configspace(space: SearchSpace) -> Any:
    """The space for ConfigSpace, without conditions: `vectors` imputes what they would switch off."""
    from ConfigSpace import CategoricalHyperparameter, ConfigurationSpace, UniformFloatHyperparameter

    found = ConfigurationSpace()
    for name, domain in space.domains.items():
        if isinstance(domain, Subset):
            found.add([CategoricalHyperparameter(f"{name} {v}", [False, True]) for v in domain.values])
        elif isinstance(domain, Categorical):
            found.add(CategoricalHyperparameter(name, range(len(domain.values))))
        else:
            # ConfigSpace vectors of numbers are their places in [0, 1] on their scale, for ints too
            found.add(UniformFloatHyperparameter(name, 0, 1))
    return found


def vectors(space: SearchSpace, target: Any, configurations: Sequence[Configuration]) -> Floats:
    """Configurations as ConfigSpace's vectors, what is inactive imputed: -1, or one more category."""
    columns: dict[str, Floats] = {}
    X = space.encode(configurations)
    for name, domain in space.domains.items():
        given = np.array([name in c for c in configurations])
        encoded = X[:, space.groups[name]][:, :-2]
        if isinstance(domain, Subset):
            columns |= {f"{name} {v}": np.where(given, encoded[:, i], 2) for i, v in enumerate(domain.values)}
        elif isinstance(domain, Categorical):
            columns[name] = np.where(given, encoded.argmax(axis=1), len(domain.values))
        else:
            columns[name] = np.where(given, (encoded[:, 0] + 1) / 2, -1)
    return np.stack([columns[name] for name in target], axis=1).astype(float)
