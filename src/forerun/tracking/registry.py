"""Registered models: made of files that hold no code, in a version with its lineage, under an alias.

The files of a version are MLflow's `MLmodel` and a data folder that a module of the installed package
reads. `mlflow models predict -m models:/NAME@champion` therefore needs forerun installed, and nothing else.
"""

import json
import logging
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow import artifacts
from mlflow.entities import LoggedModelOutput, Metric, Param
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature

from forerun import __version__
from forerun.errors import StoreError
from forerun.tracking.store import Store

logging.getLogger("mlflow.pyfunc").setLevel(logging.WARNING)
with warnings.catch_warnings():
    # MLflow warns of its own type hints
    warnings.simplefilter("ignore", UserWarning)
    import mlflow.pyfunc

CHAMPION, CHALLENGER = "champion", "challenger"
NEEDS = ("mlflow", "numpy", "pandas", "scikit-learn", "skops", "safetensors", "torch")
"""What a saved model is read with; the versions it was written with are the ones to install."""
NOT_FOUND = ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND", "INVALID_PARAMETER_VALUE")


@dataclass(frozen=True)
class Registered:
    """One version of a registered model."""

    name: str
    version: int
    alias: str
    run: str
    """Id of the run that made it."""

    @property
    def uri(self) -> str:
        """What MLflow's tools call it."""
        return f"models:/{self.name}/{self.version}"


@dataclass(frozen=True)
class Package:
    """What is needed to make a version of a model."""

    name: str
    """Of the registered model."""
    loader: str
    """Module with `_load_pyfunc(path)`."""
    save: Callable[[Path], None]
    """Writes the data folder."""
    signature: ModelSignature
    example: pd.DataFrame
    """A few rows of input."""
    tags: Mapping[str, str]
    """Of the version and of the run: facts and lineage."""
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    inputs: Sequence[Any] = ()
    """MLflow data set inputs of the run."""


def requirements() -> list[str]:
    """What `pip install` needs to serve a model: forerun, and its libraries at the present versions.

    Named one by one because MLflow would otherwise import everything for ten seconds to find out.
    """
    pins = [f"{name}=={version(name).split('+')[0]}" for name in NEEDS]
    return [f"forerun=={__version__}", *pins]


def register(store: Store, experiment: str, package: Package, alias: str) -> Registered:
    """Write a run, a logged model and a version of the registered model, then give it the alias.

    The alias comes last: a process killed before leaves a version that nobody is pointed to.
    """
    place, client = store.experiment(experiment), store.client
    with store.guard(f"register {package.name}"):
        run = client.create_run(place, tags=dict(package.tags), run_name=package.name).info.run_id
        logged = client.create_logged_model(place, package.name, run, dict(package.tags))
        with tempfile.TemporaryDirectory() as folder:
            model = Model(run_id=run, model_id=logged.model_id)
            client.log_model_artifacts(logged.model_id, str(_write(package, model, Path(folder))))
        client.finalize_logged_model(logged.model_id, "READY")
        client.log_batch(
            run,
            [Metric(name, float(value), 0, 0) for name, value in package.metrics.items() if value == value],  # noqa: PLR0124 - no NaN
            [Param(name, value) for name, value in package.params.items()],
        )
        client.log_inputs(run, list(package.inputs))
        client.log_outputs(run, [LoggedModelOutput(logged.model_id, 0)])
        _make(store, package.name)
        # a database would look for models:/ in the store that is the default of the process
        source = f"models:/{logged.model_id}" if store.uri.startswith("http") else logged.artifact_location
        tags = {**package.tags, "forerun.logged_model": logged.model_id}
        made = client.create_model_version(package.name, source, run, tags, model_id=logged.model_id)
        link = json.dumps([{"name": package.name, "version": int(made.version)}])
        client.set_logged_model_tags(logged.model_id, {"mlflow.modelVersions": link})
        client.set_tag(run, "forerun.model", f"{package.name}/{made.version}")
        client.set_terminated(run)
        client.set_registered_model_alias(package.name, alias, made.version)
    return Registered(package.name, int(made.version), alias, run)


def _write(package: Package, model: Model, folder: Path) -> Path:
    package.save(folder / "files")
    with warnings.catch_warnings():
        # MLflow 3.17 compares the example's index in a way that pandas 4 will drop
        warnings.simplefilter("ignore", DeprecationWarning)
        mlflow.pyfunc.save_model(
            str(folder / "model"),
            loader_module=package.loader,
            data_path=str(folder / "files"),
            mlflow_model=model,
            signature=package.signature,
            input_example=package.example,
            pip_requirements=requirements(),
        )
    return folder / "model"


def _make(store: Store, name: str) -> None:
    try:
        store.client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def holder(store: Store, name: str, alias: str) -> ModelVersion | None:
    """Return the version that holds an alias, None where there is none."""
    with store.guard(f"look up {name}@{alias}"):
        try:
            return store.client.get_model_version_by_alias(name, alias)
        except MlflowException as error:
            if error.error_code in NOT_FOUND:
                return None
            raise


def fetch(store: Store, name: str, alias: str) -> Path:
    """Return the data folder of a registered model. Raises StoreError where there is none."""
    found = holder(store, name, alias)
    if found is None:
        with store.guard("list registered models"):
            known = sorted(each.name for each in store.client.search_registered_models())
        raise StoreError(
            f"a registered model of {store.label} must be one of {', '.join(known) or '(none yet)'}; "
            f"got {name}@{alias}. Run: forerun run"
        )
    with store.guard(f"fetch {name}@{alias}"):
        source = store.client.get_model_version_download_uri(name, found.version)
        if source.startswith("models:/"):
            source = store.client.get_logged_model(source.removeprefix("models:/")).artifact_location
        folder = Path(artifacts.download_artifacts(source, tracking_uri=store.uri))
    return folder / str(Model.load(str(folder)).flavors["python_function"]["data"])
