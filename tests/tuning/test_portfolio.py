"""What worked before: best on average, and best together."""

import numpy as np
import pytest

from forerun.errors import HistoryError
from forerun.space import Condition, Configuration, SearchSpace, Subset
from forerun.tuning import best_on_average, portfolio
from tests.tuning.fakes import SPACE, history, true_loss

GOOD = {"learner": "net", "net.lr": 0.01, "z": 0.6}
FAIR = {"learner": "tree", "tree.x": 0.3, "z": 0.6}
POOR = {"learner": "net", "net.lr": 1.0, "z": 0.0}
SPECIAL = {"learner": "tree", "tree.x": 1.0, "z": 0.0}


def flipped(configuration: Configuration) -> float:
    """A task on which only the special one is good."""
    return 0.1 if dict(configuration) == SPECIAL else 0.5 + true_loss(configuration)


def test_the_best_on_average_is_the_best_on_average() -> None:
    past = history({"a": true_loss, "b": lambda c: 5 + 100 * true_loss(c)}, [POOR, FAIR, GOOD])
    assert best_on_average(past, SPACE, kind="binary") == GOOD


def test_units_and_offsets_of_tasks_do_not_matter() -> None:
    def scaled(factor: float, offset: float) -> dict[str, object]:
        return {"a": true_loss, "b": lambda c: offset + factor * flipped(c), "c": true_loss}

    one = portfolio(history(scaled(1, 0), [POOR, FAIR, GOOD, SPECIAL]), SPACE, 3, kind="binary")  # type: ignore[arg-type]
    other = portfolio(history(scaled(1e6, -7), [POOR, FAIR, GOOD, SPECIAL]), SPACE, 3, kind="binary")  # type: ignore[arg-type]
    assert one == other


def test_the_second_of_a_portfolio_helps_where_the_first_fails() -> None:
    past = history({"a": true_loss, "b": true_loss, "c": flipped}, [POOR, FAIR, GOOD, SPECIAL])
    assert portfolio(past, SPACE, 2, kind="binary") == [GOOD, SPECIAL]
    assert len(portfolio(past, SPACE, 99, kind="binary")) == 4


def test_a_failed_training_counts_as_the_worst() -> None:
    def fails(configuration: Configuration) -> float:
        return np.nan if dict(configuration) == GOOD else true_loss(configuration)

    past = history({"a": true_loss, "b": fails}, [POOR, FAIR, GOOD])
    assert best_on_average(past, SPACE, kind="binary") == FAIR


def test_families_left_out_and_tasks_of_another_kind_do_not_speak() -> None:
    past = history({"a": true_loss, "b": true_loss, "c": flipped, "d": flipped}, [FAIR, GOOD, SPECIAL])
    assert best_on_average(past, SPACE, kind="binary", without=["a", "b"]) == SPECIAL
    past.tasks.loc[["a", "b"], "kind"] = "regression"
    assert best_on_average(past, SPACE, kind="multiclass") == SPECIAL
    assert best_on_average(past, SPACE, kind="regression") == GOOD


def test_only_what_respects_fixed_values_is_chosen() -> None:
    past = history({"a": true_loss, "b": true_loss}, [POOR, FAIR, GOOD])
    assert best_on_average(past, SPACE, kind="binary", fixed={"learner": "tree"}) == FAIR


def test_sets_that_the_history_never_named_are_taken_whole() -> None:
    space = SearchSpace("own", {**SPACE.domains, "features": Subset(("a", "b"))}, SPACE.conditions)
    past = history({"a": true_loss, "b": true_loss}, [POOR, FAIR, GOOD])
    assert best_on_average(past, space, kind="binary") == {**GOOD, "features": ("a", "b")}


def test_a_history_in_which_nothing_recurs_is_refused() -> None:
    with pytest.raises(HistoryError, match="at least half of its tasks"):
        portfolio(history({"a": true_loss, "b": true_loss}, []), SPACE, 1, kind="binary")


def test_what_is_forgotten_says_nothing_of_what_is_good_but_of_what_recurs() -> None:
    past = history({"a": true_loss, "b": true_loss, "c": flipped, "d": flipped}, [FAIR, GOOD, SPECIAL])
    late = past.trials["task"].isin(["c", "d"]).to_numpy()
    assert portfolio(past, SPACE, 1, kind="binary") == [GOOD]
    assert portfolio(past, SPACE, 1, kind="binary", remembered=late) == [SPECIAL]
    # one trial of one family is left, the first shared one: it recurs all the same
    single = np.arange(len(past)) == np.flatnonzero(late)[0]
    assert portfolio(past, SPACE, 9, kind="binary", remembered=single) == [FAIR]
    with pytest.raises(HistoryError, match="among 0 trials"):
        portfolio(past, SPACE, 1, kind="binary", remembered=np.zeros(len(past), dtype=bool))


def test_what_is_forbidden_is_left_out() -> None:
    past = history({"a": true_loss, "b": true_loss}, [POOR, FAIR, GOOD, SPECIAL])
    best = portfolio(past, SPACE, 4, kind="binary")
    assert portfolio(past, SPACE, 4, kind="binary", forbidden=[Condition.of({"learner": "tree"})]) == [
        c for c in best if c["learner"] == "net"
    ]
    with pytest.raises(HistoryError):
        portfolio(past, SPACE, 1, kind="binary", forbidden=[Condition()])
