"""What to try next in a program that is not forerun's: a function of its trials so far, finished, failed and running.

With a history the `Tuner` chooses from the first trial on. Without one the first OPENING trials fill the space
evenly (Halton, 1960), and then the Tuner chooses by a surrogate of the program's own trials (`untaught`).

A configuration that is being tried counts as tried, with the result that is predicted of it (a kriging believer:
Ginsbourger et al., 2010), so that several may be tried at the same time and all of them differ.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import qmc

from forerun.space import Configuration, Domain, Floats, SearchSpace, Subset, Value
from forerun.space.ranges import Range
from forerun.trials import Status, Trial
from forerun.tuning.tuner import Tuner

OPENING = 6
"""Trials that fill the space where there is no history."""
DRAWN = 256
"""Random configurations among which one is sought that was not tried, where the grid has none left."""


@dataclass(frozen=True)
class Chooser:
    """Chooses what to try next."""

    tuner: Tuner
    taught: bool
    """Whether a history stands behind the tuner's forecaster."""

    @property
    def space(self) -> SearchSpace:
        """What may be tried."""
        return self.tuner.space

    def choose(self, trials: Sequence[Trial], pending: Sequence[Configuration] = ()) -> dict[str, Value] | None:
        """The next configuration: none that was tried or is pending; None where nothing else is left."""
        tried = {key(c) for c in (*(t.configuration for t in trials), *pending)}
        if not self.taught and len(tried) < OPENING:
            spread = self._spread(len(trials) + len(pending))
            return spread if key(spread) not in tried else self._drawn(tried)
        known = [*trials, *self.believed(trials, pending)]
        for suggestion in self.tuner.suggest(known, 1).suggestions:
            found = dict(suggestion.configuration)
            # what is moved off the grid may land on what was tried
            if key(found) not in tried:
                return found
        return self._best_drawn(known, tried)

    def believed(self, trials: Sequence[Trial], pending: Sequence[Configuration]) -> list[Trial]:
        """Configurations that are being tried, as trials that ended as predicted."""
        if not pending:
            return []
        suggestions = self.tuner.describe(self.tuner.adapt(trials), pending)
        return [Trial("pending", s.configuration, self.space.name, 0, Status.FINISHED, s.loss) for s in suggestions]

    def _spread(self, number: int) -> dict[str, Value]:
        """Point `number` of an even sequence over the space."""
        widths = {name: len(d.values) if isinstance(d, Subset) else 1 for name, d in self.space.domains.items()}
        places = qmc.Halton(sum(widths.values()), rng=self.tuner.seed).random(number + 1)[number]
        found: dict[str, Value] = {}
        for name, width in widths.items():
            found[name] = placed(self.space.domains[name], places[:width])
            places = places[width:]
        return self.space.prune(found)

    def _drawn(self, tried: set[str]) -> dict[str, Value] | None:
        rng = np.random.default_rng([self.tuner.seed, len(tried)])
        return next((c for c in self.space.sample(rng, DRAWN) if key(c) not in tried), None)

    def _best_drawn(self, known: Sequence[Trial], tried: set[str]) -> dict[str, Value] | None:
        """The best by its predicted mean of random configurations that were not tried."""
        rng = np.random.default_rng([self.tuner.seed, len(tried)])
        fresh = {key(c): c for c in self.space.sample(rng, DRAWN) if key(c) not in tried}
        said = self.tuner.describe(self.tuner.adapt(known), list(fresh.values()))
        return dict(min(said, key=lambda s: s.loss).configuration) if said else None


def key(configuration: Configuration) -> str:
    """Text that is equal for equal configurations."""
    return json.dumps(dict(configuration), sort_keys=True, default=list)


def placed(domain: Domain, places: Floats) -> Value:
    """The value of a domain at a place in [0, 1); of a set, one place an element."""
    if isinstance(domain, Subset):
        return domain.decode(places[None] > 0.5)[0]  # type: ignore[arg-type]
    if isinstance(domain, Range):
        return domain.decode(2 * places[None] - 1)[0]
    values = domain.levels(2)
    return values[int(places[0] * len(values))]
