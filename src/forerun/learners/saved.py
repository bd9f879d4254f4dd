"""Fitted models as files that load without executing code: JSON, safetensors, skops with an allow-list.

model.json          format version, sort of model, classes, offset, scale, architecture or configuration
transformer.skops   the preprocessing
estimator.skops     a scikit-learn estimator, or
network.safetensors the parameters of a network
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from forerun.errors import FormatError
from forerun.learners.architectures import ARCHITECTURES, FittedArchitecture
from forerun.learners.base import Model
from forerun.learners.fitted import Fitted, FittedMargins
from forerun.learners.mlp import FittedNetwork
from forerun.learners.network import Architecture, Network

FORMAT_VERSION = 1
ESTIMATORS: dict[str, type[Fitted]] = {"estimator": Fitted, "margins": FittedMargins}
SORTS: dict[str, type[Fitted | FittedNetwork | FittedArchitecture]] = {
    **ESTIMATORS,
    "network": FittedNetwork,
    "architecture": FittedArchitecture,
}
TRUSTED = [
    "forerun.learners.architectures.images.Images",
    "forerun.learners.preprocessing.Interactions",
    "numpy.dtype",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.feature_selection._univariate_selection.f_classif",
    "sklearn.feature_selection._univariate_selection.f_regression",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.metrics._dist_metrics.ManhattanDistance64",
    "sklearn.metrics._dist_metrics.MinkowskiDistance64",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.tree._tree.Tree",
]
"""Types beyond those that skops trusts by itself; exact names, nothing else loads."""


def save_model(model: Model, folder: Path) -> None:
    """Write a fitted model of any of our learners; the folder is made if need be."""
    if not isinstance(model, (Fitted, FittedNetwork, FittedArchitecture)):
        raise FormatError(f"a model to save must be one of forerun's learners; got {type(model).__name__}")
    import skops.io  # looks through all of scikit-learn, which takes seconds

    folder.mkdir(parents=True, exist_ok=True)
    sort = next(name for name, cls in SORTS.items() if type(model) is cls)
    head: dict[str, Any] = {"format": FORMAT_VERSION, "sort": sort}
    head |= {"classes": model.classes, "offset": model.offset, "scale": model.scale}
    skops.io.dump(model.transformer, folder / "transformer.skops")
    if isinstance(model, FittedNetwork):
        head["architecture"] = asdict(model.network.architecture)
        tensors = dict(model.network.parameters)
        for layer, (mean, variance) in model.network.statistics.items():
            tensors |= {f"mean_{layer}": mean, f"variance_{layer}": variance}
        _save_tensors(tensors, folder)
    elif isinstance(model, FittedArchitecture):
        head |= {"configuration": dict(model.configuration), "inputs": model.inputs}
        _save_tensors(model.parameters, folder)
    else:
        skops.io.dump(model.estimator, folder / "estimator.skops")
    (folder / "model.json").write_text(json.dumps(head, indent=1) + "\n", encoding="utf-8")


def _save_tensors(tensors: Mapping[str, Tensor], folder: Path) -> None:
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / "network.safetensors")


def load_model(folder: Path) -> Fitted | FittedNetwork | FittedArchitecture:
    """Read what `save_model` wrote.

    Raises FormatError when a file is missing, damaged, of a newer format, or holds a type that is not ours.
    """
    head = _head(folder / "model.json")
    shared = {key: head[key] for key in ("classes", "offset", "scale")}
    transformer = _load_skops(folder / "transformer.skops")
    if head["sort"] in ESTIMATORS:
        return ESTIMATORS[head["sort"]](transformer, _load_skops(folder / "estimator.skops"), **shared)
    if head["sort"] == "architecture":
        return _architecture(head, transformer, folder, shared)
    widths = tuple(head["architecture"].pop("widths"))
    return FittedNetwork(transformer, _network(Architecture(**head["architecture"], widths=widths), folder), **shared)


def _head(path: Path) -> dict[str, Any]:
    try:
        head: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        version = head["format"]
        if version > FORMAT_VERSION:
            raise FormatError(
                f"{path} has format {version}; this forerun reads up to {FORMAT_VERSION}. Upgrade forerun to read it"
            )
        if head["sort"] not in SORTS:
            raise FormatError(f"sort of the model in {path} must be one of {', '.join(SORTS)}; got {head['sort']!r}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{path} is not the description of a saved model: {error}. Save the model again") from error
    return head


def _load_skops(path: Path) -> Any:
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        return skops.io.load(path, trusted=TRUSTED)
    except UntrustedTypesFoundException as error:
        raise FormatError(
            f"{path} holds types that forerun does not trust ({_line(error)}). Do not use this file"
        ) from error
    except (OSError, BadZipFile, ImportError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise FormatError(f"{path} is not a readable skops file ({_line(error)}). Save the model again") from error


def _line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")


def _architecture(
    head: Mapping[str, Any], transformer: Any, folder: Path, shared: Mapping[str, Any]
) -> FittedArchitecture:
    configuration, inputs = head["configuration"], head["inputs"]
    try:
        family = ARCHITECTURES[configuration["learner"]]
        architecture = family.architecture(configuration, inputs, shared["classes"] or 1)
    except KeyError as error:
        raise FormatError(
            f"the architecture in {folder / 'model.json'} must be one of {', '.join(ARCHITECTURES)} with all of its "
            f"choices; got no {error}. Save the model again"
        ) from error
    parameters = _tensors(dict(architecture.shapes), folder)
    return FittedArchitecture(transformer, configuration, inputs, architecture, parameters, **shared)


def _tensors(expected: Mapping[str, tuple[int, ...]], folder: Path) -> dict[str, Tensor]:
    path = folder / "network.safetensors"
    try:
        tensors: dict[str, Tensor] = load_file(path)
    except (OSError, SafetensorError) as error:
        raise FormatError(f"{path} is not a readable safetensors file: {error}. Save the model again") from error
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if found != expected:
        raise FormatError(f"tensors of {path} must be {expected}; got {found}. Save the model again")
    return tensors


def _network(architecture: Architecture, folder: Path) -> Network:
    expected = {name: (1, *shape) for name, shape in architecture.shapes.items()}
    if architecture.normalisation == "batch":
        for layer, width in enumerate(architecture.widths):
            expected |= {f"mean_{layer}": (1, 1, width), f"variance_{layer}": (1, 1, width)}
    tensors = _tensors(expected, folder)
    parameters = {name: tensors[name] for name in architecture.shapes}
    layers = range(len(architecture.widths)) if architecture.normalisation == "batch" else ()
    return Network(architecture, parameters, {i: (tensors[f"mean_{i}"], tensors[f"variance_{i}"]) for i in layers})
