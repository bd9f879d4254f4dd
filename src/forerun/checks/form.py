"""The promises of meta-learners, of form: what can be asked for, what must change nothing, what must not break.

Each takes a maker of untrained meta-learners (`teaching`), and raises PromiseBroken.
"""

import json
from dataclasses import replace

import numpy as np

from forerun.checks.broken import PromiseBroken, require
from forerun.checks.teaching import Make, seen, strangers, taught
from forerun.checks.world import history, with_losses
from forerun.metalearners import Context
from forerun.space import Floats

SMALL = {"tasks": 6, "trials": 20}
"""A history for what needs no more: to be degenerate, or to leave a trace."""


def works_with_an_empty_context(make: Make) -> None:
    """Before any trial there is a finite prediction for every configuration, in target and in raw units."""
    task = strangers(1)[0]
    surrogate = taught(make).adapt(seen(task, 0))
    prediction = surrogate.predict(task.X)
    units = surrogate.to_units(prediction)
    for name, values in {"mean": prediction.mean, "std": prediction.std, "raw mean": units.mean}.items():
        require(values.shape == (len(task.X),), f"{name} must have one value a configuration; got {values.shape}")
        require(np.isfinite(values).all(), f"{name} must be finite without any trial; got {values}")
    require((prediction.std > 0).all(), "every std must be positive: no training's result is certain")


def unit_and_offset_of_losses_change_nothing(make: Make) -> None:
    """Other units and offsets, for every task its own, change no ranking."""
    rng, meta, task = np.random.default_rng(5), history(), strangers(1)[0]
    unit, offset = 10 ** rng.uniform(-3, 3, len(meta.tasks)), rng.normal(0, 100, len(meta.tasks))
    other = with_losses(meta, meta.loss * unit[meta.task] + offset[meta.task])
    one, two = taught(make), make().fit(other)
    for k in (0, 1, 2, 3, 8):
        context = seen(task, k)
        moved = replace(context, y=1000 - 7 + 0.02 * context.y)
        predictions = one.adapt(context).predict(task.X), two.adapt(moved).predict(task.X)
        _same(predictions[0].mean, predictions[1].mean, 1e-6, f"after {k} trials, a change of unit and offset")


def order_changes_nothing(make: Make) -> None:
    """The order of the history's trials and tasks, and (but where `ordered`) that of the context, change nothing."""
    rng, meta, task = np.random.default_rng(6), history(), strangers(1)[0]
    shuffled = meta.of_tasks(rng.permutation(len(meta.tasks)))
    shuffled = shuffled.of_rows(rng.permutation(len(shuffled)))
    context = seen(task, 6)
    learner = taught(make)
    order = np.arange(6) if learner.ordered else rng.permutation(6)
    turned = Context(context.features, context.X[order], context.y[order])
    expected = learner.adapt(context).predict(task.X)
    found = make().fit(shuffled).adapt(turned).predict(task.X)
    _same(expected.mean, found.mean, 1e-6, "another order")
    _same(expected.std, found.std, 1e-6, "another order")


def same_seed_same_answer(make: Make) -> None:
    """Fitted twice, even by an instance that learned something else before, it predicts the same to the last bit."""
    task = strangers(1)[0]
    first = taught(make).adapt(seen(task, 3)).predict(task.X)
    used = make().fit(history(seed=1, **SMALL))
    used.adapt(seen(task, 3)).predict(task.X)
    again = used.fit(history()).adapt(seen(task, 3)).predict(task.X)
    _same(first.mean, again.mean, 0.0, "fitting again")
    _same(first.std, again.std, 0.0, "fitting again")


def adapting_changes_nothing_in_the_learner(make: Make) -> None:
    """Adapting to one task leaves no trace in what is said of another."""
    one, two = strangers(2)
    learner = make().fit(history(**SMALL))
    before = learner.adapt(seen(one, 2)).predict(one.X)
    learner.adapt(seen(two, 20)).predict(two.X)
    _same(before.mean, learner.adapt(seen(one, 2)).predict(one.X).mean, 0.0, "adapting to another task")


def its_state_restores_it_to_the_last_bit(make: Make) -> None:
    """`state` through JSON and arrays and back predicts the same numbers, for losses and for times."""
    task = strangers(1)[0]
    for target in ("losses", "seconds"):
        learner = taught(make, target)
        settings, arrays = learner.state()
        arrays = {name: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape) for name, a in arrays.items()}
        restored = type(learner).from_state(json.loads(json.dumps(settings)), arrays)
        for k in (0, 4):
            expected, found = (made.adapt(seen(task, k)).predict(task.X) for made in (learner, restored))
            _same(expected.mean, found.mean, 0.0, "saving and loading")
            _same(expected.std, found.std, 0.0, "saving and loading")


def works_with_hardly_any_history(make: Make) -> None:
    """One task, one family, no feature that differs, equal losses, a domain that never varied: all predict."""
    meta, task = history(**SMALL), strangers(1)[0]
    poor = {
        "one task": meta.of_tasks([0]),
        "two trials": meta.of_rows(np.array([0, SMALL["trials"]])),
        "two siblings": meta.of_tasks([0, 1]),
        "no features": replace(meta, features=np.zeros((len(meta.tasks), 0)), feature_names=[]),
        "equal features": replace(meta, features=np.zeros_like(meta.features)),
        "equal losses": with_losses(meta, np.full(len(meta), 0.5)),
        "nothing but failures": with_losses(meta, np.full(len(meta), np.nan)),
        "one configuration": replace(meta, X=np.tile(meta.X[0], (len(meta), 1))),
    }
    for words, part in poor.items():
        learner = make().fit(part)
        for k in (0, 3):
            context = replace(seen(task, k), features=task.features[: part.features.shape[1]])
            prediction = learner.adapt(context).predict(task.X)
            finite = np.isfinite(prediction.mean).all() and np.isfinite(prediction.std).all()
            require(finite, f"with a history of {words}, predictions after {k} trials must be finite")


def _same(expected: Floats, found: Floats, tolerance: float, what: str) -> None:
    apart = float(np.abs(expected - found).max())
    if not apart <= tolerance:
        raise PromiseBroken(f"{what} must not change a prediction; it did by {apart:.2g}")
