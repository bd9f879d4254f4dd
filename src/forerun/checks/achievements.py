"""The promises of meta-learners, of what they achieve on tasks of a small world (`world`) that no one has seen.

Each takes a maker of untrained meta-learners (`teaching`), and raises PromiseBroken. Averages are over a dozen
tasks or more, and everything is seeded, so that what passes once passes again.

Regret of trials is (z - best) / (worst - best) of the best of them, z being the truth without noise.
"""

from dataclasses import replace

import numpy as np
from scipy.special import comb
from scipy.stats import spearmanr

from forerun.checks.broken import require
from forerun.checks.teaching import Make, seen, strangers, taught
from forerun.checks.world import Example, history, with_losses
from forerun.metadata import MetaDataset
from forerun.metalearners import NORMAL, Context, MetaLearner, Surrogate
from forerun.space import Floats
from forerun.tuning.acquisition import improvement_of

CLEARLY = 0.35
"""Mean rank correlation that is clearly better than chance on the easy tasks; chance is 0 +- 0.03."""
HALF = 0.5
"""Part of another's regret that is clearly less than it; all learners here have less than a third."""
TOLERANCE = 10
"""Points that an interval may hold more or less than it claims; all learners here are within 8."""
TASKS = 12
"""Tasks that an achievement is averaged over."""


def failures_are_bad_news(make: Make) -> None:
    """A failed trial is expected to fail again, also when nothing else is known of the task."""
    learner = taught(make)
    worse = []
    for task in strangers(TASKS):
        before = learner.adapt(seen(task, 0)).predict(task.X).mean
        first = int(np.argmin(before))
        failed = Context(task.features, task.X[[first] * 3], np.full(3, np.nan))
        after = learner.adapt(failed).predict(task.X).mean
        worse.append((after[first] - np.median(after)) - (before[first] - np.median(before)))
    require(np.mean(worse) > 0.1, f"what failed must be expected to be worse than before; it moved by {np.mean(worse)}")


def an_explosion_drowns_nothing(make: Make) -> None:
    """With one loss a million times as bad as the others, eight trials still tell more than none."""
    learner = taught(make)
    before: list[float] = []
    after: list[float] = []
    for task in strangers(TASKS):
        loss = task.loss[:8].copy()
        loss[np.argmax(loss)] += 1e6 * np.ptp(loss)
        exploded = Context(task.features, task.X[:8], loss)
        for context, found in ((seen(task, 0), before), (exploded, after)):
            found.append(_correlation(learner.adapt(context).predict(task.X).mean[8:], task.z[8:]))
    none, eight = float(np.mean(before)), float(np.mean(after))
    require(eight > none, f"eight trials, one exploded, must tell more than none; got {eight:.3f} after {none:.3f}")


def ranks_an_easy_task_before_any_trial(make: Make) -> None:
    """On tasks like those of the history it ranks clearly better than chance before any trial."""
    found = _correlations(taught(make), 0)
    require(found > CLEARLY, f"mean rank correlation before any trial must be above {CLEARLY}; got {found:.3f}")


def ranks_better_after_three_trials(make: Make) -> None:
    """Three trials tell it what no feature tells."""
    learner = taught(make)
    before, after = (_correlations(learner, k) for k in (0, 3))
    require(after > before + 0.01, f"three trials must raise the rank correlation; got {before:.3f}, then {after:.3f}")


def chooses_better_than_untaught_and_than_chance(make: Make) -> None:
    """What the history taught it halves the regret of its first five trials, at least.

    Held against random order, and against itself taught by a history in which losses belong to other
    configurations: what any history would do for it, or its way to choose, does not count.
    """
    tasks = strangers(TASKS)
    learner, misled = taught(make), taught(make, "noise")
    ours, untaught = (np.mean([_found(one, task, 5) for task in tasks]) for one in (learner, misled))
    chance = np.mean([_by_chance(task, 5) for task in tasks])
    for words, theirs in {"of itself taught by noise": untaught, "of random order": chance}.items():
        require(
            ours <= HALF * theirs,
            f"mean regret over 5 trials must be at most {HALF} of that {words}; got {ours:.3f} of {theirs:.3f}",
        )


def soon_forgets_a_history_that_misleads(make: Make) -> None:
    """On tasks that reverse all that the history says, after twelve trials it is no worse than random order."""
    learner, tasks = taught(make), strangers(TASKS, reverse=True)
    ours = np.mean([_found(learner, task, 12)[-1] for task in tasks])
    chance = np.mean([_by_chance(task, 12)[-1] for task in tasks])
    require(
        ours <= chance + 0.02,
        f"on reversed tasks, regret after 12 trials must be at most that of random order; "
        f"got {ours:.3f}, random {chance:.3f}",
    )


def is_calibrated(make: Make, trials: int = 0) -> None:
    """Central intervals hold as much as they claim, within a tolerance, on tasks like those of the history."""
    learner = taught(make)
    tasks = strangers(4 * TASKS)
    inside: dict[int, list[float]] = {p: [] for p in NORMAL}
    for task in tasks:
        prediction = learner.adapt(seen(task, trials)).predict(task.X)
        y = with_losses(_single(task), task.loss).y
        ratio = (np.abs(y - prediction.mean) / prediction.std)[trials:]
        for p, z in NORMAL.items():
            inside[p].append(float((ratio <= z).mean()))
    for p, shares in inside.items():
        share = 100 * float(np.mean(shares))
        require(abs(share - p) < TOLERANCE, f"after {trials} trials, {p} % intervals hold {share:.1f} %")


def tells_times_in_seconds(make: Make) -> None:
    """How long a training takes is known in absolute terms: within a factor of two, and calibrated."""
    learner = taught(make, "seconds")
    errors, inside = [], []
    for task in strangers(2 * TASKS):
        prediction = learner.adapt(seen(task, 0)).predict(task.X)
        apart = np.abs(np.log10(task.seconds) - prediction.mean)
        errors.append(np.median(apart))
        inside.append((apart <= NORMAL[80] * prediction.std).mean())
    factor = float(10 ** np.mean(errors))
    require(factor < 2, f"times of new tasks must be right within a factor of 2; got {factor:.2f}")
    require(np.mean(inside) > 0.65, f"80 % intervals of times hold {100 * np.mean(inside):.1f} %")


def _single(task: Example) -> MetaDataset:
    meta = history(tasks=1, trials=len(task.loss))
    return replace(meta, features=task.features[None], X=task.X)


def _correlations(learner: MetaLearner, trials: int) -> float:
    found = []
    for task in strangers(TASKS):
        mean = learner.adapt(seen(task, trials)).predict(task.X).mean
        # of what has not been tried in either case
        found.append(_correlation(mean[3:], task.z[3:]))
    return float(np.mean(found))


def _correlation(mean: Floats, truth: Floats) -> float:
    mean = np.round(mean, 12)  # what a constant differs by is noise, and it ranks nothing
    return float(spearmanr(mean, truth).statistic) if np.ptp(mean) > 0 else 0.0


def _found(learner: MetaLearner, task: Example, trials: int) -> Floats:
    """Regret (trials,) of the best of the first one, two, ... trials that it chooses."""
    return np.minimum.accumulate(_regret(task)[_chosen(learner, task, trials)])


def _by_chance(task: Example, trials: int) -> Floats:
    """The same, expected of random order: of n, the i-th best is the best of t in C(n-i, t-1) of C(n, t) cases."""
    regret, t = np.sort(_regret(task)), np.arange(1, trials + 1)
    i, n = np.arange(1, len(regret) + 1), len(regret)
    return np.asarray(comb(n - i, t[:, None] - 1) / comb(n, t[:, None]) @ regret)


def _regret(task: Example) -> Floats:
    return np.asarray((task.z - task.z.min()) / np.ptp(task.z))


def _chosen(learner: MetaLearner, task: Example, trials: int) -> list[int]:
    tried: list[int] = []
    for _ in range(trials):
        surrogate: Surrogate = learner.adapt(Context(task.features, task.X[tried], task.loss[tried]))
        score = np.array(improvement_of(surrogate, task.X, tried))
        score[tried] = np.inf
        tried.append(int(np.argmin(score)))
    return tried
