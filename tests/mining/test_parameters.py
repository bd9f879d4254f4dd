"""Which parameters are settings, what they may be, and when they are active."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from forerun.errors import HistoryError
from forerun.mining import Rules, Understood, understand
from forerun.mining.sorting import MOST
from forerun.space import Categorical, Condition, Domain, Integer, Real
from tests.mining.making import Run, runs_of, sweep

rng = np.random.default_rng(0)


WORDS = ("note", "run_dir", "word")
"""More of them than make categories, whatever a person wants."""


def understood(more: Callable[[int], dict[str, Any]], n: int = 24, rules: Rules | None = None) -> Understood:
    return understand(runs_of([*sweep("a", n // 2, more=more), *sweep("b", n // 2, more=more)]), rules or Rules())


def domains(found: Understood) -> dict[str, Domain]:
    (space,) = found.history.spaces.values()
    return dict(space.domains)


def test_the_space_is_what_varied_with_types_ranges_and_scales() -> None:
    found = domains(understood(lambda _: {}))
    assert set(found) == {"lr", "depth", "act"}
    lr, depth, act = found["lr"], found["depth"], found["act"]
    assert isinstance(lr, Real)
    assert lr.log
    assert isinstance(depth, Integer)
    assert not depth.log
    assert isinstance(act, Categorical)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("epochs", lambda _: 10, "it is always 10"),
        ("random_state", lambda i: i, "it is a seed"),
        ("bagging_seed", lambda i: i, "it is a seed"),
        ("run_dir", lambda i: f"/scratch/{i}/{rng.random()}", "as a path is"),
        ("note", lambda i: f"try {i} {rng.random()}", "different in almost every run"),
        ("job_id", lambda _: int(rng.integers(1_000_000)), "called like an identifier"),
        ("started", lambda i: 1_790_000_000 + i * 7, "called like a time"),
        ("best_val_loss", lambda _: float(rng.random()), "called like a result"),
        ("device", lambda i: ["cuda:0", "cpu"][i % 2], "hardware"),
        ("word", lambda _: f"w{rng.integers(10_000)}", "different in almost every run"),
    ],
)
def test_what_is_no_setting_is_left_out_with_the_reason(name: str, value: Callable[[int], Any], reason: str) -> None:
    found = understood(lambda i: {name: value(i)})
    assert reason in found.findings.parameters_left_out[name]
    assert name not in domains(found)
    if name != "epochs":
        kept = understood(lambda i: {name: value(i)}, rules=Rules(keep=(name,)))
        assert name in domains(kept) or name in WORDS


def test_a_person_can_leave_out_a_parameter() -> None:
    found = understood(lambda _: {}, rules=Rules(without=("act",)))
    assert set(domains(found)) == {"lr", "depth"}
    assert found.findings.parameters_left_out["act"] == "as stated"


def test_a_parameter_that_is_a_function_of_the_metric_is_left_out() -> None:
    made = [*sweep("a", 15), *sweep("b", 15)]
    for run in made:
        run.params = {**run.params, "threshold": round(run.metrics["val_acc"] ** 3, 6)}
    found = understand(runs_of(made), Rules())
    assert "gives the metric away" in found.findings.parameters_left_out["threshold"]
    kept = understand(runs_of(made), Rules(keep=("threshold",)))
    assert "threshold" in domains(kept)


def test_one_that_may_matter_that_much_is_kept_and_pointed_out() -> None:
    made = [Run({"trees": 10 * i, "lr": float(rng.random())}, {"rmse": 1 / (i + 1)}) for i in range(9)]
    found = understand(runs_of(made), Rules())
    assert "trees" in domains(found)
    assert [p.name for p in found.findings.suspicious] == ["trees"]


def test_numbers_and_words_are_one_domain_where_they_are_few_and_two_where_they_are_many() -> None:
    few = understood(lambda i: {"max_depth": ["None", 5, 10][i % 3]})
    assert domains(few)["max_depth"] == Categorical((5, 10, "None"))
    assert {c["max_depth"] for c in few.history.configurations()} == {"None", 5, 10}

    def many(i: int) -> dict[str, Any]:
        return {"gamma": "scale" if i % 4 == 0 else float(10 ** rng.uniform(-4, 1))}

    found = understood(many, 48)
    (space,) = found.history.spaces.values()
    assert isinstance(space.domains["gamma"], Real)
    assert set(space.domains["gamma is"].levels(2)) == {"a number", "scale"}
    assert space.condition("gamma") == Condition.of({"gamma is": "a number"})
    for configuration in found.history.configurations():
        space.check(configuration)
        assert ("gamma" in configuration) == (configuration["gamma is"] == "a number")


def test_a_value_that_made_every_run_fail_does_not_stretch_the_range() -> None:
    made = [*sweep(), Run({"lr": 1e9, "depth": 3, "act": "relu"}, {"val_acc": float("nan")})]
    found = understand(runs_of(made), Rules())
    lr = domains(found)["lr"]
    assert isinstance(lr, Real)
    assert lr.high < 0.1
    assert [p.name for p in found.findings.parameters if "1e+09" in p.note] == ["lr"]
    assert len(found.history) == 13


def forest_or_svm(i: int) -> dict[str, Any]:
    if i % 2:
        return {"model": "svm", "C": float(10 ** rng.uniform(-2, 2))}
    return {"model": "forest", "trees": int(rng.integers(1, 99))}


def test_a_parameter_that_only_some_choices_have_is_inactive_for_the_others() -> None:
    found = understood(forest_or_svm)
    (space,) = found.history.spaces.values()
    assert space.condition("C") == Condition.of({"model": "svm"})
    assert space.condition("trees") == Condition.of({"model": "forest"})
    for configuration in found.history.configurations():
        space.check(configuration)


def test_what_another_program_never_had_is_absent() -> None:
    other = [Run({"lr": 0.1 / (i + 1), "momentum": i / 10}, {"val_acc": i / 10}, experiment="sgd") for i in range(8)]
    history = understand(runs_of([*sweep(), *other]), Rules()).history
    assert sorted(sorted(space.domains) for space in history.spaces.values()) == [
        ["act", "depth", "lr"],
        ["lr", "momentum"],
    ]
    from forerun.metadata import featurize

    meta = featurize(history)
    absent = dict(zip(meta.space.columns, meta.X.T, strict=True))["momentum is absent"]
    assert absent.tolist() == [1.0] * 12 + [0.0] * 8


def test_of_thousands_of_parameters_those_that_the_most_runs_have_are_kept() -> None:
    found = understood(lambda i: {f"p{k}": rng.random() for k in range(MOST + 20 if i < 4 else MOST - 10)})
    assert len(found.findings.parameters) == MOST
    assert sum("more than 300 parameters" in reason for reason in found.findings.parameters_left_out.values()) == 23


def test_where_nothing_varies_the_error_says_what_to_do() -> None:
    with pytest.raises(HistoryError, match=r"x: it is always 1.*--with PARAM"):
        understand(runs_of([Run({"x": 1}, {"val_acc": i / 10}) for i in range(5)]), Rules())


def test_renaming_joins_two_names_and_tells_where_a_run_has_both() -> None:
    other = [Run({"learning_rate": 0.1 / (i + 1), "depth": i}, {"val_acc": i / 10}, experiment="b") for i in range(8)]
    made = [*sweep(), *other]
    suggested = understand(runs_of(made), Rules()).findings.renames
    assert [(r.old, r.new) for r in suggested] == [("learning_rate", "lr")]
    rules = Rules(renames={"learning_rate": "lr"})
    found = understand(runs_of(made), rules)
    assert found.history.trials["hp_lr"].notna().all()
    assert not found.findings.renames
    made[0].params = {**made[0].params, "learning_rate": 77}
    doubled = understand(runs_of(made), rules)
    assert doubled.history.trials["hp_lr"].max() < 1
    assert any("1 runs have both" in sentence for sentence in doubled.findings.told)
