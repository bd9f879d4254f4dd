"""A forecaster: what an untrained configuration will score, and how long its training will take.

Two meta-learners of any sort, one for the loss and one for log10 seconds, with what it takes to ask them:
the space that configurations are encoded in, and the scaler of task features. This is what is registered.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from forerun.errors import FormatError
from forerun.metadata import FeatureScaler, MetaDataset
from forerun.metalearners import saved
from forerun.metalearners.base import Context, Floats, MetaLearner, Surrogate
from forerun.space import Configuration, SearchSpace


@dataclass(frozen=True)
class Forecast:
    """A forecaster adapted to one task."""

    loss: Surrogate
    seconds: Surrogate | None
    """Of log10 seconds; None when the history knows no times."""


@dataclass
class Forecaster:
    """Forecasts loss and training time."""

    loss: MetaLearner
    seconds: MetaLearner
    space_: SearchSpace = field(init=False, repr=False)
    scaler_: FeatureScaler = field(init=False, repr=False)
    timed_: bool = field(init=False, repr=False)
    """Whether the history knew training times."""

    def fit(self, meta: MetaDataset) -> Self:
        """Learn across tasks. Forgets the past, returns self."""
        self.space_, self.scaler_ = meta.space, meta.scaler
        self.loss.fit(meta)
        timed = meta.for_seconds()
        self.timed_ = len(timed) >= 2
        if self.timed_:
            self.seconds.fit(timed)
        return self

    def adapt(self, loss: Context, seconds: Context | None = None) -> Forecast:
        """Condition on the target's trials: y are raw losses in one context, log10 seconds in the other."""
        timed = seconds or Context.empty(loss.features, loss.X.shape[1])
        return Forecast(self.loss.adapt(loss), self.seconds.adapt(timed) if self.timed_ else None)

    def context(
        self, features: Floats, configurations: Sequence[Configuration], own: SearchSpace, y: Floats
    ) -> Context:
        """Encode the target's trials, drawn from its `own` space."""
        return Context(features, self.space_.encode(configurations, own), np.asarray(y, dtype=float))

    def save(self, folder: Path) -> None:
        """Write the forecaster (see `metalearners.saved`); nothing in it is code."""
        head: dict[str, Any] = {"space": self.space_.to_dict(), "scaler": self.scaler_.to_dict()}
        head["loss"], losses = saved.describe(self.loss)
        head["seconds"], times = saved.describe(self.seconds) if self.timed_ else (None, {})
        arrays = {f"loss.{name}": array for name, array in losses.items()}
        saved.write(folder, head, arrays | {f"seconds.{name}": array for name, array in times.items()})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote: it forecasts the same numbers to the last bit."""
        head, arrays = saved.read(folder)
        try:
            space, scaler = SearchSpace.from_dict(head["space"]), FeatureScaler.from_dict(head["scaler"])
            parts = [_part(head, arrays, part, str(folder)) for part in ("loss", "seconds")]
        except KeyError as error:
            raise FormatError(f"the forecaster in {folder} must hold {error.args[0]!r}. Train it again") from error
        loss = parts[0] or saved.restore({}, {}, str(folder))
        # without times, there is nothing to restore: any meta-learner stands in, unfitted
        forecaster = cls(loss, parts[1] or type(loss)())
        forecaster.space_, forecaster.scaler_, forecaster.timed_ = space, scaler, parts[1] is not None
        return forecaster


def _part(head: dict[str, Any], arrays: dict[str, np.ndarray], part: str, origin: str) -> MetaLearner | None:
    own = {name.removeprefix(f"{part}."): a for name, a in arrays.items() if name.startswith(f"{part}.")}
    return saved.restore(head[part], own, f"{origin} ({part})") if head[part] is not None else None
