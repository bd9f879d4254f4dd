"""Fitted models as files that load without executing code: JSON, safetensors, skops with an allow-list.

model.json          format version, sort of model, classes, offset, scale, architecture
transformer.skops   the preprocessing
estimator.skops     a scikit-learn estimator, or
network.safetensors the parameters of a network
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import skops.io
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from skops.io.exceptions import UntrustedTypesFoundException

from forerun.errors import FormatError
from forerun.learners.base import Model
from forerun.learners.fitted import Fitted, FittedMargins
from forerun.learners.mlp import FittedNetwork
from forerun.learners.network import Architecture, Network

FORMAT_VERSION = 1
ESTIMATORS: dict[str, type[Fitted]] = {"estimator": Fitted, "margins": FittedMargins}
SORTS = (*ESTIMATORS, "network")
TRUSTED = [
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
    if not isinstance(model, (Fitted, FittedNetwork)):
        raise FormatError(f"a model to save must be one of forerun's learners; got {type(model).__name__}")
    folder.mkdir(parents=True, exist_ok=True)
    sort = (
        "network"
        if isinstance(model, FittedNetwork)
        else next(name for name, cls in ESTIMATORS.items() if type(model) is cls)
    )
    head: dict[str, Any] = {"format": FORMAT_VERSION, "sort": sort}
    head |= {"classes": model.classes, "offset": model.offset, "scale": model.scale}
    skops.io.dump(model.transformer, folder / "transformer.skops")
    if isinstance(model, FittedNetwork):
        head["architecture"] = asdict(model.network.architecture)
        tensors = dict(model.network.parameters)
        for layer, (mean, variance) in model.network.statistics.items():
            tensors |= {f"mean_{layer}": mean, f"variance_{layer}": variance}
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / "network.safetensors")
    else:
        skops.io.dump(model.estimator, folder / "estimator.skops")
    (folder / "model.json").write_text(json.dumps(head, indent=1) + "\n", encoding="utf-8")


def load_model(folder: Path) -> Fitted | FittedNetwork:
    """Read what `save_model` wrote.

    Raises FormatError when a file is missing, damaged, of a newer format, or holds a type that is not ours.
    """
    head = _head(folder / "model.json")
    shared = {key: head[key] for key in ("classes", "offset", "scale")}
    transformer = _load_skops(folder / "transformer.skops")
    if head["sort"] != "network":
        return ESTIMATORS[head["sort"]](transformer, _load_skops(folder / "estimator.skops"), **shared)
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


def _network(architecture: Architecture, folder: Path) -> Network:
    path = folder / "network.safetensors"
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise FormatError(f"{path} is not a readable safetensors file: {error}. Save the model again") from error
    expected = {name: (1, *shape) for name, shape in architecture.shapes.items()}
    if architecture.normalisation == "batch":
        for layer, width in enumerate(architecture.widths):
            expected |= {f"mean_{layer}": (1, 1, width), f"variance_{layer}": (1, 1, width)}
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if found != expected:
        raise FormatError(f"tensors of {path} must be {expected}; got {found}. Save the model again")
    parameters = {name: tensors[name] for name in architecture.shapes}
    layers = range(len(architecture.widths)) if architecture.normalisation == "batch" else ()
    return Network(architecture, parameters, {i: (tensors[f"mean_{i}"], tensors[f"variance_{i}"]) for i in layers})
