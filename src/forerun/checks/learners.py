"""The promises of base learners. Each takes a learner, and raises PromiseBroken."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pandas as pd

from forerun.checks.broken import PromiseBroken, require
from forerun.errors import TrainingError
from forerun.learners import BaseLearner
from forerun.space import SearchSpace
from forerun.tasks import KINDS, Task, make_task
from forerun.tasks.task import Part

Promise = Callable[[BaseLearner], None]
FIDELITY = 0.3
"""Of the trainings here; enough to learn an easy task."""
CHANCE = {"binary": 0.5, "multiclass": 2 / 3, "regression": 1.0}
"""Validation loss of predicting without looking."""
PIXELS = ("pixel_0_0", "pixel_0_1", "pixel_1_0", "pixel_1_1")


def easy_task(kind: str, images: bool = False) -> Task:
    """240 rows; two numbers and a category decide, with gaps, beside a number that does not matter.

    As images these four are the pixels of a small square.
    """
    rng = np.random.default_rng(7)
    a, b, noise = rng.normal(size=(3, 240))
    colour = rng.choice(["red", "green"], 240)
    signal = 2 * a + b + 2 * (colour == "red")
    cuts = {"binary": [1.0], "multiclass": [-0.3, 2.2], "regression": []}[kind]
    target = np.array(["low", "middle", "high"])[np.digitize(signal, cuts)] if cuts else signal
    frame = pd.DataFrame({"a": a, "b": b, "noise": noise, "colour": colour.astype(object), "y": target})
    frame.loc[rng.random(240) < 0.1, "b"] = np.nan
    if images:
        frame["colour"] = (frame["colour"] == "red").astype(float)
        frame = frame.rename(columns=dict(zip(frame.columns, PIXELS, strict=False)))
    return make_task(frame, "y", name=f"easy-{kind}", kind=kind)


def its_defaults_are_in_its_domains(learner: BaseLearner) -> None:
    """The default configuration gives every active domain an allowed value, under the learner's own prefix."""
    for kind in KINDS:
        space = _space(learner, kind)
        alien = [name for name in space.domains if not name.startswith(f"{learner.name}.")]
        require(not alien, f"hyperparameters must be called {learner.name}.…; got {alien}")
        space.check(learner.defaults(kind))


def learns_an_easy_task(learner: BaseLearner) -> None:
    """With its defaults it is clearly better than predicting without looking."""
    for kind in KINDS:
        loss = _loss(learner, easy_task(kind, learner.images))
        limit = 0.8 * CHANCE[kind]
        require(
            loss < limit, f"the loss of the defaults on an easy {kind} task must be below {limit:.2f}; got {loss:.2f}"
        )


def same_seed_same_model(learner: BaseLearner) -> None:
    """Trained twice with one seed, it predicts the same."""
    for kind in KINDS:
        task = easy_task(kind, learner.images)
        one, two = (_train(learner, task).predict(task.validation.X) for _ in range(2))
        require(np.array_equal(one, two), f"the same seed must give the same predictions on a {kind} task")


def reports_once_per_epoch(learner: BaseLearner) -> None:
    """Epochs are reported once each, from 1 on, as they are in the curve; a learner without epochs reports none."""
    for kind in KINDS:
        said: list[tuple[int, float]] = []
        task = easy_task(kind, learner.images)
        outcome = learner.train(
            learner.defaults(kind),
            task,
            fidelity=FIDELITY,
            report=lambda e, v, said=said: said.append((e, v)),  # type: ignore[misc]
        )
        epochs = [epoch for epoch, _ in said]
        require(epochs == list(range(1, len(said) + 1)), f"epochs must be reported once each, in order; got {epochs}")
        require(list(outcome.curve) == said, "what is reported must be the learning curve of the outcome")


def never_touches_the_test_part(learner: BaseLearner) -> None:
    """It trains on a task whose test part cannot be read."""
    for kind in KINDS:
        _train(learner, replace(easy_task(kind, learner.images), test=cast(Part, _Untouchable())))


def any_configuration_trains_or_says_why_not(learner: BaseLearner) -> None:
    """Whatever its domains allow ends in finite predictions or in a TrainingError with a reason of one line."""
    for kind in KINDS:
        task = easy_task(kind, learner.images)
        for configuration in _space(learner, kind).sample(np.random.default_rng(11), 6):
            try:
                prediction = _train(learner, task, configuration).predict(task.validation.X)
            except TrainingError as error:
                require(bool(str(error)) and "\n" not in str(error), f"a reason must be one line; got {error!r}")
                continue
            require(np.isfinite(prediction).all(), f"predictions must be finite; got {prediction} for {configuration}")


LEARNER_PROMISES: dict[str, Promise] = {
    promise.__name__: promise
    for promise in (
        its_defaults_are_in_its_domains,
        learns_an_easy_task,
        same_seed_same_model,
        reports_once_per_epoch,
        never_touches_the_test_part,
        any_configuration_trains_or_says_why_not,
    )
}


class _Untouchable:
    def __getattribute__(self, name: str) -> Any:
        if name.startswith("__"):
            return object.__getattribute__(self, name)
        raise PromiseBroken(f"a learner must never read the test part of a task; it asked for its {name}")

    def __len__(self) -> int:
        raise PromiseBroken("a learner must never read the test part of a task; it asked for its length")


def _space(learner: BaseLearner, kind: str) -> SearchSpace:
    declared = learner.domains(kind)
    domains = {name: domain for name, (domain, _) in declared.items()}
    return SearchSpace(learner.name, domains, {name: condition for name, (_, condition) in declared.items()})


def _train(learner: BaseLearner, task: Task, configuration: Any = None) -> Any:
    settings = learner.defaults(task.kind) if configuration is None else configuration
    with warnings.catch_warnings():
        # a library's complaint (not converged) is no broken promise; where trainings become trials it is silent too
        warnings.simplefilter("ignore")
        return learner.train(settings, task, fidelity=FIDELITY, seed=3).model


def _loss(learner: BaseLearner, task: Task) -> float:
    model = _train(learner, task)
    proba = None if task.kind == "regression" else model.predict_proba(task.validation.X)
    return task.metric.loss(task.metric.value(task.validation.y, model.predict(task.validation.X), proba))
