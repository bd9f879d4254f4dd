"""The joint space over all learners, and the configurations that a recording tries."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np

from forerun.errors import SpaceError
from forerun.learners import ARCHITECTURES, LEARNERS, TRAINABLE
from forerun.learners.mlp import PER_MEMBER, SEARCHED, Mlp
from forerun.learners.optimizers import OPTIMIZERS
from forerun.learners.preprocessing import DEFAULTS, DOMAINS
from forerun.space import ALWAYS, Categorical, Condition, Configuration, Domain, SearchSpace, Subset, Value
from forerun.tasks import KINDS

SHARE_MLP = 0.4
"""Of a portfolio: torch's settings are the most, and its trainings the cheapest, being trained in stacks."""
STACK = 5
"""Training settings under which a portfolio tries each network architecture."""


def default_space(kind: str, columns: Sequence[str] | None = None, optimizers: Sequence[str] = SEARCHED) -> SearchSpace:
    """Return the conditional space of all learners for a kind of task ('binary', 'multiclass', 'regression').

    Binary and multiclass tasks share one space. With the columns of a task, the subset of features is a
    domain too (`features`); `optimizers` are those that networks may be trained by. The space is named after both.
    Raises SpaceError for an unknown kind or optimizer.
    """
    _check_kind(kind)
    unknown = [name for name in optimizers if name not in OPTIMIZERS]
    if unknown or not optimizers:
        raise SpaceError(f"optimizers must be among {', '.join(OPTIMIZERS)}; got {', '.join(unknown) or 'none'}")
    domains: dict[str, Domain] = {"learner": Categorical(tuple(LEARNERS))}
    conditions: dict[str, Condition] = {}
    own = {name: LEARNERS[name].domains(kind) for name in LEARNERS}
    own[Mlp.name] = Mlp(tuple(optimizers)).domains(kind)
    entries = [(ALWAYS, DOMAINS), *((Condition.of({"learner": name}), own[name]) for name in LEARNERS)]
    for selected, declared in entries:
        for name, (domain, condition) in declared.items():
            domains[name] = domain
            conditions[name] = selected & condition
    name = f"forerun-{'regression' if kind == 'regression' else 'classification'}-v1"
    if tuple(optimizers) != SEARCHED:
        name = f"{name}-{'-'.join(optimizers)}"
    if columns is None:
        return SearchSpace(name, domains, conditions)
    return SearchSpace(f"{name}-features", {**domains, "features": Subset(tuple(columns))}, conditions)


def default_configuration(learner: str, kind: str) -> dict[str, Value]:
    """Return the library's defaults of a learner, without optional preprocessing, on all rows."""
    _check_kind(kind)
    if learner not in TRAINABLE:
        raise SpaceError(f"learner must be one of {', '.join((*LEARNERS, *ARCHITECTURES))}; got {learner!r}")
    shared = DEFAULTS if learner in LEARNERS else {}
    return {"learner": learner, **shared, **TRAINABLE[learner].defaults(kind)}


def completed(configuration: Configuration, kind: str) -> dict[str, Value]:
    """Fill what a configuration of someone's own, smaller space leaves out with the learner's defaults.

    A configuration of the joint space, or a complete one of a family of architectures, comes back as it is.
    Raises SpaceError when it names no learner, or one that we do not have.
    """
    if "learner" not in configuration:
        raise SpaceError(f"a configuration must name its learner ({', '.join(LEARNERS)}); got {dict(configuration)}")
    learner = str(configuration["learner"])
    filled = {**default_configuration(learner, kind), **configuration}
    whole = ARCHITECTURES[learner].space(kind) if learner in ARCHITECTURES else _joint(kind)
    # `features` and whatever else the space does not have stays
    return {**configuration, **whole.prune(filled)}


@cache
def _joint(kind: str) -> SearchSpace:
    return default_space(kind, optimizers=tuple(OPTIMIZERS))


def random_configurations(kind: str, n: int, seed: int) -> list[dict[str, Value]]:
    """Draw n configurations, uniform on the scale of every domain."""
    return default_space(kind).sample(np.random.default_rng(seed), n)


def shared_configurations(kind: str, n: int = 250, seed: int = 0) -> list[dict[str, Value]]:
    """Draw the portfolio that a recording tries on all data sets: n configurations, all different.

    First every learner's default. Of the rest two fifths are networks, drawn as architectures (with their
    data and number of epochs) under five training settings each, so that they train as stacks; the others
    are spread evenly over the other learners. Half of all draws use all rows: that is where the best ones
    are, and a uniform draw never gets there. Same seed, same portfolio.
    """
    space, rng = default_space(kind), np.random.default_rng(seed)
    found = [default_configuration(name, kind) for name in LEARNERS][:n]
    networks = round(SHARE_MLP * n) - 1
    while networks > 0 and len(found) < n:
        found += _stack(space, rng, min(STACK, networks, n - len(found)))
        networks -= STACK
    others = [name for name in LEARNERS if name != "mlp"]
    for i in range(n - len(found)):
        found.append(_draw(space, rng, {"learner": others[i % len(others)], **_all_rows(rng)}))
    return _distinct(found, lambda: _draw(space, rng, {"learner": str(rng.choice(others))}))


def _distinct(configurations: Sequence[Configuration], draw: Callable[[], dict[str, Value]]) -> list[dict[str, Value]]:
    """Replace repetitions by new draws, at the end: the others stay what they were."""
    found = {tuple(sorted(c.items())): dict(c) for c in configurations}
    while len(found) < len(configurations):
        new = draw()
        found.setdefault(tuple(sorted(new.items())), new)
    return list(found.values())


def _all_rows(rng: np.random.Generator) -> dict[str, Value]:
    return {"sample_fraction": 1.0} if rng.random() < 0.5 else {}


def _draw(space: SearchSpace, rng: np.random.Generator, fixed: Mapping[str, Value]) -> dict[str, Value]:
    """Draw one configuration in which some domains have given values."""
    drawn = {name: domain.sample(rng, 1)[0] for name, domain in space.domains.items()}
    return space.prune({**drawn, **fixed})


def _stack(space: SearchSpace, rng: np.random.Generator, size: int) -> list[dict[str, Value]]:
    """Draw networks that differ only in what members of one stack may differ in."""
    first = _draw(space, rng, {"learner": "mlp", **_all_rows(rng)})
    shape = {name: value for name, value in first.items() if name not in PER_MEMBER}
    return [first, *(_draw(space, rng, shape) for _ in range(size - 1))]


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise SpaceError(f"kind of a task must be one of {', '.join(KINDS)}; got {kind!r}")
