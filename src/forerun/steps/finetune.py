"""Step 3: search for the optimum, train a few configurations for real, compare with what else one could do."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from forerun.errors import TrainingError
from forerun.space import Configuration
from forerun.steps.errand import Elsewhere
from forerun.steps.knowledge import Target
from forerun.steps.training import Trainer
from forerun.tracking import names
from forerun.tracking.records import named_apart
from forerun.tracking.store import Store
from forerun.trials import Trial
from forerun.tuning import (
    AVERAGE,
    DEFAULTS,
    Budget,
    Contender,
    Tuned,
    default_in,
    judge,
    random_searches,
    tune,
)
from forerun.tuning.baselines import RANDOM, in_order

OURS = "forerun"
NEVER_TRIED = "the history never tried what may be used"
FORBIDDEN = "they are forbidden"


@dataclass(frozen=True)
class FineTuned:
    """A tuning, its winner fitted on all training data, and the others it is compared with."""

    tuned: Tuned
    winner: Contender
    run_id: str
    """MLflow run of the winner's training."""
    defaults: Contender
    average: Contender
    random: Sequence[Contender]
    """One for each seed; empty when no comparison was asked for."""


def fine_tune(
    store: Store, target: Target, root: Path, *, limit_s: float | None = None, elsewhere: Elsewhere | None = None
) -> FineTuned:
    """Spend the budget of real trainings on the target and judge what it brought.

    elsewhere: trains on other machines; the winners' last fits, on all training data, are always made here.
    Raises TrainingError when every training fails.
    """
    target = replace(target, task=named_apart(store, target.task))
    settings = target.settings
    budget = Budget(settings.trials, settings.batch, target.seconds, limit_s)
    basis = target.knowledge.digest
    with Trainer(
        store, names.TUNE, target.task, target.space, settings, root, "fine-tune", basis, elsewhere
    ) as trainer:
        trainer.bar.total = settings.trials
        tuned = tune(target.tuner, trainer, budget, done=trainer.done())
        if tuned.best is None:
            reasons = "; ".join(dict.fromkeys(t.reason for t in tuned.trials)) or tuned.stopped_because
            raise TrainingError(
                f"at least one of {len(tuned.trials)} trainings on {target.task.name!r} must end well; "
                f"none did: {reasons}"
            )
        run_id = trainer.run_id(tuned.best)
    winner = judge(OURS, tuned.trials, target.task, seed=settings.seed, chosen=tuned.best)
    if winner.final is None:
        raise TrainingError(f"the winner on {target.task.name!r} must train on all data; it failed: {winner.reason}")
    return FineTuned(
        tuned, winner, run_id, *_others(store, target, tuned.best, len(tuned.trials), root, elsewhere=elsewhere)
    )


def _others(
    store: Store, target: Target, best: Trial, trainings: int, root: Path, *, elsewhere: Elsewhere | None
) -> tuple[Contender, Contender, list[Contender]]:
    task, settings, space = target.task, target.settings, target.tuner.space
    with Trainer(store, names.BASELINES, task, space, settings, root, "compare", elsewhere=elsewhere) as trainer:
        trainer.bar.total = 2 + trainings * settings.random_seeds

        def alone(name: str, configuration: Configuration) -> Contender:
            return judge(name, in_order([configuration], trainer), task, seed=settings.seed)

        default = default_in(space, str(best.configuration["learner"]), task.kind)
        may_not = any(condition.holds(default) for condition in target.forbidden)
        average = target.best_on_average(1)
        searches = random_searches(
            space,
            trainer,
            trials=trainings,
            seeds=settings.random_seeds,
            fixed=target.fixed,
            forbidden=target.forbidden,
        )
        random = [judge(RANDOM, trials, task, seed=settings.seed) for trials in searches]
        known = alone(AVERAGE, average[0]) if average else Contender(AVERAGE, [], None, None, NEVER_TRIED)
        defaults = Contender(DEFAULTS, [], None, None, FORBIDDEN) if may_not else alone(DEFAULTS, default)
        return defaults, known, random
