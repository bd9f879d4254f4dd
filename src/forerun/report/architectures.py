"""What a super-network said of architectures, and how far that could be trusted, in sentences."""

import math

from forerun.report import wording
from forerun.report.story import Architectures


def told(found: Architectures) -> str:
    """Say what was searched, what it took, and how well scores agreed with trainings."""
    earlier = (
        f", and {wording.count(found.earlier)} trainings of such networks on other data sets" if found.earlier else ""
    )
    return (
        f"Of {wording.count(found.size)} {wording.shorten(found.family, 30)} architectures, a super-network in which "
        f"all of them share one set of weights scored {wording.count(found.scored)} with inherited weights: those that "
        f"it finds best, and as many random ones. That took {wording.seconds(found.seconds)}. Trainings were chosen "
        f"among them by a meta-learner that knew these scores{earlier}. {_agreed(found)}"
    )


def _agreed(found: Architectures) -> str:
    pairs = len(found.pairs)
    if math.isnan(found.agreement):
        return f"How well the scores agree with trainings cannot be told from {pairs}."
    best = min(range(pairs), key=lambda i: found.pairs[i][1])
    place = sum(score < found.pairs[best][0] for score, _ in found.pairs) + 1
    return (
        f"Scores and the losses of {pairs} real trainings agree with a rank correlation of "
        f"{wording.fixed(found.agreement)}; by its score the best of them was number {place}."
    )
