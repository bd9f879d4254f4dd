"""Where the losses of a new task will lie: location and scale predicted from its features.

Landmarkers say roughly how hard a task is before anything is trained. Both the location and the logarithm
of the scale of a task's losses (see `targets`) are predicted by ridge regression on the task features, with
the penalty, and the doubt that is reported, taken from leave-one-family-out residuals

    e_F = (I - H_FF)^-1 r_F        H the hat matrix, r the residuals of the full fit, F the tasks of a family

(the block form of the leave-one-out identity, Cook & Weisberg, Residuals and Influence, 1982). An infinite
penalty, the mean over tasks, is among the choices, so features that say nothing do no harm. An affine change
of all losses of the history changes the predictions alike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from forerun.errors import FormatError
from forerun.metadata.dataset import SECONDS, MetaDataset
from forerun.metadata.targets import ABSOLUTE, Standard, locate
from forerun.space import Floats

PENALTIES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, float("inf"))
"""Of the ridge, in units of one task's standardised features."""
FEW = 4
"""With fewer families, nothing can be learned of how they differ; the mean over tasks is used."""


@dataclass(frozen=True)
class Line:
    """A linear prediction: intercept + weights (m,) . features (m,), +- std."""

    intercept: float
    weights: Floats
    std: float

    def at(self, features: Floats) -> float:
        """Predict one task."""
        return float(self.intercept + self.weights @ features)


@dataclass
class ScaleModel:
    """Predicts a task's `Standard` from its features, and corrects it by the task's first trials."""

    location_: Line | None = None
    log_scale_: Line | None = None
    """Both None where target units are absolute (times)."""

    def fit(self, meta: MetaDataset) -> Self:
        """Learn from the standards of the meta-dataset's tasks."""
        self.location_ = self.log_scale_ = None
        if meta.target != SECONDS:
            # with one family there are no residuals: a location is then doubted by some scales, a scale by a factor e
            self.location_ = ridge(meta.features, meta.location, meta.families, doubt=3 * float(np.mean(meta.scale)))
            self.log_scale_ = ridge(meta.features, np.log(meta.scale), meta.families, doubt=1.0)
        return self

    def predict(self, features: Floats) -> Standard:
        """What to expect of a task with features (m,), before any trial."""
        if self.location_ is None or self.log_scale_ is None:
            return ABSOLUTE
        scale = float(np.exp(self.log_scale_.at(features)))
        return Standard(self.location_.at(features), scale, self.location_.std, self.log_scale_.std)

    def update(self, prior: Standard, losses: Floats, mean: Floats, std: Floats) -> Standard:
        """Correct `predict`'s answer by raw losses (k,), of which (mean, std) were predicted in target units."""
        return locate(losses, mean, std, prior)

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it; `from_dict` predicts the same numbers to the last bit."""
        lines = {"location": self.location_, "log_scale": self.log_scale_}
        return {
            name: line and {"intercept": line.intercept, "weights": line.weights.tolist(), "std": line.std}
            for name, line in lines.items()
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        try:
            return cls(*(_line(raw[name]) for name in ("location", "log_scale")))
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(f"a scale model must have location and log_scale lines; got {raw}") from error


def _line(raw: Mapping[str, Any] | None) -> Line | None:
    if raw is None:
        return None
    return Line(float(raw["intercept"]), np.array(raw["weights"], dtype=float), float(raw["std"]))


def ridge(features: Floats, values: Floats, families: Sequence[str], doubt: float) -> Line:
    """Fit values (T,) on features (T, m); std from leave-one-family-out residuals, doubt where there are none."""
    blocks = [np.flatnonzero(np.array(families) == family) for family in dict.fromkeys(families)]
    mean = float(np.mean(values))
    if len(blocks) < 2:
        return Line(mean, np.zeros(features.shape[1]), doubt)
    center = features.mean(axis=0)
    F, r = features - center, values - mean
    U, s, Vt = np.linalg.svd(F, full_matrices=False)
    best = (float("inf"), float("inf"))
    for penalty in PENALTIES if len(blocks) >= FEW and features.shape[1] else PENALTIES[-1:]:
        shrink = s**2 / (s**2 + penalty)
        hat = (U * shrink) @ U.T + 1 / len(values)
        residual = r - (U * shrink) @ (U.T @ r)
        left_out = [np.linalg.solve(np.eye(len(b)) - hat[np.ix_(b, b)], residual[b]) for b in blocks]
        # a family counts once, however many tasks were derived from it
        best = min(best, (float(np.mean([np.mean(e**2) for e in left_out])), penalty))
    weights = Vt.T @ (s / (s**2 + best[1]) * (U.T @ r))
    return Line(mean - float(weights @ center), weights, float(np.sqrt(best[0])))
