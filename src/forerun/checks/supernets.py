"""The promises of architecture families and their super-networks. Each takes a family, and raises PromiseBroken."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import torch

from forerun.checks.broken import require
from forerun.errors import SpaceError
from forerun.learners.architectures import Family
from forerun.learners.architectures.training import initial
from forerun.space import Configuration
from forerun.supernets import Sandwich, SuperNet
from forerun.supernets.teaching import RESOLUTION
from forerun.tasks import Task, make_task

Promise = Callable[[Family], None]
SIDE = 4
SHORT = Sandwich(paths=2)
"""Of the super-networks here; enough to teach the architectures an easy task."""
CLEARLY = 0.9
"""Of the loss with random weights."""


@cache
def easy_images(rows: int = 500) -> Task:
    """Images of 4 x 4 pixels, which are a table as well: where the bright bar stands, and which way it runs."""
    rng = np.random.default_rng(3)
    images, labels = rng.normal(0, 0.7, (rows, SIDE, SIDE)), []
    for i in range(rows):
        place, upright = rng.integers(SIDE), i % 2
        images[i, :, place] += 2.0 * upright
        images[i, place, :] += 2.0 * (1 - upright)
        labels.append(f"{'upright' if upright else 'level'} {'first' if place < SIDE / 2 else 'second'}")
    columns = [f"pixel_{row}_{column}" for row in range(SIDE) for column in range(SIDE)]
    frame = pd.DataFrame(images.reshape(rows, -1), columns=columns).assign(target=labels)
    # likelihoods tell networks apart where accuracies tie
    return make_task(frame, "target", name="bars", metric="log_loss")


@cache
def shared(family: Family, seed: int = 0) -> SuperNet:
    """The super-network that most promises are about."""
    return SuperNet.fit(family, easy_images(), sandwich=SHORT, seed=seed)


def its_domains_give_valid_architectures(family: Family) -> None:
    """What is drawn from the space is built, computes one finite score a class, and says truly what it is made of."""
    supernet = shared(family)
    for configuration in _drawn(family, 20):
        model = supernet.extract(configuration)
        expected = dict(model.architecture.shapes)
        found = {name: tuple(p.shape) for name, p in model.parameters.items()}
        require(found == expected, f"an architecture must have the parameters {expected}; got {found}")
        scores = model.scores(easy_images().validation.X)
        require(scores.shape[1] == 4 and bool(torch.isfinite(scores).all()), f"scores must be finite; got {scores}")


def the_same_seed_gives_the_same_scores(family: Family) -> None:
    """Trained twice with one seed, the scores are the same; with another seed they are others."""
    configurations, sandwich = _drawn(family, 5), Sandwich(epochs=1)
    one, two, other = (
        SuperNet.fit(family, easy_images(), sandwich=sandwich, seed=seed).score(configurations) for seed in (0, 0, 1)
    )
    require(np.array_equal(one, two), f"the same seed must give the same scores; got {one} and {two}")
    require(not np.array_equal(one, other), f"another seed must give other scores; got {one} for both")


def a_score_is_that_of_the_network_cut_out(family: Family) -> None:
    """The inherited score is the validation loss of the extracted network, to the last bit."""
    supernet, task = shared(family), easy_images()
    configurations = _drawn(family, 20)
    for configuration, score in zip(configurations, supernet.score(configurations), strict=True):
        rows = supernet.prepared.rows
        loss = float(rows.loss(supernet.extract(configuration).scores(task.validation.X), rows.y_validation))
        require(loss == score, f"a score must be the loss of the extracted network, {loss}; got {score}")


def every_parameter_is_some_architectures(family: Family) -> None:
    """Each parameter of the super-network is used by architectures that training draws: none stays what it was."""
    supernet = shared(family)
    prepared, used = supernet.prepared, set[str]()
    # the longest ones use most, and few are drawn
    longest = {family.length: family.covering()[0][family.length]}
    grid = supernet.space.grid(RESOLUTION, longest)
    for configuration in supernet.space.decode(grid.encode(grid.sample(np.random.default_rng(16), 1_000))):
        used |= set(family.architecture(configuration, prepared.inputs, prepared.outputs).shapes)
    idle = set(supernet.parameters) - used
    require(not idle, f"every parameter must be used by an architecture of the space; these are not: {sorted(idle)}")


def inherited_weights_are_worth_more_than_random_ones(family: Family) -> None:
    """On an easy task, architectures lose clearly less with inherited weights than with drawn ones; heads are alike.

    That scores rank as trainings from scratch do is no promise: they do in some families only (docs/supernet.md).
    """
    configurations, supernet = _drawn(family, 20), shared(family)
    shapes = {name: tuple(p.shape) for name, p in supernet.parameters.items()}
    drawn = {name: p.detach() for name, p in initial(shapes, torch.Generator().manual_seed(0)).items()}
    taught, untaught = (float(s.score(configurations).mean()) for s in (supernet, replace(supernet, parameters=drawn)))
    require(
        taught < CLEARLY * untaught,
        f"the mean loss with inherited weights must be below {CLEARLY} of that with random ones, {untaught:.3f}; "
        f"got {taught:.3f}",
    )


def a_configuration_of_another_space_is_a_clear_error(family: Family) -> None:
    """What is no architecture of the family is refused, with the name of what is wrong."""
    supernet, good = shared(family), dict(_drawn(family, 1)[0])
    name = next(n for n in supernet.space.domains if n != "learner")
    bad: Mapping[str, Configuration] = {
        name: {**good, name: "no such value"},
        "unheard_of": {**good, "unheard_of": 1},
        "learner": {n: v for n, v in good.items() if n != "learner"},
    }
    for wrong, configuration in bad.items():
        try:
            supernet.score([configuration])
        except SpaceError as error:
            require(wrong in str(error), f"an error must name {wrong!r}; got {error}")
        else:
            require(False, f"{configuration} must be refused")


SUPERNET_PROMISES: dict[str, Promise] = {
    promise.__name__: promise
    for promise in (
        its_domains_give_valid_architectures,
        the_same_seed_gives_the_same_scores,
        a_score_is_that_of_the_network_cut_out,
        every_parameter_is_some_architectures,
        inherited_weights_are_worth_more_than_random_ones,
        a_configuration_of_another_space_is_a_clear_error,
    )
}


def _drawn(family: Family, n: int) -> list[Configuration]:
    return list(family.space(easy_images().kind).sample(np.random.default_rng(16), n))
