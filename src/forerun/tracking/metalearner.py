"""The registered meta-learner: MLflow loads it through this module, from data alone.

`predict` takes configurations as rows of a frame, one column per domain (empty where inactive, sets as JSON
lists), and returns what to expect of them. What is known of the task may stand in further columns, `mf_*`
(meta-features) and `hw_*` (hardware); without them the answer is for a middling task.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forerun.errors import SpaceError
from forerun.metalearners.base import Context, Prediction
from forerun.metalearners.forecaster import Forecaster
from forerun.space import Configuration, SearchSpace, Subset, Value

OUTPUTS = ("loss", "loss_std", "seconds", "seconds_factor")
"""Loss and its standard deviation; the median of seconds, and the factor it is uncertain by (one std)."""


@dataclass(frozen=True)
class Oracle:
    """A forecaster that answers frames with frames."""

    forecaster: Forecaster

    def predict(self, model_input: pd.DataFrame, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Predict the configurations in the rows of a frame. Raises SpaceError for what is no configuration."""
        frame = model_input.reset_index(drop=True)
        space, scaler = self.forecaster.space_, self.forecaster.scaler_
        X = space.encode([from_row(row, space) for row in frame.to_dict("records")])
        features = scaler.apply(frame.reindex(columns=scaler.names).astype(float))
        found = np.full((len(frame), len(OUTPUTS)), np.nan)
        # rows that describe the same task are asked together
        tasks, of_task = np.unique(features, axis=0, return_inverse=True)
        for i, task in enumerate(tasks):
            rows = np.flatnonzero(of_task.ravel() == i)
            forecast = self.forecaster.adapt(Context.empty(task, X.shape[1]))
            loss: Prediction = forecast.loss.to_units(forecast.loss.predict(X[rows]))
            found[rows, 0], found[rows, 1] = loss
            if forecast.seconds is not None:
                log10 = forecast.seconds.to_units(forecast.seconds.predict(X[rows]))
                found[rows, 2], found[rows, 3] = 10**log10.mean, 10**log10.std
        return pd.DataFrame(found, columns=list(OUTPUTS), index=model_input.index)

    def get_raw_model(self) -> Forecaster:
        """What `PyFuncModel.get_raw_model` hands out."""
        return self.forecaster


def from_row(row: Mapping[Any, Any], space: SearchSpace) -> dict[str, Value]:
    """Read a configuration from a row of a frame."""
    found: dict[str, Any] = {}
    for name, value in row.items():
        if name not in space.domains or _empty(value):
            continue
        if isinstance(space.domains[name], Subset) and isinstance(value, str):
            try:
                value = json.loads(value)  # noqa: PLW2901 - the same value, parsed
            except ValueError as error:
                raise SpaceError(f"{name} must be a list or a JSON list; got {value!r}") from error
        found[name] = value
    if not found:
        raise SpaceError(f"a configuration must give some of {', '.join(space.domains)}; got none of them")
    return space.restore(found)


def as_rows(configurations: Sequence[Configuration], space: SearchSpace) -> pd.DataFrame:
    """The inverse of `from_row`, of many: every domain a column."""
    rows = [
        {name: json.dumps(list(v)) if isinstance(v, tuple) else v for name, v in each.items()}
        for each in configurations
    ]
    return pd.DataFrame(rows, columns=list(space.domains))


def _empty(value: Any) -> bool:
    return value is None or (isinstance(value, float) and np.isnan(value)) or value is pd.NA


def _load_pyfunc(path: str) -> Oracle:
    """MLflow's way in (`loader_module`)."""
    return Oracle(Forecaster.load(Path(path)))
