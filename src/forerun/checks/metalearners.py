"""The promises of meta-learners: of `form` first, then of their `achievements`."""

from functools import partial

from forerun.checks.achievements import (
    an_explosion_drowns_nothing,
    chooses_better_than_untaught_and_than_chance,
    failures_are_bad_news,
    is_calibrated,
    ranks_an_easy_task_before_any_trial,
    ranks_better_after_three_trials,
    soon_forgets_a_history_that_misleads,
    tells_times_in_seconds,
)
from forerun.checks.form import (
    adapting_changes_nothing_in_the_learner,
    its_state_restores_it_to_the_last_bit,
    order_changes_nothing,
    same_seed_same_answer,
    unit_and_offset_of_losses_change_nothing,
    works_with_an_empty_context,
    works_with_hardly_any_history,
)
from forerun.checks.teaching import Promise

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
        chooses_better_than_untaught_and_than_chance,
        soon_forgets_a_history_that_misleads,
        is_calibrated,
        tells_times_in_seconds,
    )
}
METALEARNER_PROMISES["is_calibrated_after_five_trials"] = partial(is_calibrated, trials=5)
