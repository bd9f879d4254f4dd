"""The promises of meta-learners: of form first, then of what they achieve.

Each promise takes a function that makes an untrained meta-learner, and raises PromiseBroken. What is
achieved is measured on tasks of a small world (`world`) that no one has seen, averaged over a dozen or more;
everything is seeded, so that what passes once passes again.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from scipy.stats import spearmanr

from forerun.checks.broken import PromiseBroken, require
from forerun.checks.world import Example, example, history, with_losses
from forerun.metadata import MetaDataset
from forerun.metalearners import Context, MetaLearner, Surrogate
from forerun.space import Floats
from forerun.tuning.acquisition import improvement_of

NOMINAL = {50: 0.6745, 80: 1.2816, 95: 1.9600}
"""Central intervals in percent, and their half widths in standard deviations."""
Make = Callable[[], MetaLearner]
Promise = Callable[[Make], None]
CLEARLY = 0.35
"""Mean rank correlation that is clearly better than chance on the easy tasks; chance is 0 +- 0.03."""
TOLERANCE = 10
"""Points that an interval may hold more or less than it claims; all learners here are within 8."""
TASKS = 12
"""Tasks that an achievement is averaged over."""


def works_with_an_empty_context(make: Make) -> None:
    """Before any trial there is a finite prediction for every configuration, in target and in raw units."""
    task = _tasks(1)[0]
    surrogate = make().fit(history()).adapt(_seen(task, 0))
    prediction = surrogate.predict(task.X)
    units = surrogate.to_units(prediction)
    for name, values in {"mean": prediction.mean, "std": prediction.std, "raw mean": units.mean}.items():
        require(values.shape == (len(task.X),), f"{name} must have one value a configuration; got {values.shape}")
        require(np.isfinite(values).all(), f"{name} must be finite without any trial; got {values}")
    require((prediction.std > 0).all(), "every std must be positive: no training's result is certain")


def unit_and_offset_of_losses_change_nothing(make: Make) -> None:
    """Other units and offsets, for every task its own, change no ranking."""
    rng, meta, task = np.random.default_rng(5), history(), _tasks(1)[0]
    unit, offset = 10 ** rng.uniform(-3, 3, len(meta.tasks)), rng.normal(0, 100, len(meta.tasks))
    other = with_losses(meta, meta.loss * unit[meta.task] + offset[meta.task])
    one, two = make().fit(meta), make().fit(other)
    for k in (0, 1, 2, 3, 8):
        context = _seen(task, k)
        moved = replace(context, y=1000 - 7 + 0.02 * context.y)
        predictions = one.adapt(context).predict(task.X), two.adapt(moved).predict(task.X)
        _same(predictions[0].mean, predictions[1].mean, 1e-6, f"after {k} trials, a change of unit and offset")


def order_changes_nothing(make: Make) -> None:
    """The order of the history's trials and tasks, and (but where `ordered`) that of the context, change nothing."""
    rng, meta, task = np.random.default_rng(6), history(), _tasks(1)[0]
    shuffled = meta.of_tasks(rng.permutation(len(meta.tasks)))
    shuffled = shuffled.of_rows(rng.permutation(len(shuffled)))
    context = _seen(task, 6)
    learner = make().fit(meta)
    order = np.arange(6) if learner.ordered else rng.permutation(6)
    turned = Context(context.features, context.X[order], context.y[order])
    expected = learner.adapt(context).predict(task.X)
    found = make().fit(shuffled).adapt(turned).predict(task.X)
    _same(expected.mean, found.mean, 1e-6, "another order")
    _same(expected.std, found.std, 1e-6, "another order")


def same_seed_same_answer(make: Make) -> None:
    """Fitted twice, even on the same instance, it predicts the same to the last bit."""
    meta, task = history(), _tasks(1)[0]
    learner = make().fit(meta)
    first = learner.adapt(_seen(task, 3)).predict(task.X)
    again = learner.fit(meta).adapt(_seen(task, 3)).predict(task.X)
    other = make().fit(meta).adapt(_seen(task, 3)).predict(task.X)
    for second in (again, other):
        _same(first.mean, second.mean, 0.0, "fitting again")


def adapting_changes_nothing_in_the_learner(make: Make) -> None:
    """Adapting to one task leaves no trace in what is said of another."""
    one, two = _tasks(2)
    learner = make().fit(history())
    before = learner.adapt(_seen(one, 2)).predict(one.X)
    learner.adapt(_seen(two, 20)).predict(two.X)
    _same(before.mean, learner.adapt(_seen(one, 2)).predict(one.X).mean, 0.0, "adapting to another task")


def its_state_restores_it_to_the_last_bit(make: Make) -> None:
    """`state` through JSON and arrays and back predicts the same numbers, for losses and for times."""
    task = _tasks(1)[0]
    for meta in (history(), history().for_seconds()):
        learner = make().fit(meta)
        settings, arrays = learner.state()
        arrays = {name: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape) for name, a in arrays.items()}
        restored = type(learner).from_state(json.loads(json.dumps(settings)), arrays)
        for k in (0, 4):
            expected, found = (made.adapt(_seen(task, k)).predict(task.X) for made in (learner, restored))
            _same(expected.mean, found.mean, 0.0, "saving and loading")
            _same(expected.std, found.std, 0.0, "saving and loading")


def works_with_hardly_any_history(make: Make) -> None:
    """One task, one family, no feature that differs, equal losses, a domain that never varied: all predict."""
    meta, task = history(), _tasks(1)[0]
    poor = {
        "one task": meta.of_tasks([0]),
        "two trials": meta.of_rows(np.array([0, 60])),
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
            context = replace(_seen(task, k), features=task.features[: part.features.shape[1]])
            prediction = learner.adapt(context).predict(task.X)
            finite = np.isfinite(prediction.mean).all() and np.isfinite(prediction.std).all()
            require(finite, f"with a history of {words}, predictions after {k} trials must be finite")


def failures_are_bad_news(make: Make) -> None:
    """A failed trial is expected to fail again, also when nothing else is known of the task."""
    learner = make().fit(history())
    worse = []
    for task in _tasks(TASKS):
        before = learner.adapt(_seen(task, 0)).predict(task.X).mean
        first = int(np.argmin(before))
        failed = Context(task.features, task.X[[first] * 3], np.full(3, np.nan))
        after = learner.adapt(failed).predict(task.X).mean
        worse.append((after[first] - np.median(after)) - (before[first] - np.median(before)))
    require(np.mean(worse) > 0.1, f"what failed must be expected to be worse than before; it moved by {np.mean(worse)}")


def an_explosion_drowns_nothing(make: Make) -> None:
    """With one loss a million times as bad as the others, eight trials still tell more than none."""
    learner = make().fit(history())
    before: list[float] = []
    after: list[float] = []
    for task in _tasks(TASKS):
        loss = task.loss[:8].copy()
        loss[np.argmax(loss)] += 1e6 * np.ptp(loss)
        exploded = Context(task.features, task.X[:8], loss)
        for context, found in ((_seen(task, 0), before), (exploded, after)):
            found.append(_correlation(learner.adapt(context).predict(task.X).mean[8:], task.z[8:]))
    none, eight = float(np.mean(before)), float(np.mean(after))
    require(eight > none, f"eight trials, one exploded, must tell more than none; got {eight:.3f} after {none:.3f}")


def ranks_an_easy_task_before_any_trial(make: Make) -> None:
    """On tasks like those of the history it ranks clearly better than chance before any trial."""
    found = _correlations(make().fit(history()), 0)
    require(found > CLEARLY, f"mean rank correlation before any trial must be above {CLEARLY}; got {found:.3f}")


def ranks_better_after_three_trials(make: Make) -> None:
    """Three trials tell it what no feature tells."""
    learner = make().fit(history())
    before, after = (_correlations(learner, k) for k in (0, 3))
    require(after > before + 0.01, f"three trials must raise the rank correlation; got {before:.3f}, then {after:.3f}")


def soon_forgets_a_history_that_misleads(make: Make) -> None:
    """On tasks that reverse all that the history says, after twelve trials it is no worse than random order."""
    learner, rng = make().fit(history()), np.random.default_rng(8)
    ours, chance = [], []
    for task in _tasks(TASKS, reverse=True):
        regret = (task.z - task.z.min()) / np.ptp(task.z)
        chance.append(np.mean([rng.permutation(regret)[:12].min() for _ in range(200)]))
        ours.append(regret[_chosen(learner, task, 12)].min())
    require(
        np.mean(ours) <= np.mean(chance) + 0.02,
        f"on reversed tasks, regret after 12 trials must be at most that of random order; "
        f"got {np.mean(ours):.3f}, random {np.mean(chance):.3f}",
    )


def is_calibrated(make: Make, trials: int = 0) -> None:
    """Central intervals hold as much as they claim, within a tolerance, on tasks like those of the history."""
    learner = make().fit(history())
    tasks = _tasks(4 * TASKS)
    inside: dict[int, list[float]] = {p: [] for p in NOMINAL}
    for task in tasks:
        prediction = learner.adapt(_seen(task, trials)).predict(task.X)
        y = with_losses(_single(task), task.loss).y
        ratio = (np.abs(y - prediction.mean) / prediction.std)[trials:]
        for p, z in NOMINAL.items():
            inside[p].append(float((ratio <= z).mean()))
    for p, shares in inside.items():
        share = 100 * float(np.mean(shares))
        require(abs(share - p) < TOLERANCE, f"after {trials} trials, {p} % intervals hold {share:.1f} %")


def tells_times_in_seconds(make: Make) -> None:
    """How long a training takes is known in absolute terms: within a factor of two, and calibrated."""
    learner = make().fit(history().for_seconds())
    errors, inside = [], []
    for task in _tasks(2 * TASKS):
        prediction = learner.adapt(_seen(task, 0)).predict(task.X)
        apart = np.abs(np.log10(task.seconds) - prediction.mean)
        errors.append(np.median(apart))
        inside.append((apart <= NOMINAL[80] * prediction.std).mean())
    factor = float(10 ** np.mean(errors))
    require(factor < 2, f"times of new tasks must be right within a factor of 2; got {factor:.2f}")
    require(np.mean(inside) > 0.65, f"80 % intervals of times hold {100 * np.mean(inside):.1f} %")


METALEARNER_PROMISES: dict[str, Promise] = {
    promise.__name__: promise
    for promise in (
        works_with_an_empty_context,
        unit_and_offset_of_losses_change_nothing,
        order_changes_nothing,
        same_seed_same_answer,
        adapting_changes_nothing_in_the_learner,
        its_state_restores_it_to_the_last_bit,
        works_with_hardly_any_history,
        failures_are_bad_news,
        an_explosion_drowns_nothing,
        ranks_an_easy_task_before_any_trial,
        ranks_better_after_three_trials,
        soon_forgets_a_history_that_misleads,
        is_calibrated,
        tells_times_in_seconds,
    )
}
METALEARNER_PROMISES["is_calibrated_after_five_trials"] = partial(is_calibrated, trials=5)


def _tasks(count: int, *, reverse: bool = False) -> list[Example]:
    rng = np.random.default_rng(1000)
    return [example(rng, 60, reverse=reverse) for _ in range(count)]


def _seen(task: Example, trials: int) -> Context:
    return Context(task.features, task.X[:trials], task.loss[:trials])


def _single(task: Example) -> MetaDataset:
    meta = history(tasks=1, trials=len(task.loss))
    return replace(meta, features=task.features[None], X=task.X)


def _correlations(learner: MetaLearner, trials: int) -> float:
    found = []
    for task in _tasks(TASKS):
        mean = learner.adapt(_seen(task, trials)).predict(task.X).mean
        # of what has not been tried in either case
        found.append(_correlation(mean[3:], task.z[3:]))
    return float(np.mean(found))


def _correlation(mean: Floats, truth: Floats) -> float:
    mean = np.round(mean, 12)  # what a constant differs by is noise, and it ranks nothing
    return float(spearmanr(mean, truth).statistic) if np.ptp(mean) > 0 else 0.0


def _chosen(learner: MetaLearner, task: Example, trials: int) -> list[int]:
    seen: list[int] = []
    for _ in range(trials):
        surrogate: Surrogate = learner.adapt(Context(task.features, task.X[seen], task.loss[seen]))
        score = np.array(improvement_of(surrogate, task.X, seen))
        score[seen] = np.inf
        seen.append(int(np.argmin(score)))
    return seen


def _same(expected: Floats, found: Floats, tolerance: float, what: str) -> None:
    apart = float(np.abs(expected - found).max())
    if not apart <= tolerance:
        raise PromiseBroken(f"{what} must not change a prediction; it did by {apart:.2g}")
