"""A registered champion: MLflow loads it through this module, from data alone.

Its files are `champion.json` (columns, labels, configuration) and `model/` (see `learners.saved`): nothing
in the artefact is code, and nothing is unpickled.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forerun.errors import DataError, FormatError
from forerun.learners.base import Model
from forerun.learners.saved import load_model, save_model
from forerun.space import Configuration
from forerun.tasks import Metric, Part, Task
from forerun.tasks.columns import tidy_column, to_category

FORMAT_VERSION = 1
HEAD = "champion.json"
TRUTH = {"true": "True", "false": "False", "1": "True", "0": "False"}
"""How a CSV may write what pandas read as booleans when the task was made."""


@dataclass(frozen=True)
class Champion:
    """A model of one task that takes raw rows, as they stand in a CSV, and answers in the task's own words."""

    task: str
    kind: str
    target: str
    columns: Mapping[str, bool]
    """Feature columns in order; True for categories."""
    truths: tuple[str, ...]
    """Categorical columns that hold truth values."""
    labels: tuple[bool | int | float | str, ...]
    """Classes in code order; empty for regression."""
    configuration: Configuration
    model: Model

    @classmethod
    def of(cls, task: Task, configuration: Configuration, model: Model) -> "Champion":
        """Describe a model of a task."""
        categories = {c: task.train.X[c].cat.categories for c in task.categorical}
        return cls(
            task=task.name,
            kind=task.kind,
            target=task.target,
            columns={c: c in categories for c in task.columns},
            truths=tuple(c for c, values in categories.items() if len(values) and set(values) <= {"True", "False"}),
            labels=tuple(_plain(label) for label in task.labels),
            configuration=dict(configuration),
            model=model,
        )

    def predict(self, model_input: pd.DataFrame, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Predict raw rows: a column `prediction` (labels or numbers), and `p(label)` for each class.

        Columns may come in any order; others than the task's are ignored. Raises DataError.
        """
        X = self.prepare(model_input)
        if not self.labels:
            return pd.DataFrame({"prediction": np.asarray(self.model.predict(X), dtype=float)}, index=X.index)
        proba = self.model.predict_proba(X)
        found = pd.DataFrame({"prediction": [self.labels[code] for code in proba.argmax(axis=1)]}, index=X.index)
        for label, column in zip(self.labels, proba.T, strict=True):
            found[f"p({label})"] = column
        return found

    def prepare(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Give raw rows the columns and types of the task."""
        missing = [c for c in self.columns if c not in frame.columns]
        if missing:
            raise DataError(
                f"rows to predict with the champion of {self.task!r} must have the columns "
                f"{', '.join(self.columns)}; missing {', '.join(missing)}"
            )
        return pd.DataFrame({name: self._typed(frame[name], name) for name in self.columns}, index=frame.index)

    def _typed(self, column: "pd.Series[Any]", name: str) -> "pd.Series[Any]":
        if self.columns[name]:
            text = to_category(column)
            if name not in self.truths:
                return text
            return to_category(text.astype(object).map(lambda v: TRUTH.get(str(v).lower(), v), na_action="ignore"))
        if column.isna().all():
            return column.astype("float64")
        numbers = tidy_column(column, name)
        if isinstance(numbers.dtype, pd.CategoricalDtype):
            strange = column.dropna().iloc[0]
            raise DataError(f"column {name!r} of the rows to predict must hold numbers; got {strange!r}")
        return numbers

    def loss(self, part: Part, metric: Metric, labels: tuple[object, ...]) -> float:
        """Loss on a part of a task whose classes are `labels`, which may come in another order than here."""
        X = self.prepare(part.X)
        if not self.labels:
            return float(metric.loss(metric.value(part.y, self.model.predict(X), None)))
        theirs = [_plain(label) for label in labels]
        if set(theirs) != set(self.labels):
            raise DataError(f"the classes of {self.task!r} must be {list(self.labels)}; got {theirs}")
        proba = self.model.predict_proba(X)[:, [self.labels.index(label) for label in theirs]]
        return float(metric.loss(metric.value(part.y, proba.argmax(axis=1), proba)))

    def get_raw_model(self) -> "Champion":
        """What `PyFuncModel.get_raw_model` hands out."""
        return self

    def save(self, folder: Path) -> None:
        """Write the files that `load` reads."""
        save_model(self.model, folder / "model")
        head = {
            "format": FORMAT_VERSION,
            "task": self.task,
            "kind": self.kind,
            "target": self.target,
            "columns": dict(self.columns),
            "truths": self.truths,
            "labels": self.labels,
            "configuration": self.configuration,
        }
        (folder / HEAD).write_text(json.dumps(head, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Champion":
        """Read a champion. Raises FormatError when a file is missing, damaged or newer."""
        try:
            head = json.loads((folder / HEAD).read_text(encoding="utf-8"))
            if head.pop("format") > FORMAT_VERSION:
                raise FormatError(f"{folder / HEAD} is of a newer format; upgrade forerun to read it")
            settings = {
                name: tuple(value) if isinstance(value, list) else value
                for name, value in head["configuration"].items()
            }
            return cls(
                **{**head, "labels": tuple(head["labels"]), "truths": tuple(head["truths"]), "configuration": settings},
                model=load_model(folder / "model"),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise FormatError(f"{folder} is not a saved champion: {error}. Register it again") from error


def _load_pyfunc(path: str) -> Champion:
    """MLflow's way in (`loader_module`)."""
    return Champion.load(Path(path))


def _plain(label: object) -> bool | int | float | str:
    value = label.item() if hasattr(label, "item") else label
    return value if isinstance(value, (bool, int, float, str)) else str(value)
