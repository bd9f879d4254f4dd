"""Acquisitions: what a prediction is worth, as a score. Lower is better.

Notation: mean, std (n,) predicted in target units; bar the best loss so far in target units;
z = (bar - mean) / std; phi, Phi density and distribution function of the standard normal.

    mean       mean
    lcb        mean - kappa std                    (Srinivas et al., ICML 2010, with a fixed kappa)
    ei         -log(std (phi(z) + z Phi(z)))       (Jones et al., 1998; in logarithms, as its plain form is 0
                                                   over most of a space: Ament et al., NeurIPS 2023)
    thompson   the mean of a draw                  of a surrogate that can be drawn (Thompson, 1933); of others
               mean + std f(x)                     f a smooth random function of unit variance

Before any trial there is no bar, and expected improvement is the mean: nothing to improve upon, so the
first trainings are the ones that are expected to be best.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from forerun.errors import SettingsError
from forerun.metalearners import Prediction, Surrogate
from forerun.search import Score
from forerun.space import Additive, Floats, Layers, Quadratic

KAPPA = 1.0
WAVES = 256
"""Random waves that make up a Thompson draw."""

Acquisition = Callable[[Prediction, Floats], Floats]
"""Prediction of n configurations and their encodings (n, d) to scores (n,)."""


def mean(prediction: Prediction) -> Floats:
    """The predicted loss itself."""
    return np.asarray(prediction.mean)


def lcb(prediction: Prediction, kappa: float = KAPPA) -> Floats:
    """Lower confidence bound: optimistic by kappa standard deviations."""
    return np.asarray(prediction.mean - kappa * prediction.std)


def ei(prediction: Prediction, bar: float | None) -> Floats:
    """Negative logarithm of the expected improvement over bar (None: the mean)."""
    if bar is None:
        return mean(prediction)
    std = np.maximum(prediction.std, 1e-12)
    return -(np.log(std) + _log_h((bar - prediction.mean) / std))


def _log_h(z: Floats) -> Floats:
    """log(phi(z) + z Phi(z)), also where both vanish."""
    from scipy.special import erfcx, ndtr

    z = np.asarray(z, dtype=np.float64)
    log_phi = -0.5 * z**2 - 0.5 * np.log(2 * np.pi)
    far, middle = z < -1e3, (z >= -1e3) & (z < -1)
    plain = np.where(far | middle, 0.0, z)
    found = np.log(np.exp(-0.5 * plain**2) / np.sqrt(2 * np.pi) + plain * ndtr(plain))
    # Phi(z) / phi(z) = sqrt(pi / 2) erfcx(-z / sqrt 2); beyond -1,000 what is left of 1 + z Phi / phi is 1 / z^2
    scaled = np.where(middle, z, -1.0)
    ratio = 1 + scaled * np.sqrt(np.pi / 2) * erfcx(-scaled / np.sqrt(2))
    found = np.where(middle, log_phi + np.log(ratio), found)
    return np.asarray(np.where(far, log_phi - 2 * np.log(np.abs(np.where(far, z, -1.0))), found))


def thompson(columns: int, rng: np.random.Generator) -> Acquisition:
    """Draw one plausible loss surface over encodings of so many columns; the same row has the same score.

    The draw is a sum of random waves (Rahimi & Recht, NeurIPS 2007), so neighbours share their luck: noise
    drawn for each row anew would make a search over millions of rows find nothing but the luckiest draw.
    """
    frequencies = rng.normal(size=(columns, WAVES)) / 2
    phases = rng.uniform(0, 2 * np.pi, WAVES)
    heights = rng.normal(size=WAVES) * np.sqrt(2 / WAVES)

    def score(prediction: Prediction, X: Floats) -> Floats:
        return np.asarray(prediction.mean + prediction.std * (np.cos(X @ frequencies + phases) @ heights))

    return score


ACQUISITIONS = ("mean", "lcb", "ei", "thompson")


@dataclass(frozen=True)
class AcquisitionScore:
    """What a search is handed: encoded configurations (n, d) to scores (n,)."""

    surrogate: Surrogate
    acquisition: Acquisition

    def __call__(self, X: Floats) -> Floats:
        """Score encoded configurations."""
        return self.acquisition(self.surrogate.predict(X), X)


@dataclass(frozen=True)
class MeanScore:
    """The predicted mean of a surrogate."""

    surrogate: Surrogate

    def __call__(self, X: Floats) -> Floats:
        """Score encoded configurations."""
        return mean(self.surrogate.predict(X))


@dataclass(frozen=True)
class AdditiveScore(MeanScore):
    """The mean of a surrogate that is a network over a sum of tables; so is this score."""

    talent: Additive

    def layers(self) -> Layers:
        """As `Additive.layers`."""
        return self.talent.layers()


@dataclass(frozen=True)
class QuadraticScore(MeanScore):
    """The mean of a surrogate with a term for every pair of axes; so is this score."""

    talent: Quadratic

    def quadratic(self) -> tuple[tuple[Floats, Floats], Floats, Floats, float]:
        """As `Quadratic.quadratic`."""
        return self.talent.quadratic()


def mean_score(surrogate: Surrogate) -> Score:
    """The mean as a score, with the structure of the surrogate where it has one."""
    if isinstance(surrogate, Additive):
        return AdditiveScore(surrogate, surrogate)
    if isinstance(surrogate, Quadratic):
        return QuadraticScore(surrogate, surrogate)
    return MeanScore(surrogate)


@runtime_checkable
class Drawable(Protocol):
    """A surrogate that can guess what the truth is, in keeping with its doubt."""

    def draw(self, rng: np.random.Generator) -> Surrogate:
        """One guess: a surrogate of the same form."""
        ...


@runtime_checkable
class Improving(Protocol):
    """A surrogate that knows better than its mean and std what a training may gain: a mixture, say."""

    def improvement(self, X: Floats) -> Floats:
        """Worth (n,) of a further training at encoded configurations X (n, d); higher is better, also before any."""
        ...


@dataclass(frozen=True)
class ImprovementScore:
    """The improvement that a surrogate tells itself."""

    surrogate: Improving

    def __call__(self, X: Floats) -> Floats:
        """Score encoded configurations."""
        return -self.surrogate.improvement(X)


def improvement_of(surrogate: Surrogate, X: Floats, tried: Sequence[int]) -> Floats:
    """Score recorded configurations X (n, d), of which some were tried, by expected improvement; lower is better.

    Over the best prediction, not the best result, of what was tried: single results are noisy.
    """
    if isinstance(surrogate, Improving):
        return ImprovementScore(surrogate)(X)
    prediction = surrogate.predict(X)
    return ei(prediction, float(prediction.mean[list(tried)].min()) if len(tried) else None)


def acquisition_score(
    name: str, surrogate: Surrogate, *, bar: float | None, columns: int, rng: np.random.Generator
) -> Score:
    """Make the score of an acquisition; the mean, and that of a Thompson draw, keep the surrogate's structure.

    Raises SettingsError for an unknown one.
    """
    if name == "ei" and isinstance(surrogate, Improving):
        return ImprovementScore(surrogate)
    if name == "mean" or (name == "ei" and bar is None):
        return mean_score(surrogate)
    if name == "thompson" and isinstance(surrogate, Drawable):
        return mean_score(surrogate.draw(rng))
    made: dict[str, Acquisition] = {
        "lcb": lambda prediction, _: lcb(prediction),
        "ei": lambda prediction, _: ei(prediction, bar),
        "thompson": thompson(columns, rng),
    }
    if name not in made:
        raise SettingsError(f"acquisition must be one of {', '.join(ACQUISITIONS)}; got {name!r}")
    return AcquisitionScore(surrogate, made[name])


def searched_by(name: str, surrogate: Surrogate, bar: float | None) -> str:
    """What the score of an acquisition is in truth: 'mean', 'lcb', 'ei', 'thompson', or the surrogate's 'improvement'.

    Before any trial expected improvement is the mean, but of a surrogate that tells improvement itself.
    """
    if name == "ei" and isinstance(surrogate, Improving):
        return "improvement"
    return "mean" if name == "ei" and bar is None else name


# -- units ----------------------------------------------------------------------------------------


def in_target_units(surrogate: Surrogate, loss: float) -> float:
    """Return the mean in target units that `to_units` turns into a raw loss (nearest, where it never does)."""

    def raw(y: float) -> float:
        return float(surrogate.to_units(Prediction(np.array([y]), np.array([1e-9]))).mean[0])

    low, high = -1.0, 1.0
    for _ in range(40):
        if raw(low) > loss:
            low *= 2
        if raw(high) < loss:
            high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if raw(middle) < loss else (low, middle)
    return high


def expected_improvement(surrogate: Surrogate, prediction: Prediction, best: float) -> Floats:
    """Expected improvement (n,) over the best raw loss, in raw units: by how much a training is likely to better it."""
    bar = in_target_units(surrogate, best)
    step = 0.1
    ends = surrogate.to_units(Prediction(np.array([bar - step, bar]), np.full(2, 1e-9))).mean
    return np.exp(-ei(prediction, bar)) * float(ends[1] - ends[0]) / step
