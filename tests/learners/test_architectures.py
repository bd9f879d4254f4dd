"""Spaces of architectures, and what their trainings rest on."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from forerun.checks.supernets import easy_images
from forerun.errors import DataError, FormatError
from forerun.learners.architectures import ARCHITECTURES
from forerun.learners.architectures.dense import DEEPEST
from forerun.learners.architectures.fitted import tensor
from forerun.learners.architectures.training import Rows, initial, refitted_head
from forerun.learners.joint import completed, default_configuration
from forerun.learners.saved import load_model, save_model
from forerun.learners.trial import run_trial
from forerun.supernets.teaching import RESOLUTION
from forerun.tasks import builtin_task
from forerun.trials import Status


def test_dense_networks_are_over_ten_to_the_forty_architectures():
    # the first layer has no skip connection: 8 widths, 5 activations, 3 normalisations; all others have one or none
    by_hand = sum(120 * 240 ** (depth - 1) for depth in range(1, DEEPEST + 1))
    assert ARCHITECTURES["dense"].space("binary").grid(RESOLUTION).size == by_hand > 10**40


def test_cells_are_counted_exactly():
    by_hand = 3 * 4 * sum(5 ** (6 * cells) for cells in (1, 2, 3))
    assert ARCHITECTURES["cells"].space("multiclass").grid().size == by_hand


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_smallest_and_the_largest_are_architectures_of_the_space(name: str):
    family = ARCHITECTURES[name]
    space = family.space("multiclass")
    for drawn in space.sample(np.random.default_rng(0), 20):
        space.check({"learner": name, **family.smallest(drawn)})
    for largest in family.covering():
        space.check({"learner": name, **largest})


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_largest_ones_have_every_parameter_of_every_architecture(name: str):
    family = ARCHITECTURES[name]
    covering = [family.architecture(largest, 7, 4).shapes for largest in family.covering()]
    largest = {parameter: shape for shapes in covering for parameter, shape in shapes.items()}
    for drawn in family.space("multiclass").sample(np.random.default_rng(0), 20):
        for parameter, shape in family.architecture(drawn, 7, 4).shapes.items():
            assert len(shape) == len(largest[parameter])
            assert all(np.array(shape) <= largest[parameter])


def test_a_layer_changes_nothing_before_it_has_learned_to():
    dense = ARCHITECTURES["dense"]
    deep, shallow = (dense.architecture(dense.covering()[0] | {"dense.depth": depth}, 7, 4) for depth in (DEEPEST, 1))
    parameters = initial(deep.shapes, torch.Generator().manual_seed(0))
    X = torch.randn(5, 7, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(deep.features(parameters, X), shallow.features(parameters, X))


def test_the_head_of_a_regression_is_the_least_squares_fit():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 3))
    y = features @ [1.0, -2.0, 0.5] + 0.7
    rows = Rows(tensor(features), tensor(y), tensor(features), tensor(y), None)
    head = refitted_head(tensor(features), rows)
    # the penalty of a thousandth shrinks by about as much
    np.testing.assert_allclose(head["weight_head"], [[1.0, -2.0, 0.5]], rtol=0.01)
    np.testing.assert_allclose(head["bias_head"], [0.7], rtol=0.01)


def test_the_head_of_a_classification_counts_every_class_the_same():
    y = torch.tensor([0] * 90 + [1] * 10)
    nothing = torch.zeros(100, 1)
    weights = torch.tensor([100 / 180, 100 / 20])
    bias = refitted_head(nothing, Rows(nothing, y, nothing, y, weights))["bias_head"]
    np.testing.assert_allclose(bias[0], bias[1], rtol=1e-5)


def test_images_want_pixels():
    with pytest.raises(DataError, match=r"named by row and column.*Use the family 'dense'"):
        ARCHITECTURES["cells"].prepare(builtin_task("iris"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_an_architecture_is_trained_saved_and_loaded_as_any_other_configuration(name: str, tmp_path: Path):
    task, family = easy_images(), ARCHITECTURES[name]
    configuration = default_configuration(name, task.kind)
    trial = run_trial(task, configuration, space=family.space(task.kind), fidelity=0.1)
    assert (trial.status, trial.reason) == (Status.FINISHED, "")
    assert trial.curve[-1][1] == trial.loss
    assert trial.model_kb > 0
    model = family.train(configuration, task, fidelity=0.1).model
    save_model(model, tmp_path)
    assert {p.suffix for p in tmp_path.iterdir()} == {".json", ".skops", ".safetensors"}
    X = task.test.X[task.test.X.columns[::-1]]
    np.testing.assert_array_equal(load_model(tmp_path).predict_proba(X), model.predict_proba(task.test.X))
    head = json.loads((tmp_path / "model.json").read_text())
    head["configuration"]["learner"] = "transformer"
    (tmp_path / "model.json").write_text(json.dumps(head))
    with pytest.raises(FormatError, match="must be one of dense, cells with all of its choices; got no 'transformer'"):
        load_model(tmp_path)


def test_what_a_configuration_leaves_out_is_the_default_of_its_family():
    assert completed({"learner": "dense"}, "binary") == default_configuration("dense", "binary")
    deep = {"learner": "dense", **ARCHITECTURES["dense"].covering()[0]}
    assert completed(deep, "regression") == deep
