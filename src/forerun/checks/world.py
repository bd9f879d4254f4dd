"""A small world of which everything is known, to see whether meta-learners achieve what they promise.

A task has two traits. The first shows in its features, with noise; the second shows in its trials only.

    z(x) = how far x lies from what the traits make best, in standard units;   loss = offset + unit * (z + noise)
    log10 seconds = rows of the task + depth of x + noise

Offsets and units are drawn per task and say nothing.
"""

from dataclasses import dataclass, replace

import numpy as np

from forerun.metadata import FeatureScaler, MetaDataset, standardise
from forerun.metadata.targets import standard_of
from forerun.space import Categorical, Condition, Floats, Integer, Real, SearchSpace

NOISE = 0.15
"""Standard deviation of one training's result, in standard units."""
FEATURES = 5
MINUTE = 60.0
"""Between the starts of two trainings; tasks follow one another."""

SPACE = SearchSpace(
    "world",
    {
        "learner": Categorical(("svm", "mlp")),
        "svm.C": Real(1e-3, 1e3, log=True),
        "svm.gamma": Real(1e-4, 1e1, log=True),
        "mlp.rate": Real(1e-5, 1e-1, log=True),
        "mlp.depth": Integer(1, 6),
    },
    {
        "svm.C": Condition.of({"learner": "svm"}),
        "svm.gamma": Condition.of({"learner": "svm"}),
        "mlp.rate": Condition.of({"learner": "mlp"}),
        "mlp.depth": Condition.of({"learner": "mlp"}),
    },
)


@dataclass(frozen=True)
class Example:
    """One task of the world with trials."""

    features: Floats
    X: Floats
    z: Floats
    """(n,) the truth, without noise."""
    loss: Floats
    """(n,) recorded."""
    seconds: Floats


def example(rng: np.random.Generator, trials: int, *, reverse: bool = False, flat: bool = False) -> Example:
    """Draw a task; a reversed one prefers what the others avoid, a flat one has but one loss."""
    traits = rng.normal(size=2)
    rows = rng.uniform(-1, 1)
    features = np.concatenate([[traits[0] + 0.3 * rng.normal(), rows], rng.normal(size=FEATURES - 2)])
    X = SPACE.encode(SPACE.sample(rng, trials))
    z = truth(X, traits) * (-1 if reverse else 1)
    losses = rng.normal(0, 10) + 10 ** rng.uniform(-2, 2) * (z + NOISE * rng.normal(size=trials))
    depth = X[:, SPACE.groups["mlp.depth"]][:, 0]
    seconds = 10 ** (rows + 0.5 * depth + 0.1 * rng.normal(size=trials))
    return Example(features, X, z, np.full(trials, losses[0]) if flat else losses, seconds)


def truth(X: Floats, traits: Floats) -> Floats:
    """Loss in standard units of encoded configurations, for a task with these traits."""
    u = {name: X[:, group] for name, group in SPACE.groups.items()}
    # columns: svm, mlp | u, u2
    svm, mlp = u["learner"][:, 0], u["learner"][:, 1]
    kernel = u["svm.C"][:, 1] - 0.8 * traits[1] * u["svm.C"][:, 0] + u["svm.gamma"][:, 1]
    net = u["mlp.rate"][:, 1] + 0.8 * traits[1] * u["mlp.rate"][:, 0] - 0.5 * u["mlp.depth"][:, 0]
    return np.asarray(svm * (kernel + 0.8 * traits[0]) + mlp * (net - 0.8 * traits[0]))


def history(seed: int = 0, tasks: int = 24, trials: int = 60) -> MetaDataset:
    """A history of the world, every other task with a sibling in its family; one trial in twenty failed."""
    rng = np.random.default_rng(seed)
    drawn = [example(rng, trials) for _ in range(tasks)]
    losses = np.concatenate([e.loss for e in drawn])
    losses[rng.random(len(losses)) < 0.05] = np.nan
    task = np.repeat(np.arange(tasks), trials)
    empty = np.zeros(tasks)
    meta = MetaDataset(
        space=SPACE,
        X=np.vstack([e.X for e in drawn]),
        task=task,
        loss=losses,
        seconds=np.concatenate([e.seconds for e in drawn]),
        y=losses,
        tasks=[f"task-{i:03d}" for i in range(tasks)],
        families=[f"family-{i - (i % 4 == 1):03d}" for i in range(tasks)],
        features=np.array([e.features for e in drawn]),
        feature_names=[f"mf_{i}" for i in range(FEATURES)],
        location=empty,
        scale=empty,
        censored=np.zeros(len(task), dtype=bool),
        started=1.7e9 + MINUTE * np.arange(len(task), dtype=float),
        scaler=FeatureScaler(()),
    )
    return with_losses(meta, losses)


def with_losses(meta: MetaDataset, losses: Floats) -> MetaDataset:
    """The same history with other raw losses, standardised anew."""
    parts = [losses[meta.task == t] for t in range(len(meta.tasks))]
    standards = [standard_of(part) for part in parts]
    y = np.empty(len(losses))
    for t, part in enumerate(parts):
        y[meta.task == t] = standardise(part)[0]
    location, scale = (np.array([getattr(s, name) for s in standards]) for name in ("location", "scale"))
    return replace(meta, loss=losses, y=y, location=location, scale=scale)
