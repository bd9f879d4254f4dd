"""The networks that are searched: trained on forerun's own history, and adapted to tasks that they never saw.

A network of h units is the meta-learner `Network` with one member. Each seed has its own fit, without the families
of the tasks that it is then adapted to; a task comes twice, with nothing known of it and with five of its trials.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from forerun.checks.search import Layered
from forerun.metadata import MetaDataset, featurize
from forerun.metalearners import Context, Linear, Network, Surrogate
from forerun.metalearners.shallow import Settings
from forerun.space import Categorical, Domain, Integer, Real, SearchSpace
from forerun.trials import History
from forerun.tuning.acquisition import mean_score
from searching.spaces import features

HISTORY = Path(__file__).parents[2] / "data" / "history"
TASKS = [
    "adult",
    "bank_marketing",
    "banknote",
    "breast_w",
    "car",
    "cmc",
    "credit_approval",
    "credit_g",
    "dermatology",
    "glass",
    "heart_c",
    "ionosphere",
    "kr_vs_kp",
    "letter",
    "magic",
    "mushroom",
    "nursery",
    "optdigits",
    "pima_diabetes",
    "segment",
]
"""Classification tasks of the history."""
PER_SEED = 4
TRIALS = 5


@dataclass(frozen=True)
class Case:
    """One network: a task, a seed and what is known of the task."""

    task: str
    seed: int
    trials: int

    def context(self, meta: MetaDataset) -> Context:
        """What is known of the task."""
        t = list(meta.tasks).index(self.task)
        rows = np.random.default_rng(self.seed).choice(np.flatnonzero(meta.task == t), self.trials, replace=False)
        return Context(meta.features[t], meta.X[rows], meta.loss[rows])


def history(per_task: int | None = None) -> MetaDataset:
    """The meta-dataset of the shipped history, of the first trials of each task if not of all."""
    history = History.load(HISTORY)
    if per_task is not None:
        trials = history.trials.groupby("task").head(per_task).reset_index(drop=True)
        history = History(trials, history.tasks, history.spaces)
    return featurize(history)


def cases(count: int) -> list[list[Case]]:
    """So many cases, those of one seed together: four tasks each, by turns without and with trials."""
    found = [Case(TASKS[i % len(TASKS)], i // PER_SEED, TRIALS * (i % 2)) for i in range(count)]
    return [found[i : i + PER_SEED] for i in range(0, count, PER_SEED)]


def surrogates(meta: MetaDataset, settings: Settings, count: int) -> Iterator[tuple[Case, Surrogate]]:
    """Networks trained with these settings, one for each case."""
    for group in cases(count):
        learner = Network(replace(settings, seed=group[0].seed)).fit(unseen(meta, group))
        for case in group:
            yield case, learner.adapt(case.context(meta))


def unseen(meta: MetaDataset, group: list[Case]) -> MetaDataset:
    """The history without the families of some tasks."""
    family = dict(zip(meta.tasks, meta.families, strict=True))
    return meta.without({family[case.task] for case in group})


def one(meta: MetaDataset, units: int) -> Layered:
    """The first network of so many units; 0 for the linear meta-learner."""
    case = cases(1)[0][0]
    learner = Network(Settings(members=1, units=units)) if units else Linear()
    surrogate = learner.fit(unseen(meta, [case])).adapt(case.context(meta))
    return Layered(mean_score(surrogate).layers())


def with_features(meta: MetaDataset) -> MetaDataset:
    """The history with made-up subsets of features: every trial has used some, and its target says so a little.

    The history knows no subsets. Half of the columns are worth something, each a tenth of a standard deviation at
    most, and one pair in four columns is worth something only together. Trained on that, a network has learned
    real settings and made-up features, and its first layer has rows for all of them.
    """
    rng, domain = np.random.default_rng(0), features()
    n, columns = len(meta), len(domain.values)
    used = rng.random((n, columns)) < 0.5
    worth = np.where(rng.random(columns) < 0.5, rng.uniform(0, 0.1, columns), -0.01)
    pairs = rng.permutation(columns)[: columns // 4 * 2].reshape(-1, 2)
    effect = (used - 0.5) @ worth + 0.1 * (used[:, pairs].all(axis=2) - 0.25).sum(axis=1)
    space = meta.space.with_domain("features", domain)
    X = np.hstack([meta.X, used, np.zeros((n, 2))])
    return replace(meta, space=space, X=X, y=meta.y - effect)


def one_hot(meta: MetaDataset, levels: int) -> MetaDataset:
    """The history as if every numeric domain were categorical, with so many values: its trials at the nearest one."""
    domains = {name: _categories(domain, levels) for name, domain in meta.space.domains.items()}
    space = SearchSpace(meta.space.name, domains, meta.space.conditions)
    X = np.zeros((len(meta), len(space.columns)))
    for name, domain in meta.space.domains.items():
        old, new = meta.X[:, meta.space.groups[name]], X[:, space.groups[name]]
        new[:, -2:] = old[:, -2:]
        if isinstance(domain, (Real, Integer)):
            centers = domain.encode(domain.levels(levels))[:, 0]
            nearest = np.abs(old[:, :1] - centers).argmin(axis=1)
            new[np.arange(len(new)), nearest] = old[:, -2:].max(axis=1) < 0.5
        else:
            new[:, :-2] = old[:, :-2]
    return replace(meta, space=space, X=X)


def _categories(domain: Domain, levels: int) -> Domain:
    return Categorical(tuple(domain.levels(levels))) if isinstance(domain, (Real, Integer)) else domain
