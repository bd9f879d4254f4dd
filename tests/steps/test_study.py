"""Ask and tell: whatever happens in between, MLflow alone says what was tried."""

import math
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forerun import History, SearchSpace, Study
from forerun.errors import HistoryError, SettingsError, SpaceError
from forerun.metalearners import Linear
from forerun.space import Categorical, Condition, Integer, Ordinal, Real
from forerun.steps.study import Asked
from forerun.tracking.studies import StudyLog
from forerun.trials import Status, Trial
from forerun.tuning.external import encoder_of, knowledge

pytestmark = pytest.mark.slow  # models are trained, or many stores made

SPACE = SearchSpace("train", {"lr": Real(1e-4, 1, log=True), "depth": Integer(1, 12)})
NOBODY = "nowhere:1:0.00"


def loss(lr: float, depth: int) -> float:
    return (math.log10(lr) + 2) ** 2 + (depth - 6) ** 2 / 10


def past(space: SearchSpace = SPACE, tasks: int = 3, n: int = 10) -> History:
    """A history whose tasks all like lr = 0.01 and depth 6."""
    rng = np.random.default_rng(0)
    trials = [
        Trial(f"t{t}", c, space.name, i, Status.FINISHED, loss(float(c["lr"]), int(c["depth"])), fit_seconds=1.0)  # type: ignore[arg-type]
        for t in range(tasks)
        for i, c in enumerate(space.sample(rng, n))
    ]
    names = [f"t{t}" for t in range(tasks)]
    columns = dict.fromkeys(("kind", "source", "digest"), "")
    frame = pd.DataFrame({"family": names, "metric": "val_loss", **columns}, index=pd.Index(names, name="task"))
    return History.of(trials, frame, {space.name: space})


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The linear meta-learner fits in no time."""
    monkeypatch.setattr(knowledge, "Mixture", Linear)


# -- one process ------------------------------------------------------------------------------------


def test_five_lines_find_a_good_configuration_without_a_history(folder: Path) -> None:
    study = Study("mlp", SPACE)
    for _ in range(9):
        trial = study.ask()
        trial.tell(loss(**trial.configuration))  # type: ignore[arg-type]
    assert study.best is not None
    assert study.best.value < 1  # one in ten random configurations is as good


def test_the_first_trial_already_rests_on_the_history(folder: Path, quick: None) -> None:
    trial = Study("mlp", history=past()).ask()
    assert loss(**trial.configuration) < 1.5  # type: ignore[arg-type]


def test_the_state_is_in_mlflow_alone(folder: Path) -> None:
    study = Study("mlp", SPACE, direction="maximize", metric="accuracy")
    first, second = study.ask(), study.ask()
    first.tell(0.8)
    second.fail("out of memory")
    again = Study("mlp")
    assert again.space == SPACE
    assert [(e.status, e.reason) for e in again.entries()] == [("finished", ""), ("failed", "out of memory")]
    assert again.best is not None
    assert (again.best.configuration, again.best.value) == (first.configuration, 0.8)
    assert again.ask().configuration not in (first.configuration, second.configuration)


def test_a_trial_is_a_run_that_people_can_read(folder: Path) -> None:
    study = Study("mlp", SPACE)
    trial = study.ask()
    trial.tell(0.25)
    run = study.store.client.get_run(trial.run_id)
    assert run.data.params == {"lr": repr(trial.configuration["lr"]), "depth": str(trial.configuration["depth"])}
    assert (run.data.metrics, run.info.status) == ({"loss": 0.25}, "FINISHED")


def test_what_the_loop_logged_itself_is_left_as_it_is(folder: Path) -> None:
    study = Study("mlp", SPACE)
    trial = study.ask()
    study.store.client.log_param(trial.run_id, "lr", "about 0.01")
    trial.tell(1.0)
    assert study.store.client.get_run(trial.run_id).data.params["lr"] == "about 0.01"
    assert study.entries()[0].configuration == trial.configuration


def test_a_value_that_is_not_finite_is_a_failure_and_one_that_is_no_number_an_error(folder: Path) -> None:
    study = Study("mlp", SPACE)
    trial = study.ask()
    with pytest.raises(SettingsError, match="must be a number; got 'good'"):
        trial.tell("good")  # type: ignore[arg-type]
    trial.tell(float("nan"))
    assert [(e.status, e.reason) for e in study.entries()] == [("failed", "loss is nan")]
    with pytest.raises(SettingsError, match="told once"):
        trial.tell(1.0)


def test_a_study_goes_on_only_with_what_it_was_begun_with(folder: Path) -> None:
    Study("mlp", SPACE).ask()
    with pytest.raises(SettingsError, match=r"another search space \(depth differs\)"):
        Study("mlp", SearchSpace("train", {**SPACE.domains, "depth": Integer(1, 13)}))
    with pytest.raises(SettingsError, match="'minimise loss'"):
        Study("mlp", SPACE, direction="maximize")
    with pytest.raises(SettingsError, match="search space or a history"):
        Study("new")
    with pytest.raises(SettingsError, match="must be one of minimize, maximize; got 'up'"):
        Study("new", SPACE, direction="up")


def test_when_everything_was_tried_it_says_so(folder: Path) -> None:
    study = Study("tiny", SearchSpace("tiny", {"a": Categorical((True, False))}))
    for _ in range(2):
        study.ask().tell(1.0)
    with pytest.raises(SettingsError, match="must have something left to try; its 2 trials are all"):
        study.ask()


def test_one_number_can_be_tried_more_often_than_its_grid_has_levels(folder: Path) -> None:
    study = Study("narrow", SearchSpace("narrow", {"lr": Real(0, 1)}))
    values = []
    for _ in range(15):
        trial = study.ask()
        values.append(trial.configuration["lr"])
        trial.tell(abs(float(trial.configuration["lr"]) - 0.3))  # type: ignore[arg-type]
    assert len(set(values)) == 15


def test_hostile_names_and_values_come_back_as_they_are(folder: Path) -> None:
    names = ["../../etc", "'; DROP TABLE runs; --", "<script>", "😀", "."]
    values = ("x" * 6_000, "\x1b[31m", "{lr}", '"')
    space = SearchSpace("hostile", {name: Categorical(values) for name in names})
    study = Study("hostile '; --", space)
    for _ in range(3):
        study.ask().tell(1.0)
    assert Study("hostile '; --").space == space
    assert all(set(e.configuration) == set(names) for e in study.entries())


# -- several processes ------------------------------------------------------------------------------


def test_of_two_that_choose_the_same_only_one_keeps_it(folder: Path) -> None:
    log = Study("mlp", SPACE).log
    configuration = {"lr": 0.01, "depth": 3}
    run = log.ask(configuration, NOBODY)
    assert run is not None
    assert log.ask(configuration, NOBODY) is None
    assert [e.run_id for e in log.entries()] == [run]


def test_many_that_ask_at_once_all_get_something_else(folder: Path) -> None:
    asked: list[Asked] = []
    studies = [Study("mlp", SPACE) for _ in range(3)]

    def ask(study: Study) -> None:
        asked.extend(study.ask() for _ in range(3))

    threads = [threading.Thread(target=ask, args=(study,)) for study in studies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({str(a.configuration) for a in asked}) == 9
    assert len(studies[0].entries()) == 9


def test_what_is_being_tried_counts_as_tried(folder: Path) -> None:
    study = Study("mlp", SPACE)
    for _ in range(8):
        trial = study.ask()
        trial.tell(loss(**trial.configuration))  # type: ignore[arg-type]
    at_once = [study.ask() for _ in range(3)]
    assert len({str(a.configuration) for a in at_once}) == 3
    assert [e.status for e in study.entries()].count("pending") == 3


def test_what_a_dead_process_had_asked_for_is_asked_again(folder: Path) -> None:
    study = Study("mlp", SPACE)
    lost = study.ask()
    study.store.client.set_tag(lost.run_id, "forerun.writer", f"{_gone(lost, study)}:0")
    again = Study("mlp")
    assert again.ask().configuration == lost.configuration
    assert [e.status for e in again.entries()] == ["abandoned", "pending"]
    assert study.store.client.get_run(lost.run_id).info.status == "KILLED"


def _gone(asked: Asked, study: Study) -> str:
    """A process of this machine that has ended."""
    ended = subprocess.Popen([sys.executable, "-S", "-c", ""])
    ended.wait()
    host = study.store.client.get_run(asked.run_id).data.tags["forerun.writer"].split(":")[0]
    return f"{host}:{ended.pid}:1.00"


def test_another_machine_keeps_what_it_asked_for_for_a_day(folder: Path) -> None:
    log: StudyLog = Study("mlp", SPACE).log
    log.ask({"lr": 0.01, "depth": 3}, NOBODY)
    assert [e.status for e in log.entries()] == ["pending"]
    log.store.client.set_tag(log.entries()[0].run_id, "forerun.writer", f"{NOBODY}:0")
    assert [e.status for e in log.entries()] == ["abandoned"]


def test_killed_while_it_trains_a_loop_goes_on_and_tries_nothing_twice(folder: Path) -> None:
    (folder / "loop.py").write_text(
        "import time, forerun\n"
        "from tests.steps.test_study import SPACE\n"
        "study = forerun.Study('mlp', SPACE)\n"
        "study.ask().tell(1.0)\n"
        "print(study.ask().run_id, flush=True)\n"
        "time.sleep(60)\n"
    )
    root = str(Path(__file__).resolve().parents[2])
    loop = subprocess.Popen([sys.executable, "loop.py"], stdout=subprocess.PIPE, env={"PYTHONPATH": root}, text=True)
    assert loop.stdout
    lost = loop.stdout.readline().strip()
    assert [e.status for e in Study("mlp").entries()] == ["finished", "pending"]
    loop.send_signal(signal.SIGKILL)
    loop.wait()
    loop.stdout.close()
    study = Study("mlp")
    for _ in range(2):
        study.ask().tell(1.0)
    entries = study.entries()
    assert next(e for e in entries if e.run_id == lost).status == "abandoned"
    counted = [str(e.configuration) for e in entries if e.status == "finished"]
    assert len(set(counted)) == len(counted) == 3


# -- histories --------------------------------------------------------------------------------------


def test_what_was_fitted_is_kept_beside_the_history_and_used_again(
    folder: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    past().save(folder / "history")
    first = Study("a", history="history").ask()
    monkeypatch.setattr(knowledge, "fit", None)
    assert Study("b", history=folder / "history").ask().configuration == first.configuration
    inside = SearchSpace("c", {"lr": Real(0.1, 1)})
    assert Study("c", inside, "history").ask().configuration["lr"] >= 0.1  # type: ignore[operator]
    with pytest.raises(TypeError):  # what the history never had asks for another fit
        Study("d", SearchSpace("d", {"lr": Real(0.1, 10)}), "history").ask()


def test_a_damaged_fit_is_made_again(folder: Path, quick: None) -> None:
    past().save(folder / "history")
    Study("a", history="history").ask()
    (kept,) = (folder / "history" / "forecasters").glob("*/metalearner.json")
    kept.write_text("{")
    Study("b", history="history").ask()
    assert kept.read_text() != "{"


def test_a_history_that_knows_none_of_the_space_is_refused(folder: Path, quick: None) -> None:
    study = Study("mlp", SearchSpace("other", {"width": Integer(1, 9)}), past())
    with pytest.raises(HistoryError, match=r"at least one domain of the space \(width\); it knows lr, depth"):
        study.ask()


def test_a_domain_that_the_history_never_had_is_tuned_too(folder: Path, quick: None) -> None:
    space = SPACE.with_domain("width", Integer(1, 9))
    study = Study("mlp", space, past())
    for _ in range(8):
        trial = study.ask()
        known = {name: trial.configuration[name] for name in SPACE.domains}
        trial.tell(loss(**known) + (float(trial.configuration["width"]) - 8) ** 2)  # type: ignore[arg-type]
    assert study.best is not None
    assert study.best.configuration["width"] in (7, 8, 9)


def test_numbers_are_joined_as_numbers_however_they_are_listed() -> None:
    old = SearchSpace("old", {"width": Ordinal((32, 64, 128)), "act": Ordinal(("relu", "tanh"))})
    new = SearchSpace("new", {"width": Integer(8, 512, log=True), "act": Categorical(("tanh", "gelu"))})
    joined = encoder_of([old], new).domains
    assert joined == {"width": Integer(8, 512, log=True), "act": Categorical(("relu", "tanh", "gelu"))}
    choices = SearchSpace("new", {"width": Categorical((100, 50.5))})
    assert encoder_of([old], choices).domains["width"] == Ordinal((32, 50.5, 64, 100, 128))
    with pytest.raises(SpaceError, match="'act' must be of one sort in the history and in the search space"):
        encoder_of([old], SearchSpace("new", {"act": Real(0, 1)}))


def test_a_condition_that_one_of_two_spaces_has_does_not_bind_the_encoder() -> None:
    domains = {"opt": Categorical(("sgd", "adam")), "momentum": Real(0, 1)}
    when = {"momentum": Condition.of({"opt": "sgd"})}
    conditional, free = SearchSpace("one", domains, when), SearchSpace("two", domains)
    assert encoder_of([conditional], conditional).conditions == when
    assert encoder_of([conditional], free).conditions == {}
