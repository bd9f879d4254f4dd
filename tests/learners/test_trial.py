import numpy as np
import pytest

from forerun.errors import SettingsError, SpaceError, TrainingError
from forerun.learners import LEARNERS, trial
from forerun.learners.base import Outcome
from forerun.learners.hardware import hardware_facts, usable_cores
from forerun.learners.joint import default_configuration, default_space, shared_configurations
from forerun.learners.knn import Knn
from forerun.learners.sizes import model_kb
from forerun.learners.trial import run_trial, run_trials, stacks
from forerun.space import Categorical, Integer, Real, SearchSpace
from forerun.tasks import Task
from forerun.trials import Status

SPACE = default_space("binary")
KNN = default_configuration("knn", "binary")


class Broken(Knn):
    """A learner whose training raises what it is given."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def train(self, *_: object, **__: object) -> Outcome:
        raise self.error


def broken(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    monkeypatch.setitem(LEARNERS, "knn", Broken(error))


def test_a_trial_carries_all_that_was_measured(tasks: dict[str, Task]) -> None:
    done = run_trial(tasks["multiclass"], default_configuration("mlp", "binary"), space=SPACE, seed=2, fidelity=0.2)
    assert (done.task, done.space, done.seed, done.fidelity) == ("easy-multiclass", SPACE.name, 2, 0.2)
    assert done.loss == pytest.approx(1 - done.metrics["validation_balanced_accuracy"])
    for name in ("accuracy", "balanced_accuracy", "f1_macro", "log_loss", "roc_auc"):
        assert {f"train_{name}", f"validation_{name}"} <= set(done.metrics)
    assert done.curve[-1] == (8, done.loss)
    assert done.fit_seconds > 0
    assert done.predict_seconds > 0
    assert done.peak_memory_mb >= 0
    assert done.model_kb == pytest.approx(20, abs=8)  # some 5,000 parameters of four bytes, and the preprocessing
    assert done.hardware == hardware_facts()


def test_a_training_that_raises_is_a_failed_trial_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, tasks: dict[str, Task]
) -> None:
    broken(monkeypatch, MemoryError("no room\nfor this"))
    failed = run_trial(tasks["binary"], KNN, space=SPACE)
    assert failed.status == Status.FAILED
    assert failed.reason == "MemoryError: no room"
    assert "Traceback" in failed.traceback
    assert np.isnan(failed.loss)
    assert failed.metrics == {}


def test_a_reason_that_a_learner_gives_stands_as_it_is(monkeypatch: pytest.MonkeyPatch, tasks: dict[str, Task]) -> None:
    broken(monkeypatch, TrainingError("diverged at epoch 3: loss is nan"))
    assert run_trial(tasks["binary"], KNN, space=SPACE).reason == "diverged at epoch 3: loss is nan"


def test_an_interruption_is_not_a_failed_trial(monkeypatch: pytest.MonkeyPatch, tasks: dict[str, Task]) -> None:
    broken(monkeypatch, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        run_trial(tasks["binary"], KNN, space=SPACE)


def test_a_diverged_network_is_a_failed_trial_with_its_curve(tasks: dict[str, Task]) -> None:
    own = default_space("regression")
    wide = SearchSpace("wide", {**own.domains, "mlp.weight_decay": Real(1e-6, 100.0)}, own.conditions)
    good = default_configuration("mlp", "regression")
    # the decay alone multiplies every weight by 1 - 0.1 * 60 a step
    wild = {**good, "mlp.optimizer": "sgd", "mlp.learning_rate": 0.1, "mlp.momentum": 0.0, "mlp.weight_decay": 60.0}
    well, ill = run_trials(tasks["regression"], [good, wild], space=wide, seeds=[0, 0])
    assert well.status == Status.FINISHED
    assert ill.status == Status.FAILED
    assert ill.reason.startswith("diverged at epoch")
    assert len(ill.curve) < len(well.curve) == 40


def test_a_model_that_predicts_nonsense_is_a_failed_trial(
    monkeypatch: pytest.MonkeyPatch, tasks: dict[str, Task]
) -> None:
    class Nonsense:
        def predict(self, X: object) -> np.ndarray:
            return np.full(len(X), np.nan)

    class Foolish(Knn):
        def train(self, *_: object, **__: object) -> Outcome:
            return Outcome(Nonsense(), 0.1)

    monkeypatch.setitem(LEARNERS, "knn", Foolish())
    failed = run_trial(
        tasks["regression"], default_configuration("knn", "regression"), space=default_space("regression")
    )
    assert failed.status == Status.FAILED
    assert "must be finite" in failed.reason


def test_a_configuration_outside_the_space_is_a_mistake_not_a_trial(tasks: dict[str, Task]) -> None:
    with pytest.raises(SpaceError, match=r"knn\.n_neighbors"):
        run_trial(tasks["binary"], KNN | {"knn.n_neighbors": 0}, space=SPACE)


def test_a_space_of_ones_own_trains_with_defaults_for_the_rest(tasks: dict[str, Task]) -> None:
    own = SearchSpace("own", {"learner": Categorical(("mlp",)), "mlp.depth": Integer(1, 4)})
    done = run_trial(tasks["binary"], {"learner": "mlp", "mlp.depth": 4}, space=own, fidelity=0.1)
    assert done.status == Status.FINISHED, done.reason
    assert done.configuration == {"learner": "mlp", "mlp.depth": 4}


@pytest.mark.parametrize("fidelity", [0.0, 1.5])
def test_a_fidelity_out_of_range_is_named(fidelity: float, tasks: dict[str, Task]) -> None:
    with pytest.raises(SettingsError, match=f"fidelity must be .* got {fidelity}"):
        run_trial(tasks["binary"], KNN, space=SPACE, fidelity=fidelity)


@pytest.mark.slow
def test_many_trials_equal_single_ones_and_networks_are_stacked(
    monkeypatch: pytest.MonkeyPatch, tasks: dict[str, Task]
) -> None:
    configurations = shared_configurations("binary", 20, seed=3)
    sizes: list[int] = []
    real = LEARNERS["mlp"].train_many
    monkeypatch.setattr(
        type(LEARNERS["mlp"]), "train_many", lambda self, c, *a, **k: sizes.append(len(c)) or real(c, *a, **k)
    )
    together = run_trials(tasks["binary"], configurations, space=SPACE, seeds=[1] * 20, fidelity=0.2)
    assert sorted(sizes) == [1, 2, 5]
    assert sizes == [len(g) for g in stacks(configurations) if configurations[g[0]]["learner"] == "mlp"]
    for configuration, one in zip(configurations, together, strict=True):
        alone = run_trial(tasks["binary"], configuration, space=SPACE, seed=1, fidelity=0.2)
        assert one.configuration == configuration
        assert one.loss == pytest.approx(alone.loss, abs=1e-5)


def test_the_size_of_a_model_is_that_of_its_arrays() -> None:
    shared = np.zeros(1024, dtype=np.uint8)
    assert model_kb([shared, {"again": shared}]) == pytest.approx(1.0, abs=0.1)


def test_hardware_facts_are_plain_and_complete() -> None:
    facts = hardware_facts()
    needed = {"platform", "cpu_model", "physical_cores", "logical_cores", "memory_gb", "gpu", "python", "torch"}
    assert needed | {"sklearn", "numpy", "torch_threads"} <= set(facts)
    assert all(isinstance(value, (str, float)) for value in facts.values())
    assert 1 <= facts["physical_cores"] <= facts["logical_cores"] == usable_cores()


def test_cores_are_bounded_by_the_quota_of_the_container(monkeypatch: pytest.MonkeyPatch) -> None:
    from forerun.learners import hardware

    files = {"/sys/fs/cgroup/cpu.max": "150000 100000", "/sys/fs/cgroup/memory.max": str(2**30)}
    monkeypatch.setattr(hardware, "_read", lambda path: files.get(path, ""))
    monkeypatch.setattr(hardware.os, "sched_getaffinity", lambda _: set(range(8)))
    assert usable_cores.__wrapped__() == 1
    assert hardware._memory_bytes() == 2**30
    assert trial.hardware_facts is hardware_facts
