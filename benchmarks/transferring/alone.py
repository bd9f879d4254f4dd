"""The default without history: the part of its mixture that no history enters, started at random.

`Mixture` holds the target to be like one of the tasks seen, as a family predicts it, or like none. The last of these,
`scratch`, is a Gaussian process with a Matern kernel of several lengths around a constant; it is what remains of the
mixture where there is nothing to transfer. Here it is all there is: the same kernels, noise, units and
improvement. What the mixture takes from targets in general (their level and spread in target units, which are the
same in every history by construction) are those of normal losses; the length of the kernels is relative to the
distances between configurations, and an opening without history is drawn at random.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.stats import norm

from forerun.metadata import MetaDataset, Standard, standardise
from forerun.metadata.targets import locate
from forerun.metalearners import Prediction
from forerun.metalearners.hypotheses import Hypothesis, Points, Trials, components, condition, moments
from forerun.metalearners.mixture import OPENING
from forerun.metalearners.threads import one_thread
from forerun.metalearners.views import LENGTHS, LUCK, NOISE, Smooth
from forerun.space import Floats
from forerun.tuning.acquisition import ei
from judging.base import Candidates, Method, Seen
from judging.peers_inputs import highest, untried

USUAL = standardise(norm.ppf((np.arange(1_000) + 0.5) / 1_000))[0]
"""Targets of normal losses."""
PAIRS = 2_000
"""Configurations whose distances are measured."""


@dataclass
class Alone(Method):
    """The scratch hypothesis, after as many random trials as the default has for an opening."""

    def fit(self, meta: MetaDataset, rng: np.random.Generator) -> Self:
        """Learn how far configurations are from one another; their losses are not looked at."""
        distinct = np.unique(meta.X, axis=0)
        apart = np.linalg.norm(rng.choice(distinct, PAIRS) - rng.choice(distinct, PAIRS), axis=1)
        length = float(np.median(apart[apart > 0])) if (apart > 0).any() else 1.0
        self.hypotheses_ = [_scratch(factor * length) for factor in LENGTHS]
        return self

    @one_thread()
    def choose(self, candidates: Candidates, seen: Seen, rng: np.random.Generator) -> int:
        """At random first; then the highest expected improvement, every hypothesis by itself."""
        left = untried(candidates, seen)
        if len(seen.rows) < OPENING:
            return int(rng.choice(left))
        trials = self._trials(_points(candidates.X[list(seen.rows)]), np.asarray(seen.losses))
        found = components(condition(self.hypotheses_, trials), trials, _points(candidates.X[left]))
        bar = float(trials.y.min())
        gain = sum(c.weight @ [np.exp(-ei(Prediction(mean, c.std), bar)) for mean in c.mean] for c in found)
        return highest(np.asarray(gain), left, rng)

    def _trials(self, points: Points, losses: Floats) -> Trials:
        """In target units, located by themselves: before any trial every loss is expected to be a usual one."""
        nothing = Trials(_points(points.X[:0]), np.zeros(0), np.zeros(0), np.zeros(0))
        expected = moments(components(condition(self.hypotheses_, nothing), nothing, points))
        standard = locate(losses, *expected, Standard(0.0, 1.0))
        known = np.isfinite(losses)
        return Trials(points, standard.forward(losses), known.astype(float), np.where(known, NOISE, LUCK))


def _scratch(length: float) -> Hypothesis:
    def flat(p: Points) -> Floats:
        return np.full((1, len(p.X)), USUAL.mean())

    return Hypothesis("scratch", flat, np.zeros(1), Smooth(length, float(USUAL.std())), 1 / len(LENGTHS))


def _points(X: Floats) -> Points:
    return Points(X, np.zeros((0, len(X))), ())
