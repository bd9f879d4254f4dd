"""What trained networks are worth on rows that they were not trained on, case by case and on the whole.

Two parts of a data set were held back, validation and test. Who has a learning rate chooses it in one of two ways: by
the training loss after the last step, or by the validation loss. A training is told after its last step, and as if it
had been stopped where its validation loss was lowest of all steps that were looked at. Losses are means over seeds, in
losses of who does not look at the inputs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from optimized.summary import ALLOWANCE, interval

ANY = "any"
"""The best of all learning rates of all optimizers."""
CHOICES = {"training": ("training", "training"), "validation": ("validation", "validation_best")}
"""Way to choose a learning rate -> by which loss, for trainings that go on to the last step and for stopped ones."""
Losses = Sequence[Sequence[float]]
"""By seed and step."""


@dataclass(frozen=True)
class Outcome:
    """Losses of one optimizer at one learning rate."""

    training: float
    """After the last step, as the next two."""
    validation: float
    test: float
    validation_best: float
    """The lowest on the way."""
    test_stopped: float
    """Where that was."""

    @classmethod
    def of(cls, training: Losses, validation: Losses, test: Losses, blind: float) -> "Outcome":
        """Means over seeds, each of which stops where it is best."""
        seen, known, unknown = (np.array(losses) / blind for losses in (training, validation, test))
        seeds, stop = np.arange(len(known)), known.argmin(axis=1)
        ends = (losses[:, -1].mean() for losses in (seen, known, unknown))
        return cls(*map(float, (*ends, known[seeds, stop].mean(), unknown[seeds, stop].mean())))


def tuned(case: Mapping[str, Any]) -> dict[str, list[Outcome]]:
    """Optimizer -> the outcome of each of its learning rates; ANY has all of them."""
    found: dict[str, list[Outcome]] = {}
    parts = (case["tuned"], *(part["tuned"] for part in case["unseen"]))
    for same in zip(*parts, strict=True):
        outcome = Outcome.of(*(losses for _, _, losses in same), case["blind"])
        for name in (same[0][0], ANY):
            found.setdefault(name, []).append(outcome)
    return found


def learned(case: Mapping[str, Any]) -> dict[str, Outcome]:
    """Rule -> its outcome."""
    return {
        rule: Outcome.of(losses, *(part["learned"][rule] for part in case["unseen"]), case["blind"])
        for rule, losses in case["learned"].items()
    }


def chosen(outcomes: Sequence[Outcome], choice: str) -> Outcome:
    """What comes of one way to choose a learning rate, whether trainings go on or are stopped."""
    on, stopped = (min(outcomes, key=lambda o, name=name: getattr(o, name)) for name in CHOICES[choice])
    return Outcome(on.training, on.validation, on.test, stopped.validation_best, stopped.test_stopped)


def compared(cases: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Mean losses of all, and for each rule how far above the others it is; intervals as in `summary`."""
    families = [case["family"] for case in cases.values()]
    ours = [learned(case) for case in cases.values()]
    others = [tuned(case) for case in cases.values()]
    found: dict[str, Any] = {"means": {rule: _means([o[rule] for o in ours]) for rule in ours[0]}, "above": {}}
    for name in others[0]:
        for choice in CHOICES:
            theirs = [chosen(o[name], choice) for o in others]
            found["means"][f"{name} by {choice}"] = _means(theirs)
            for rule in ours[0]:
                told = found["above"].setdefault(rule, {}).setdefault(f"{name} by {choice}", {})
                for loss in ("test", "test_stopped"):
                    above = np.array(
                        [getattr(o[rule], loss) - getattr(t, loss) for o, t in zip(ours, theirs, strict=True)]
                    )
                    told[loss] = {"as_good": int((above <= ALLOWANCE).sum()), **interval(above, families)}
    return found


def _means(outcomes: Sequence[Outcome]) -> dict[str, float]:
    return {field.name: float(np.mean([asdict(o)[field.name] for o in outcomes])) for field in fields(Outcome)}
