"""A tiny world: a space, tasks whose losses are known functions, forecasters that know them more or less."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from forerun.metalearners import Context, Prediction
from forerun.metalearners.forecaster import Forecast
from forerun.space import Categorical, Condition, Configuration, Real, SearchSpace
from forerun.trials import History, Status, Trial

SPACE = SearchSpace(
    "fake",
    {"learner": Categorical(("tree", "net")), "tree.x": Real(0, 1), "net.lr": Real(1e-4, 1, log=True), "z": Real(0, 1)},
    {"tree.x": Condition.of({"learner": "tree"}), "net.lr": Condition.of({"learner": "net"})},
)
Loss = Callable[[Configuration], float]


def true_loss(configuration: Configuration) -> float:
    """At best 0.1, at learner=net, net.lr=0.01, z=0.6."""
    z = float(configuration["z"])  # type: ignore[arg-type]
    if configuration["learner"] == "tree":
        return 0.25 + 0.1 * (float(configuration["tree.x"]) - 0.3) ** 2 + 0.1 * (z - 0.6) ** 2  # type: ignore[arg-type]
    lr = float(configuration["net.lr"])  # type: ignore[arg-type]
    return 0.1 + 0.05 * (np.log10(lr) + 2) ** 2 + 0.1 * (z - 0.6) ** 2


def trial(configuration: Configuration, loss: float = np.nan, **more: Any) -> Trial:
    failed = not np.isfinite(loss)
    defaults = {"reason": "diverged"} if failed else {"fit_seconds": 0.1}
    status = Status.FAILED if failed else Status.FINISHED
    return Trial("target", configuration, SPACE.name, 0, status, float(loss), **{**defaults, **more})


@dataclass
class Trainer:
    """Trains by looking the loss up, and remembers what it was asked."""

    loss: Loss = true_loss
    asked: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, configurations: Sequence[Configuration]) -> Iterable[Trial]:
        self.asked += [dict(c) for c in configurations]
        # in another order than asked, as processes do
        return [trial(c, self.loss(c)) for c in reversed(configurations)]


@dataclass(frozen=True)
class FakeSurrogate:
    """Bayesian linear regression around a prior guess; units of the target are half those of the loss."""

    weights: np.ndarray
    covariance: np.ndarray
    columns: slice | None = None

    def predict(self, X: np.ndarray) -> Prediction:
        Phi = features(X)
        return Prediction(2 * Phi @ self.weights, 2 * np.sqrt(((Phi @ self.covariance) * Phi).sum(axis=1) + 1e-6))

    def to_units(self, prediction: Prediction) -> Prediction:
        return Prediction(prediction.mean / 2, prediction.std / 2)


def features(X: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(X)), X])


@dataclass
class FakeForecaster:
    """Adapts by exact Bayesian updates, from a prior that knows `guess` (columns + 1,) or nothing."""

    guess: np.ndarray | None = None
    doubt: float = 0.3
    seconds_per_unit: float = 0.0
    """Log10 seconds grow with z by this much; 0 for a history without times."""
    space_: SearchSpace = SPACE
    adapted: list[int] = field(default_factory=list)

    def context(
        self, row: np.ndarray, configurations: Sequence[Configuration], own: SearchSpace, y: np.ndarray
    ) -> Context:
        return Context(row, self.space_.encode(configurations, own), y)

    def adapt(self, loss: Context, seconds: Context | None = None) -> Forecast:
        self.adapted.append(len(loss.y))
        d = len(self.space_.columns) + 1
        prior = np.zeros(d) if self.guess is None else self.guess
        known = np.isfinite(loss.y)
        Phi, noise = features(loss.X[known]), 1e-4
        precision = np.eye(d) / self.doubt**2 + Phi.T @ Phi / noise
        covariance = np.linalg.inv(precision)
        weights = prior + covariance @ (Phi.T @ (loss.y[known] - Phi @ prior)) / noise
        return Forecast(FakeSurrogate(weights, covariance), self._seconds(d) if self.seconds_per_unit else None)

    def _seconds(self, d: int) -> FakeSurrogate:
        weights = np.zeros(d)
        weights[1 + self.space_.columns.index("z=u")] = self.seconds_per_unit
        return FakeSurrogate(weights, np.zeros((d, d)))


def knowing() -> FakeForecaster:
    """A forecaster whose prior was fitted to the true loss."""
    configurations = SPACE.sample(np.random.default_rng(0), 500)
    Phi = features(SPACE.encode(configurations))
    y = np.array([true_loss(c) for c in configurations])
    return FakeForecaster(np.linalg.lstsq(Phi, y, rcond=None)[0], doubt=0.02)


def history(losses: dict[str, Loss], shared: Sequence[Configuration], kind: str = "binary") -> History:
    """Every task trains the shared configurations and some of its own."""
    trials, rng = [], np.random.default_rng(1)
    for name, loss in losses.items():
        for configuration in [*shared, *SPACE.sample(rng, 5)]:
            trials.append(_of(name, configuration, loss(configuration)))
    tasks = pd.DataFrame({"family": list(losses), "kind": kind}, index=pd.Index(list(losses), name="task"))
    return History.of(trials, tasks, {SPACE.name: SPACE})


def _of(task: str, configuration: Configuration, loss: float) -> Trial:
    status = Status.FINISHED if np.isfinite(loss) else Status.FAILED
    return Trial(task, configuration, SPACE.name, 0, status, loss)
